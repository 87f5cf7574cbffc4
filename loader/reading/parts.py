"""Find which files of a folder or .zip belong to which table: single files, folders of parts, monthly files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from ...cypher.errors import UserMistake
from ..schema import ARTICLES, CUSTOMERS, TABLES, TRANSACTIONS, Table
from .packed import Entry, detect_packing, is_hidden, list_members

STEMS = {TRANSACTIONS.stem: ("transactions_train", "transactions"), CUSTOMERS.stem: ("customers",),
         ARTICLES.stem: ("articles",)}  # fmt: skip
ENDING = re.compile(r"\.(csv|tsv|tab|psv|txt|parquet|pq|xlsx|xlsm|xlsb|xls|ods|gz|zip|zst|zstd|xz|bz2)$")
MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
PART = re.compile(rf"^[ _.\-]*(?:part|p|chunk|page|week|month|year|{MONTH})?[ _.\-]*(?:\d[\d_.\-]*(?:of[_\-]?\d+)?|)"
                  rf"(?:{MONTH}[_.\-]?\d*)?$")  # fmt: skip
NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class FoundFiles:
    """The files of a data set.

    Attributes
    ----------
    tables : by table, the parts in order.
    notes : files that look like one of the tables and are not read, one sentence each.
    """

    tables: dict[str, list[Entry]]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Candidate:
    """Entries that may be a table: a file, or a folder or .zip of parts. `rank` is 0 for the table's primary name."""

    name: str
    table: Table
    rank: int
    is_part: bool
    entries: list[Entry]


def find_files(folder: Path, required: Table = TRANSACTIONS) -> FoundFiles:
    """Find the data set's files; only one of them is required.

    Parameters
    ----------
    folder : the folder of the files, or a .zip of them.
    required : the table that must be there.

    Raises
    ------
    UserMistake : the folder or the required table do not exist, or a table has two files.
    """
    if not folder.is_dir():
        if not folder.exists():
            raise UserMistake(f"{folder} does not exist.", f"Pass the folder that contains {required.file}.")
        if not folder.is_file() or detect_packing(folder) != "zip":
            raise UserMistake(
                f"{folder} is a file, not a folder.", f"Pass the folder that contains {required.file}, or a .zip."
            )
        return _choose(folder, list(_list_archive(folder, f"{folder.name}/")), [], required)
    names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith((".", "_")))
    candidates: list[_Candidate] = []
    archives: list[str] = []
    lookalikes: list[tuple[str, Table]] = []
    for name in names:
        detected = detect_table(name)
        if detected is not None:
            candidates.extend(_list_candidate(folder / name, *detected))
        elif name.lower().endswith(".zip") and (folder / name).is_file():
            archives.append(name)
        elif table := _measure_likeness(name):
            lookalikes.append((name, table))
    if not any(candidate.table is required for candidate in candidates):
        taken = {candidate.table.stem for candidate in candidates}
        for name in archives:
            inside = _list_archive(folder / name, f"{name}/")
            candidates.extend(candidate for candidate in inside if candidate.table.stem not in taken)
    return _choose(folder, candidates, lookalikes, required)


def _choose(
    folder: Path, candidates: list[_Candidate], lookalikes: list[tuple[str, Table]], required: Table
) -> FoundFiles:
    """Choose each table's file, or its parts if there is none; add a note on each file that is not read."""
    found = FoundFiles({})
    for table in TABLES:
        ours = [candidate for candidate in candidates if candidate.table is table]
        whole = [candidate for candidate in ours if not candidate.is_part]
        best = min((candidate.rank for candidate in whole), default=0)
        taken = [candidate for candidate in whole if candidate.rank == best] or ours
        if len(taken) > 1 and not taken[0].is_part:
            raise UserMistake(
                f"{folder} contains both {taken[0].name} and {taken[1].name}.",
                "Remove the one that should not be loaded.",
            )
        if len({candidate.rank for candidate in taken}) > 1:
            taken = [candidate for candidate in taken if candidate.rank == 0]
        if entries := [entry for candidate in taken for entry in candidate.entries]:
            found.tables[table.stem] = entries
        left = [candidate.name for candidate in ours if candidate not in taken]
        left += [name for name, like in lookalikes if like is table]
        found.notes.extend(f"{name}: it looks like {table.stem} and is not read." for name in left)
    if required.stem not in found.tables:
        seen = [name for name, _ in lookalikes] + [candidate.name for candidate in candidates]
        there = f" It contains {', '.join(seen)[:200]}." if seen else ""
        raise UserMistake(
            f"{folder} has no {required.file}.{there}",
            f"It may also be {required.stem}.parquet, a folder of parts or packed (.zip, .gz, .zst, .xz); "
            "the other files are optional.",
        )
    return found


def detect_table(name: str) -> tuple[Table, int, bool] | None:
    """Return the table that a file's or folder's name matches, the rank of its stem, and whether it is a part."""
    base, ended = name.lower(), False
    while match := ENDING.search(base):
        base, ended = base[: match.start()], True
    base = re.sub(r"\.(snappy|gz|zstd|lz4|brotli|zlib)$", "", base) if ended else base
    for table in TABLES:
        for rank, stem in enumerate(STEMS[table.stem]):
            if base == stem:
                return table, rank, False
            if ended and base.startswith(stem) and PART.match(base[len(stem) :]):
                return table, rank, True
    return None


def _measure_likeness(name: str) -> Table | None:
    return next((table for table in TABLES if name.lower().startswith(STEMS[table.stem][-1])), None)


def _list_candidate(path: Path, table: Table, rank: int, is_part: bool) -> Iterator[_Candidate]:
    """List the entries of a file, a folder of parts or a .zip with a table's name."""
    if path.is_dir():
        files = sorted((file for file in path.rglob("*") if file.is_file()), key=lambda file: _natural(str(file)))
        below = [(file, file.relative_to(path)) for file in files]
        entries = [
            Entry(f"{path.name}/{place.as_posix()}", file, constants=_read_partitions(place.parts[:-1]))
            for file, place in below
            if not any(map(is_hidden, place.parts))
        ]
        if entries:
            yield _Candidate(f"{path.name}/", table, rank, is_part, entries)
        return
    if not path.is_file():
        return
    entries = [Entry(path.name, path)]
    if detect_packing(path) == "zip":
        members = list_members(path)
        named = [member for member in members if (detect_table(member.split("/")[-1]) or (None,))[0] is table]
        members = sorted(named or members, key=_natural)
        if not members:
            raise UserMistake(f"{path} is an empty .zip.")
        entries = [
            Entry(path.name if len(members) == 1 else f"{path.name}/{member}", path, member) for member in members
        ]
    yield _Candidate(path.name, table, rank, is_part, entries)


def _list_archive(file: Path, prefix: str) -> Iterator[_Candidate]:
    """List the tables in a .zip, whatever folders they are in."""
    grouped: dict[tuple[str, ...], tuple[tuple[Table, int, bool], list[Entry]]] = {}
    for member in sorted(list_members(file), key=_natural):
        places = tuple(member.split("/"))
        for depth, place in enumerate(places, start=1):
            if detected := detect_table(place):
                entry = Entry(f"{prefix}{member}", file, member, _read_partitions(places[depth:-1]))
                grouped.setdefault(places[:depth], (detected, []))[1].append(entry)
                break
    for places, ((table, rank, is_part), entries) in grouped.items():
        yield _Candidate(prefix + "/".join(places), table, rank, is_part, entries)


def _read_partitions(places: tuple[str, ...]) -> dict[str, str | None]:
    """Read Hive's partition columns from folder names: `month=2020-08`."""
    pairs = [place.split("=", 1) for place in places if "=" in place]
    return {unquote(name): None if value == NULL_PARTITION else unquote(value) for name, value in pairs}


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts part-10 after part-9."""
    return [(int(piece), "") if piece.isdigit() else (-1, piece) for piece in re.split(r"([0-9]+)", name)]
