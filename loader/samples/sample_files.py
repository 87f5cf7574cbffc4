"""The three files of a sample: written under other names, given theirs when all are whole."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ...cypher.errors import HmrecError, UserMistake
from ...cypher.result_file import find_result_file
from ..reading.parts import tell_table
from ..schema import ARTICLES, CUSTOMERS, TABLES, TRANSACTIONS

MARK = "sample.json"


@dataclass(frozen=True)
class SampleReceipt:
    """What was written: the folder, rows of each file, seconds taken."""

    folder: Path
    customers: int
    articles: int
    transactions: int
    seconds: float


@dataclass(frozen=True)
class SampleFiles:
    """Where to write the three tables; they have other names until all of them are whole."""

    customers: Path
    articles: Path
    transactions: Path


@contextmanager
def write_sample(folder: Path, description: dict[str, str | int | None]) -> Iterator[SampleFiles]:
    """Give three files to write to, and give them their names when the block ends well.

    transactions_train.csv gets its name last and an older one goes first, so where it stands the sample is whole.

    Parameters
    ----------
    folder : made if it is not there.
    description : what the sample is, kept as sample.json. Files beside it may be replaced; others never are.

    Raises
    ------
    UserMistake : the folder is a file, cannot be made, or holds a data set that is no sample.
    HmrecError : the disk refused a file.
    """
    _check_folder(folder)
    target = {table.stem: find_result_file(folder / table.file) for table in TABLES}
    partial = {stem: file.path.with_name(f"{file.path.name}.partial") for stem, file in target.items()}
    try:
        yield SampleFiles(partial[CUSTOMERS.stem], partial[ARTICLES.stem], partial[TRANSACTIONS.stem])
        (folder / f"{MARK}.partial").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
        os.replace(folder / f"{MARK}.partial", folder / MARK)
        target[TRANSACTIONS.stem].path.unlink(missing_ok=True)
        for table in (CUSTOMERS, ARTICLES, TRANSACTIONS):
            target[table.stem].end(partial[table.stem])
    except OSError as error:
        raise HmrecError(
            f"The sample cannot be written to {folder} ({error.strerror or error}).",
            "Free some disk or name another folder.",
        ) from error
    finally:
        for file in (*partial.values(), folder / f"{MARK}.partial"):
            file.unlink(missing_ok=True)


def _check_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise UserMistake(f"{folder} is or lies under a file, not a folder.", "Name another folder.") from error
    except OSError as error:
        raise UserMistake(f"The folder {folder} cannot be made ({error.strerror}).", "Name another one.") from error
    if not os.access(folder, os.W_OK):
        raise UserMistake(f"Nothing may be written to {folder}.", "Name another folder.")
    is_sample = (folder / MARK).is_file()
    for file in sorted(folder.iterdir()):
        told = tell_table(file.name)
        if told is not None and not told[2] and not (is_sample and file.suffix == ".csv"):
            raise UserMistake(
                f"{folder} already holds {file.name}, which no sample wrote.",
                "Name another folder, so that it is kept.",
            )
