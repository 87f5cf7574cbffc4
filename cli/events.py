"""hmrec events: record purchases, returns, views and carts from a file or a pipe, one JSON object per line."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from .connect import open_graph
from .terminal.bars import Bars
from .terminal.show import AsJson, dump_json
from .terminal.words import echo

IDLE = 0.5  # seconds without a line after which a batch that is not full is recorded
AHEAD = 10_000  # lines read ahead of the graph
ERRORS_SHOWN = 5


def events(
    file: Annotated[str, typer.Argument(metavar="FILE", help="One JSON object per line; - reads standard input.")],
    refuse_unknown: Annotated[
        bool,
        typer.Option("--refuse-unknown", help="Refuse events of customers and articles that the graph does not have."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Record events as they happen: purchases, returns, views and additions to the cart.

    Each line has event_id, type (buy, return, view or cart), customer_id (or visitor_id), article_id and time, and may
    have quantity, price and channel. An event with a known id changes nothing, so the same lines may be sent again, in
    any order. Lines are committed in batches, and when a pipe pauses. Reads FILE; writes the graph.

    Example: hmrec events events.ndjson
    """
    from ..cypher.errors import UserMistake
    from ..loader.events import EVENT_BATCH, EventError, EventReceipt, record_events

    total, line = EventReceipt(0, 0, 0), 0
    with Bars() as bars, open_graph(bars) as graph:
        for batch in read_batches(file, EVENT_BATCH):
            bad: list[int] = []
            good: list[tuple[int, dict[str, Any]]] = []
            for text in batch:
                line += 1
                item = _parse(text)
                if item is None:
                    bad.append(line)
                else:
                    good.append((line, item))
            receipt = record_events(graph, [item for _, item in good], create=not refuse_unknown)
            errors = [EventError(number, "the line is not a JSON object.") for number in bad]
            errors += [EventError(good[error.index][0], error.error.partition(": ")[2]) for error in receipt.errors]
            errors.sort(key=lambda error: error.index)
            total = total.plus(EventReceipt(receipt.read + len(bad), receipt.recorded, receipt.repeated, tuple(errors)))
            bars("Recording events", line, None)
    if as_json:
        dump_json(total.to_dict())
    else:
        echo(total.summary())
    if total.errors:
        first = "; ".join(f"line {error.index}: {error.error.rstrip('.')}" for error in total.errors[:ERRORS_SHOWN])
        raise UserMistake(
            f"{len(total.errors):,} of {total.read:,} events were refused: {first}.",
            "Correct these lines and send them again; the others are recorded.",
        )


def read_batches(file: str, size: int) -> Iterator[list[bytes]]:
    """Yield the lines of a file, or of standard input (`-`), in batches.

    A batch ends when it is full, or when no line has come for a while.

    Raises
    ------
    UserMistake : the file cannot be read.
    """
    from ..cypher.errors import UserMistake

    try:
        stream: IO[bytes] = sys.stdin.buffer if file == "-" else Path(file).open("rb")  # noqa: SIM115 - its reader closes it
    except OSError as error:
        raise UserMistake(
            f"{file} cannot be read: {error.strerror}.", "Pass a file with one JSON object per line."
        ) from error
    lines: queue.Queue[bytes | Exception | None] = queue.Queue(AHEAD)
    threading.Thread(target=_read, args=(stream, lines), daemon=True).start()
    batch: list[bytes] = []
    while True:
        try:
            line = lines.get(timeout=IDLE if batch else None)
        except queue.Empty:
            yield batch
            batch = []
            continue
        if isinstance(line, Exception):
            raise UserMistake(f"{file} cannot be read: {line}.") from line
        if line is not None:
            batch.append(line)
        if len(batch) == size or (line is None and batch):
            yield batch
            batch = []
        if line is None:
            return


def _read(stream: IO[bytes], lines: queue.Queue[bytes | Exception | None]) -> None:
    try:
        with stream:
            for line in stream:
                lines.put(line)
    except (OSError, ValueError) as error:
        lines.put(error)
    lines.put(None)


def _parse(text: bytes) -> dict[str, Any] | None:
    import json

    try:
        item = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return item if isinstance(item, dict) else None
