"""Write the three files of a sample under temporary names, and rename them when all are complete."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ...cypher.errors import HmrecError, UserMistake
from ...cypher.result_file import find_result_file
from ..reading.parts import detect_table
from ..schema import ARTICLES, CUSTOMERS, TABLES, TRANSACTIONS

MARK = "sample.json"


@dataclass(frozen=True)
class SampleReceipt:
    """What was written: the folder, the rows of each file, and the seconds taken."""

    folder: Path
    customers: int
    articles: int
    transactions: int
    seconds: float


@dataclass(frozen=True)
class SampleFiles:
    """Paths to write the three tables to: temporary names, until all of the tables are complete."""

    customers: Path
    articles: Path
    transactions: Path


@contextmanager
def write_sample(folder: Path, description: dict[str, str | int | None]) -> Iterator[SampleFiles]:
    """Yield the three files to write, and rename them to their final names when the block succeeds.

    An older transactions_train.csv is removed first and the new one renamed last. If it exists, the sample is complete.

    Parameters
    ----------
    folder : destination; created if missing.
    description : describes the sample and is saved as sample.json. Files next to a sample.json may be replaced; others
        never are.

    Raises
    ------
    UserMistake : the folder is a file, cannot be created, or contains a data set that is not a sample.
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
            "Free some disk space or choose another folder.",
        ) from error
    finally:
        for file in (*partial.values(), folder / f"{MARK}.partial"):
            file.unlink(missing_ok=True)


def _check_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise UserMistake(f"{folder} is a file or is inside one.", "Choose another folder.") from error
    except OSError as error:
        raise UserMistake(f"The folder {folder} cannot be created ({error.strerror}).", "Choose another.") from error
    if not os.access(folder, os.W_OK):
        raise UserMistake(f"The folder {folder} is not writable.", "Choose another folder.")
    is_sample = (folder / MARK).is_file()
    for file in sorted(folder.iterdir()):
        detected = detect_table(file.name)
        if detected is not None and not detected[2] and not (is_sample and file.suffix == ".csv"):
            raise UserMistake(
                f"{folder} already contains a {file.name} that is not from a sample.",
                "Choose another folder to keep that file.",
            )
