"""Write result files completely or not at all, through links and into pipes, but never over a device."""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from .errors import HmrecError, UserMistake

_DESCRIPTORS = re.compile(r"/proc/(\d+)/(?:task/\d+/)?fd|/dev/fd")
MAX_LINKS = 40  # in a row; Linux follows no more
KINDS = {stat.S_IFBLK: "a disk", stat.S_IFSOCK: "a socket"}


@dataclass(frozen=True)
class ResultFile:
    """The destination of a result.

    Attributes
    ----------
    name : as the user wrote it.
    path : the file behind all links, which may not exist yet.
    is_stream : whether it is a pipe, a terminal or an open descriptor, which is written to directly.
    descriptor : the number of this process's open descriptor that the name refers to, as in /dev/fd/63.
    """

    name: Path
    path: Path
    is_stream: bool = False
    descriptor: int | None = None

    @property
    def is_standard_output(self) -> bool:
        """Whether the result is written to standard output, so that messages must not be."""
        return self.descriptor == 1

    def begin(self, partial: Path) -> None:
        """Create `partial`, unless it exists, with the mode of the file that it will replace."""
        flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        known = self._stat()
        mode = 0o666 if known is None else stat.S_IMODE(known.st_mode) & 0o666
        os.close(os.open(partial, flags, mode))
        self._copy_rights(partial)

    def end(self, partial: Path) -> None:
        """Replace the file by the complete `partial`; mode and owner are kept."""
        self._copy_rights(partial)
        os.replace(partial, self.path)

    def _stat(self) -> os.stat_result | None:
        try:
            return self.path.stat()
        except FileNotFoundError:
            return None

    def _copy_rights(self, partial: Path) -> None:
        known = self._stat()
        if known is None:
            return
        mine = partial.stat()
        if hasattr(os, "chown") and (known.st_uid, known.st_gid) != (mine.st_uid, mine.st_gid):
            with suppress(OSError):  # only root may change the owner
                os.chown(partial, known.st_uid, known.st_gid)
        partial.chmod(stat.S_IMODE(known.st_mode))

    @contextmanager
    def open_stream(self) -> Iterator[BinaryIO]:
        """Open a stream for writing. A named pipe waits here for a reader.

        Raises
        ------
        HmrecError : the reader has stopped.
        """
        try:
            if self.descriptor is not None:
                if self.is_standard_output:
                    sys.stdout.flush()
                handle = os.dup(self.descriptor)  # shares the position with other writers
            else:
                handle = os.open(self.path, os.O_WRONLY)
            with os.fdopen(handle, "wb") as file:
                yield file
        except BrokenPipeError as error:
            raise HmrecError(f"The reader of {self.name} stopped before the result was complete.") from error


def find_result_file(name: Path) -> ResultFile:
    """Resolve a result's name, and follow links.

    Raises
    ------
    UserMistake : a result cannot be written there: a folder, a disk, a socket, a circle of links.
    """
    descriptor = _find_descriptor(name)
    if descriptor is not None:
        number, is_mine = descriptor
        try:
            name.stat()
        except OSError as error:
            raise UserMistake(f"{name} is not open ({error.strerror}).") from error
        return ResultFile(name, name, is_stream=True, descriptor=number if is_mine else None)
    path = Path(os.path.realpath(name))
    try:
        mode = name.stat().st_mode
    except FileNotFoundError:
        return ResultFile(name, path)
    except OSError as error:
        raise UserMistake(f"{name} cannot be written ({error.strerror}).", "Choose another file.") from error
    if stat.S_ISREG(mode):
        return ResultFile(name, path)
    if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
        return ResultFile(name, path, is_stream=True)
    if stat.S_ISDIR(mode):
        raise UserMistake(f"{name} is a folder; choose a file in it.")
    raise UserMistake(f"{name} is {KINDS.get(stat.S_IFMT(mode), 'not a file')}.", "Choose a file or a pipe.")


def _find_descriptor(name: Path) -> tuple[int, bool] | None:
    """Return the descriptor behind a name like /dev/fd/63 or /dev/stdout, and whether it is this process's."""
    hop = name
    for _ in range(MAX_LINKS):
        folder = os.path.realpath(hop.parent)
        if (match := _DESCRIPTORS.fullmatch(folder)) and hop.name.isdigit():
            return int(hop.name), match[1] in (None, str(os.getpid()))
        if not hop.is_symlink():
            return None
        hop = Path(folder) / hop.readlink()
    return None


def write_result(name: Path, write: Callable[[Path], object]) -> None:
    """Write a file with `write` next to `name`, and rename it when it is complete.

    A stream receives the bytes when the file is complete.

    Parameters
    ----------
    name : the result's file; its folder is created.
    write : called with the path to write to.

    Raises
    ------
    UserMistake : a result cannot be written there.
    OSError : the disk refused the file; an existing file is unchanged.
    """
    target = find_result_file(name)
    if target.is_stream:
        with tempfile.TemporaryDirectory(prefix="hmrec-result-") as folder:
            complete = Path(folder) / "result"
            write(complete)
            copy_into(target, complete)
        return
    target.path.parent.mkdir(parents=True, exist_ok=True)
    partial = target.path.with_name(f"{target.path.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        target.begin(partial)
        write(partial)
        target.end(partial)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def copy_into(target: ResultFile, complete: Path) -> None:
    """Copy a complete file into a stream."""
    with complete.open("rb") as source, target.open_stream() as stream:
        shutil.copyfileobj(source, stream, 1024 * 1024)
