"""Detect how a text file is written from its bytes, once per file: encoding, line ends, separator."""

from __future__ import annotations

import codecs
import hashlib
import io
import re
from dataclasses import dataclass
from pathlib import Path

from charset_normalizer import from_bytes

from ...cypher.errors import UserMistake
from .columns import simplify
from .packed import CHUNK, explain_unreadable

SEPARATORS = (",", ";", "\t", "|")
UNDECODABLE = "\ufdd0"  # a Unicode noncharacter, put before each byte that cannot be decoded
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SAMPLE = 1 << 18
# With fewer bytes outside ASCII, a guess between Europe's encodings is no better than the most common one.
MIN_HIGH_BYTES = 200
_CHARACTER = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_HIGH = re.compile(rb"[\x80-\xff]+")
_SEP_LINE = re.compile(r'^"?sep=(.|\\t)"?$', re.IGNORECASE)
codecs.register_error(
    "hmrec.mark",
    lambda error: (
        "".join(f"{UNDECODABLE}{byte:02x}" for byte in error.object[error.start : error.end]),  # type: ignore[attr-defined]
        error.end,  # type: ignore[attr-defined]
    ),
)


@dataclass(frozen=True)
class ByteScan:
    """What one pass over a file's bytes finds.

    Attributes
    ----------
    digest : SHA-256.
    size : in bytes.
    has_quotes, has_escapes : whether a quote mark occurs, and a backslash before a separator or a line end.
    has_feeds, has_bare_returns : whether line feeds occur, and carriage returns without a line feed after them.
    is_utf8 : whether all bytes are valid UTF-8.
    ends_whole : whether the last line has a line end.
    """

    digest: str
    size: int
    has_quotes: bool
    has_escapes: bool
    has_feeds: bool
    has_bare_returns: bool
    is_utf8: bool
    ends_whole: bool

    @property
    def is_plain(self) -> bool:
        """Whether each line is a row and each separator separates two cells."""
        return self.is_utf8 and not (self.has_quotes or self.has_escapes or self.has_bare_returns)


def scan_bytes(file: Path) -> ByteScan:
    """Read a file once and return what occurs in it."""
    digest, size, last = hashlib.sha256(), 0, b"\n"
    has_quotes = has_escapes = has_feeds = False
    returns = 0
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8 = True
    with explain_unreadable(file), file.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
            has_quotes = has_quotes or b'"' in chunk
            has_feeds = has_feeds or b"\n" in chunk
            if b"\r" in chunk or last == b"\r":
                joined = last + chunk
                returns += chunk.count(b"\r") - joined.count(b"\r\n")
            if not has_escapes and (b"\\" in chunk or last == b"\\"):
                joined = last + chunk
                has_escapes = any(pair in joined for pair in (b"\\,", b"\\;", b"\\\t", b"\\|", b"\\\n", b"\\\r"))
            if is_utf8 and not (chunk.isascii() and not decoder.getstate()[0]):
                is_utf8 = _decodes(decoder, chunk)
            last = chunk[-1:]
    is_utf8 = is_utf8 and _decodes(decoder, b"", final=True)
    return ByteScan(
        digest.hexdigest(), size, has_quotes, has_escapes, has_feeds, returns > 0, is_utf8,
        last in (b"\n", b"\r"),
    )  # fmt: skip


def detect_encoding(file: Path, byte_scan: ByteScan, wanted: str | None) -> str:
    """Return the name of Python's codec for a text file.

    A byte order mark decides, then `wanted`. Text that is mostly, but not entirely, UTF-8 is read as UTF-8 with damaged
    rows. Otherwise the codec is guessed from the letters.

    Raises
    ------
    UserMistake : the wanted encoding is unknown, or no encoding fits.
    """
    with file.open("rb") as stream:
        head = stream.read(1 << 12)
    for mark, codec in BOMS:
        if head.startswith(mark):
            return codec
    if wanted is not None:
        try:
            codec = codecs.lookup(wanted).name
            "".encode(codec)
        except (LookupError, TypeError, ValueError) as error:
            raise UserMistake(
                f"There is no text encoding named {wanted!r:.40}.", "Examples are utf-8, cp1252 and utf-16."
            ) from error
        return codec
    if codec_of_nulls := _detect_utf_16(head):
        return codec_of_nulls
    if byte_scan.is_utf8:
        return "utf-8"
    sample = _sample_letters(file)
    rest = _CHARACTER.sub(b"", sample)
    if len(_CHARACTER.findall(sample)) > sum(map(len, _HIGH.findall(rest))):
        return "utf-8"
    return _guess(sample, file)


def transcode(file: Path, target: Path, codec: str, bare_returns: bool) -> bool:
    """Write a text as UTF-8, and return whether all of it could be decoded.

    Bytes that could not are marked with UNDECODABLE. If `bare_returns` is set, carriage returns become line ends.
    """
    bytes_to_text = codecs.getincrementaldecoder(codec)(errors="hmrec.mark")
    decoder = io.IncrementalNewlineDecoder(bytes_to_text, translate=True) if bare_returns else bytes_to_text
    is_whole = True
    with file.open("rb") as stream, target.open("wb") as copy:
        while True:
            chunk = stream.read(CHUNK)
            text = decoder.decode(chunk, final=not chunk)
            is_whole = is_whole and UNDECODABLE not in text
            copy.write(text.encode("utf-8", "backslashreplace"))
            if not chunk:
                return is_whole


def read_sep_line(line: str) -> str | None:
    """Return the separator that Excel's first line `sep=;` declares; None if it is not such a line."""
    match = _SEP_LINE.match(line.strip("\r\n\ufeff "))
    return match and match[1].replace("\\t", "\t")


def detect_separator(line: str, known: frozenset[str]) -> str:
    """Return the separator of a header: the one that yields the most known names, then the most names."""
    bare = re.sub(r'"[^"]*"', lambda quoted: re.sub(r"[,;\t|]", "_", quoted[0]), line)

    def rate(separator: str) -> tuple[int, int]:
        names = [simplify(name) for name in bare.split(separator)]
        return sum(name in known for name in names), len(names)

    return max(SEPARATORS, key=rate)


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def _detect_utf_16(head: bytes) -> str | None:
    """Detect UTF-16 and UTF-32 without a byte order mark by the positions of zero bytes in ASCII letters."""
    if head.count(0) < len(head) // 4 or len(head) < 8:
        return None
    zeros = [sum(byte == 0 for byte in head[place::4]) * 4 > len(head) * 0.7 for place in range(4)]
    forms = {"0101": "utf-16-le", "1010": "utf-16-be", "0111": "utf-32-le", "1110": "utf-32-be"}
    return forms.get("".join(str(int(is_zero)) for is_zero in zeros))


def _sample_letters(file: Path) -> bytes:
    """Return the first lines with bytes outside ASCII."""
    sample = bytearray()
    with file.open("rb") as stream:
        while (line := stream.readline(CHUNK)) and len(sample) < SAMPLE:
            if not line.isascii():
                sample += line.rstrip() + b"\n"
    return bytes(sample[: 2 * SAMPLE])


def _guess(sample: bytes, file: Path) -> str:
    """Guess an encoding from its letters; Windows-1252 unless enough letters indicate another.

    Texts of Western Europe have single letters outside ASCII; Cyrillic, Greek and East Asian texts have whole words.
    """
    runs = _HIGH.findall(sample)
    high = sum(map(len, runs))
    in_words = sum(len(run) for run in runs if len(run) > 2) * 2 > high
    best = from_bytes(sample).best() if in_words or high >= MIN_HIGH_BYTES else None
    if best is not None and "cp1252" not in best.could_be_from_charset:
        return best.encoding
    for codec in ("cp1252", "latin-1"):
        try:
            text = sample.decode(codec)
        except UnicodeDecodeError:
            continue
        if codec == "cp1252" or not re.search("[\x80-\x9f]", text):
            return codec
    if best := from_bytes(sample).best():
        return best.encoding
    raise UserMistake(f"The encoding of {file} cannot be detected.", "Pass --encoding, or save the file as UTF-8.")
