"""Report a full disk in one sentence that names the folder, whichever library noticed it first."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import DiskFull, HmrecError

LEAST_FREE = 64 * 1024 * 1024  # bytes; after a failed write, a disk with less free space is considered full
WORDS = ("No space left", "File too large", "Disk quota exceeded")
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def explain_full_disk(folder: Path, otherwise: str) -> Iterator[None]:
    """Raise DiskFull if a full disk makes the block fail, which polars, PyTorch and neo4j-admin report differently.

    Parameters
    ----------
    folder : exists on the disk that the block writes to; checked before anything is cleaned up.
    otherwise : an alternative to freeing disk space, for the hint.

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
        raise DiskFull(f"The disk of {folder} is full.", f"Free disk space, or {otherwise}") from error


def is_full(folder: Path, error: Exception) -> bool:
    """Return whether a full disk is why writing to `folder` failed."""
    if isinstance(error, OSError) and error.errno in FULL:
        return True
    if any(words in str(error) for words in WORDS):
        return True
    # neo4j-admin's message may be anything
    return type(error) is HmrecError and shutil.disk_usage(folder).free <= LEAST_FREE
