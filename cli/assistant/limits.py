"""Limits of an answer: an assistant reads all of it, so it must stay short."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from ..terminal.show import records, to_json

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 100
"""The greatest number of rows of an answer."""
MOST_ITEMS = 50
"""The greatest number of items of a list within a row."""
LONGEST_TEXT = 500
"""The greatest length of a text within a row, in characters."""
LONGEST_READ = 60.0
"""Seconds that Neo4j may work on one query."""


class Answer(NamedTuple):
    """What a tool returns.

    Attributes
    ----------
    note : sentences about the rows, such as what was cut; empty for most answers.
    rows : by column; the same as in the command's JSON, within the limits.
    """

    note: str
    rows: list[dict[str, Any]]


def limit(frame: pd.DataFrame, note: str = "") -> Answer:
    """Return a frame as an answer within the limits; its note says what was cut.

    Parameters
    ----------
    frame : the rows. More than `MOST_ROWS` may be in it; their number is then unknown.
    note : sentences that the note begins with.
    """
    rows = json.loads(to_json(records(frame.head(MOST_ROWS))))
    cuts: list[str] = []
    kept = [{key: _cut(value, cuts) for key, value in row.items()} for row in rows]
    sentences = [note] if note else []
    if len(frame) > MOST_ROWS:
        sentences.append(f"There are more rows; these are the first {MOST_ROWS}.")
    if (texts := cuts.count("text")) > 0:
        sentences.append(f"{_count(texts, 'text')} longer than {LONGEST_TEXT} characters, and cut.")
    if (lists := cuts.count("list")) > 0:
        sentences.append(f"{_count(lists, 'list')} longer than {MOST_ITEMS} items, and cut.")
    return Answer(" ".join(sentences), kept)


def _cut(value: Any, cuts: list[str]) -> Any:
    """Return a JSON value with its long texts and lists cut; what was cut is added to `cuts`."""
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        cuts.append("text")
        return value[:LONGEST_TEXT] + "..."
    if isinstance(value, list):
        if len(value) > MOST_ITEMS:
            cuts.append("list")
        return [_cut(item, cuts) for item in value[:MOST_ITEMS]]
    if isinstance(value, dict):
        return {key: _cut(item, cuts) for key, item in value.items()}
    return value


def _count(number: int, noun: str) -> str:
    return f"1 {noun} was" if number == 1 else f"{number} {noun}s were"
