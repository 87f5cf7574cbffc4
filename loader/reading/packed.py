"""Detect packed files by content, whatever their name, and unpack them into the work folder one layer at a time."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

import zstandard

from ...cypher.errors import UserMistake

CHUNK = 1 << 20
LAYERS = 3  # a .gz in a .zip in a .zip; no export is nested deeper
BOMB_SIZE, BOMB_RATIO = 1 << 30, 500  # purchases as text shrink to a fifth; very repetitive ones to a hundredth
PACKED = {
    b"\x1f\x8b": "gzip",
    b"\xfd7zXZ\x00": "xz",
    b"BZh": "bzip2",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
}
OTHERS = {
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"ORC": "an ORC file",
    b"Obj\x01": "an Avro file",
    b"ARROW1": "a Feather file",
    b"FEA1": "a Feather file",
    b"SQLite format 3": "an SQLite database",
    b"%PDF": "a PDF document",
}


@dataclass(frozen=True)
class Entry:
    """A file of the data set.

    Attributes
    ----------
    name : the path below the data set's folder, for messages.
    file : on disk.
    member : its name within `file`, if that is a .zip.
    constants : columns in the names of its folders, such as `month=2020-08`.
    """

    name: str
    file: Path
    member: str = ""
    constants: dict[str, str | None] = field(default_factory=dict)


def detect_packing(file: Path) -> str:
    """Return gzip, xz, bzip2, zstd, zip or sheet (a spreadsheet); an empty string if the file is not packed.

    Raises
    ------
    UserMistake : the file cannot be read, or hmrec does not read files of its kind.
    """
    with explain_unreadable(file), file.open("rb") as stream:
        head = stream.read(512)
    for magic, kind in OTHERS.items():
        if head.startswith(magic):
            raise UserMistake(f"{file} is {kind}.", "Write it as CSV or Parquet.")
    if head[257:262] == b"ustar":
        raise UserMistake(f"{file} is a tar archive.", "Unpack it, or pack it as .zip.")
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return "sheet"
    kind = next((kind for magic, kind in PACKED.items() if head.startswith(magic)), "")
    if kind == "zip" and any(name in ("xl/workbook.xml", "xl/workbook.bin", "content.xml") for name in _names(file)):
        return "sheet"
    return kind


def list_members(file: Path) -> list[str]:
    """Return the names of a .zip's files, without hidden ones, macOS metadata and Spark's markers such as _SUCCESS."""
    return [name for name in _names(file) if not name.endswith("/") and not any(map(is_hidden, name.split("/")))]


def is_hidden(place: str) -> bool:
    """Return whether the name of a file or folder marks it as hidden; `_month=8` is a partition and is not."""
    return place.startswith((".", "_")) and "=" not in place


def unpack(entry: Entry, target: Path) -> Path:
    """Unpack an entry next to `target` and return that file; return the entry's own file if it is not packed.

    Raises
    ------
    UserMistake : it is damaged, truncated, protected by a password, nested too deep or unpacks to an implausible size.
    """
    file, member = entry.file, entry.member
    for layer in range(LAYERS + 1):
        kind = "zip" if member else detect_packing(file)
        if kind in ("", "sheet"):
            return file
        if kind == "zip" and not member:
            member = _only_member(file, entry)
        unpacked = target.with_name(f"{target.name}.layer{layer}")
        _unpack_layer(file, kind, member, unpacked, entry)
        if file != entry.file:
            file.unlink()
        file, member = unpacked, ""
    raise UserMistake(f"{entry.name} is packed more than {LAYERS} times.", "Unpack it.")


@contextmanager
def explain_unreadable(file: Path, name: str = "") -> Iterator[None]:
    """Raise errors from reading a file as UserMistake."""
    try:
        yield
    except EOFError as error:
        raise UserMistake(f"{name or file} is truncated.", "Download or pack it again.") from error
    except (OSError, zlib.error, lzma.LZMAError, zstandard.ZstdError, zipfile.BadZipFile) as error:
        raise UserMistake(
            f"{name or file} cannot be read ({error}).", "Check that the file is complete and readable."
        ) from error
    except (RuntimeError, NotImplementedError) as error:  # zipfile's: a password, an unknown method
        raise UserMistake(f"{name or file} cannot be unpacked ({error}).", "Pack it without a password.") from error


def _names(file: Path) -> list[str]:
    with explain_unreadable(file), zipfile.ZipFile(file) as archive:
        return archive.namelist()


def _only_member(file: Path, entry: Entry) -> str:
    members = list_members(file)
    if len(members) != 1:
        raise UserMistake(f"{entry.name} contains an archive of {len(members)} files.", "Unpack it once.")
    return members[0]


def _unpack_layer(file: Path, kind: str, member: str, target: Path, entry: Entry) -> None:
    written = 0
    with (
        explain_unreadable(entry.file, entry.name if entry.member else ""),
        file.open("rb") as packed,
        target.open("wb") as copy,
    ):
        for chunk in _decompress(packed, kind, member):
            copy.write(chunk)
            written += len(chunk)
            if written > BOMB_SIZE and written > BOMB_RATIO * file.stat().st_size:
                raise UserMistake(
                    f"{entry.name} unpacks to more than {BOMB_RATIO} times its size, which no table does.",
                    "If it is a table, unpack it first.",
                )


def _decompress(packed: IO[bytes], kind: str, member: str) -> Iterator[bytes]:
    if kind == "zstd":
        yield from _decompress_zstd(packed)
        return
    if kind == "zip":
        with zipfile.ZipFile(packed) as archive, archive.open(member) as stream:
            while chunk := stream.read(CHUNK):
                yield chunk
        return
    opened = {"gzip": gzip.open, "xz": lzma.open, "bzip2": bz2.open}[kind](packed, "rb")  # type: ignore[operator]
    with cast(IO[bytes], opened) as stream:
        while chunk := stream.read(CHUNK):
            yield chunk


def _decompress_zstd(packed: IO[bytes]) -> Iterator[bytes]:
    """Decompress all frames; zstandard's own reader does not report truncated files."""
    frame = zstandard.ZstdDecompressor().decompressobj()
    while chunk := packed.read(CHUNK):
        while chunk:
            if frame.eof:
                frame = zstandard.ZstdDecompressor().decompressobj()
            yield frame.decompress(chunk)
            chunk = frame.unused_data if frame.eof else b""
    if not frame.eof:
        raise EOFError
