"""Run neo4j-admin, and find the cause if it fails."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ..errors import HmrecError

TRACE = "Full exception details written to: "


def run_admin(
    program: Sequence[str], arguments: Sequence[str], environment: Mapping[str, str], folder: Path, source: Path | None
) -> Iterator[str]:
    """Run a command of neo4j-admin, and yield its lines of output.

    Parameters
    ----------
    program : the command line up to neo4j-admin's class.
    arguments : as on neo4j-admin's own command line.
    environment : its environment variables.
    folder : its working folder.
    source : a file for its standard input.

    Raises
    ------
    HmrecError : it failed; the message has the cause.
    """
    lines: list[str] = []
    with (
        (source or Path(os.devnull)).open("rb") as words,
        subprocess.Popen(
            [*program, *arguments], env=environment, cwd=folder, text=True, errors="replace",
            stdin=words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        ) as process,
    ):  # fmt: skip
        try:
            for line in process.stdout or ():
                lines.append(line.rstrip())
                yield line.rstrip()
        except BaseException:  # including Ctrl-C and a reader that stops
            process.kill()
            raise
    if process.returncode != 0:
        raise HmrecError(f"neo4j-admin {arguments[0]} failed: {_find_cause(lines) or process.returncode}.")


def _find_cause(lines: list[str]) -> str:
    """Return why neo4j-admin failed: the root cause in the trace that it wrote, else its last lines."""
    for line in lines:
        trace = Path(line.partition(TRACE)[2])
        if TRACE in line and trace.is_file():
            text = trace.read_text(encoding="utf-8", errors="replace").splitlines()
            causes = [
                part.strip() for part in text if part.strip().startswith("Caused by: ") and "CIRCULAR" not in part
            ]
            if causes:
                return causes[-1].removeprefix("Caused by: ").rstrip(".")
    messages = [line for line in lines if line and not line.startswith(("WARNING", "\tat "))]
    return " / ".join(messages[-3:])
