"""Result files: whole or as they were, through links, into pipes, and never in the place of a device."""

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
    """Where a result goes.

    Attributes
    ----------
    name : as the user wrote it.
    path : the file behind all links, which may not exist yet.
    is_stream : a pipe, a terminal or an open descriptor: written to as it stands, because it cannot be replaced.
    descriptor : the number of this process's open descriptor that the name means, as in /dev/fd/63.
    """

    name: Path
    path: Path
    is_stream: bool = False
    descriptor: int | None = None

    @property
    def is_standard_output(self) -> bool:
        """Whether sentences on standard output would end up in the result."""
        return self.descriptor == 1

    def begin(self, partial: Path) -> None:
        """Make `partial`, empty unless it is there, with the mode of the file that it will replace."""
        flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        known = self._stat()
        mode = 0o666 if known is None else stat.S_IMODE(known.st_mode) & 0o666
        os.close(os.open(partial, flags, mode))
        self._copy_rights(partial)

    def end(self, partial: Path) -> None:
        """Put the whole `partial` in the file's place; mode and owner stay as they were."""
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
            with suppress(OSError):  # only root may give files away
                os.chown(partial, known.st_uid, known.st_gid)
        partial.chmod(stat.S_IMODE(known.st_mode))

    @contextmanager
    def open_stream(self) -> Iterator[BinaryIO]:
        """Open a stream for writing. A named pipe waits here until somebody reads it.

        Raises
        ------
        HmrecError : the reader has gone.
        """
        try:
            if self.descriptor is not None:
                if self.is_standard_output:
                    sys.stdout.flush()
                handle = os.dup(self.descriptor)  # shares the position with whoever else writes there
            else:
                handle = os.open(self.path, os.O_WRONLY)
            with os.fdopen(handle, "wb") as file:
                yield file
        except BrokenPipeError as error:
            raise HmrecError(f"Whoever read {self.name} has stopped before the result was whole.") from error


def find_result_file(name: Path) -> ResultFile:
    """Look at what stands under a result's name, and follow links.

    Raises
    ------
    UserMistake : a result cannot be written there: a folder, a disk, a socket, links in a circle.
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
        raise UserMistake(f"{name} cannot be written ({error.strerror}).", "Name another file.") from error
    if stat.S_ISREG(mode):
        return ResultFile(name, path)
    if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
        return ResultFile(name, path, is_stream=True)
    if stat.S_ISDIR(mode):
        raise UserMistake(f"{name} is a folder; name a file in it.")
    raise UserMistake(f"{name} is {KINDS.get(stat.S_IFMT(mode), 'no file')}.", "Name a file or a pipe.")


def _find_descriptor(name: Path) -> tuple[int, bool] | None:
    """The number of the open descriptor that a name like /dev/fd/63 or /dev/stdout means, and whether it is ours."""
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
    """Let `write` make a file beside the one called `name`, and put it in its place when it is whole.

    A stream gets the bytes once the file is whole.

    Parameters
    ----------
    name : the result's file; its folder is made.
    write : is called with the path to write to.

    Raises
    ------
    UserMistake : a result cannot be written there.
    OSError : the disk refused the file; what stood there before still does.
    """
    target = find_result_file(name)
    if target.is_stream:
        with tempfile.TemporaryDirectory(prefix="hmrec-result-") as folder:
            whole = Path(folder) / "result"
            write(whole)
            copy_into(target, whole)
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


def copy_into(target: ResultFile, whole: Path) -> None:
    """Copy a whole file into a stream."""
    with whole.open("rb") as source, target.open_stream() as stream:
        shutil.copyfileobj(source, stream, 1024 * 1024)
