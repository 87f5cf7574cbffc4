"""A full disk, said in one sentence that names the place, whoever noticed it first."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import DiskFull, HmrecError

LEAST_FREE = 64 * 1024 * 1024  # bytes; a disk that has less left is taken for full where writing failed
WORDS = ("No space left", "File too large", "Disk quota exceeded")
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def explain_full_disk(folder: Path, otherwise: str) -> Iterator[None]:
    """Say that the disk is full where the block failed for that: polars, PyTorch and neo4j-admin each say it their way.

    Parameters
    ----------
    folder : is there, and on the disk that the block writes to, which is looked at before anything is tidied up.
    otherwise : what else can be done but to free some room.

    Raises
    ------
    DiskFull : the disk is full.
    """
    try:
        yield
    except DiskFull:
        raise
    except Exception as error:
        if not is_full(folder, error):
            raise
        raise DiskFull(f"The disk of {folder} is full.", f"Free some, or {otherwise}") from error


def is_full(folder: Path, error: Exception) -> bool:
    """Whether a full disk is why writing into `folder` failed."""
    if isinstance(error, OSError) and error.errno in FULL:
        return True
    if any(words in str(error) for words in WORDS):
        return True
    # what neo4j-admin says may be anything
    return type(error) is HmrecError and shutil.disk_usage(folder).free <= LEAST_FREE
