"""Write a file of lists: a killed run is resumed by the next, and the file is always complete.

Lists go into a partial file beside the target, which is renamed to the target when it is complete. The name of the
partial file contains a hash of everything that the lists depend on. A run therefore resumes only a partial file with
the lists that it would write itself; otherwise it starts from the beginning.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from filelock import FileLock, Timeout

from ...cypher.errors import UserMistake
from ...cypher.local.disk_space import explain_full_disk
from ...cypher.progress import Progress, silent
from ...cypher.result_file import copy_into, find_result_file

HEADER = ("customer_id", "prediction")
STEP = "Recommending to every customer"
FINISHING = "Writing the file"


def write_lists(
    out: Path,
    depends_on: Any,
    customers: Sequence[str],
    predict: Callable[[int, int], Iterable[Sequence[str]]],
    *,
    header: Sequence[str] = HEADER,
    finish: Callable[[Path, Path], None] | None = None,
    at_once: int = 4_000,
    progress: Progress = silent,
) -> int:
    """Write a row for each customer, and make the file from these rows.

    Parameters
    ----------
    out : the file. Its old content stays until the new one is complete, and after any failure. A link stays a link. A
        pipe gets each batch when it is ready, and a killed run cannot be resumed there.
    depends_on : everything that the lists depend on, as values for JSON. Partial files of anything else are deleted.
    customers : ids, in the order of the file.
    predict : returns the cells after the id for the customers from a first position up to, but not including, a second.
    header : the columns of the rows; by default those of Kaggle's submission file.
    finish : makes the file (the second path) from the complete rows (the first); None: the rows are the file.
    at_once : how many customers `predict` is called with. A killed run loses at most one such batch. Batches of a
        resumed run begin where those of the killed run would have, so the file is the same even if the lists of a
        batch depend on each other.
    progress : called with the number of customers done.

    Returns
    -------
    The number of customers that `predict` was called with; an earlier run did the others.

    Raises
    ------
    UserMistake : another run is writing this file.
    DiskFull : the disk is full; the next run resumes the partial file.
    """
    target = find_result_file(out)
    if target.is_stream:
        if finish is None:
            with target.open_stream() as stream:
                _write_from(stream, 0, customers, predict, at_once, progress, header)
            return len(customers)
        with TemporaryDirectory(prefix="hmrec-lists-") as folder:
            rows, complete = Path(folder) / "rows", Path(folder) / "complete"
            with rows.open("wb") as file:
                _write_from(file, 0, customers, predict, at_once, progress, header)
            finish(rows, complete)
            copy_into(target, complete)
        return len(customers)
    path = target.path
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(f".{path.name}.lock")
    try:
        with FileLock(lock, timeout=0):
            known = json.dumps([at_once, depends_on, *header], default=str, sort_keys=True)
            partial = path.with_name(_name_partial(path, known))
            for other in _find_partials(path):
                if other != partial:
                    other.unlink()
            try:
                otherwise = "name a file on another disk. The next run with the same file resumes from here."
                with explain_full_disk(path.parent, otherwise):
                    target.begin(partial)
                    asked = _complete(partial, customers, predict, at_once, progress, header)
                    complete = partial
                    if finish is not None:
                        complete = path.with_name(_name_partial(path, f"{known} complete"))
                        progress(FINISHING, 0, None)
                        target.begin(complete)
                        finish(partial, complete)
                target.end(complete)
                partial.unlink(missing_ok=True)
            finally:
                lock.unlink(missing_ok=True)
    except Timeout:
        raise UserMistake(f"Another run is writing {out}.", "Wait until it is done.") from None
    return asked


def _name_partial(out: Path, known: str) -> str:
    return f"{out.name}.{hashlib.sha256(known.encode()).hexdigest()[:12]}.partial"


def _find_partials(out: Path) -> list[Path]:
    """Return the partial files that killed runs left beside the file."""
    name = re.compile(re.escape(out.name) + r"\.[0-9a-f]{12}\.partial")
    return [entry for entry in out.parent.iterdir() if name.fullmatch(entry.name)]


def _complete(
    partial: Path,
    customers: Sequence[str],
    predict: Callable[[int, int], Iterable[Sequence[str]]],
    at_once: int,
    progress: Progress,
    header: Sequence[str],
) -> int:
    with partial.open("r+b") as file:
        done, size = _find_end(file, customers, at_once, header)
        file.seek(size)
        file.truncate()
        _write_from(file, done, customers, predict, at_once, progress, () if size else header)
        os.fsync(file.fileno())
        return len(customers) - done


def _write_from(
    file: BinaryIO,
    first: int,
    customers: Sequence[str],
    predict: Callable[[int, int], Iterable[Sequence[str]]],
    at_once: int,
    progress: Progress,
    header: Sequence[str],
) -> None:
    """Write the lists of the customers from position `first` on, after the header if there is one."""
    if header:
        file.write(_to_lines([header]))
    progress(STEP, first, len(customers))
    for begin in range(first, len(customers), at_once):
        end = min(begin + at_once, len(customers))
        lists = predict(begin, end)
        rows = ((customers[place], *cells) for place, cells in zip(range(begin, end), lists, strict=True))
        file.write(_to_lines(rows))
        file.flush()
        progress(STEP, end, len(customers))


def _to_lines(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _find_end(
    file: io.BufferedRandom, customers: Sequence[str], at_once: int, header: Sequence[str]
) -> tuple[int, int]:
    """Return how many customers of complete batches a partial file has, and the bytes up to there, header included.

    An incomplete line, or one of another customer than the next, ends what counts.
    """
    size = read = 0

    def lines() -> Iterator[str]:
        nonlocal read
        for line in file:
            if not line.endswith(b"\n"):
                return
            read += len(line)
            yield line.decode(errors="replace")

    rows = csv.reader(lines())
    done = place = 0
    try:
        if next(rows, None) != list(header):
            return 0, 0
        size = read
        for row in rows:
            if place == len(customers) or len(row) != len(header) or row[0] != customers[place]:
                break
            place += 1
            if place % at_once == 0 or place == len(customers):
                done, size = place, read
    except csv.Error:
        pass  # an unreadable line ends it, too
    return done, size
