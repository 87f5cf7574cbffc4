"""Record events (purchases, returns, views, carts) as they happen; an event with a known id is not recorded again."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ..cypher.errors import LoadRunning
from ..cypher.graph import Graph, RunQuery
from .constraints import check_schema
from .reading.cells import LOST_DIGITS, MISSING
from .schema import EARLIEST

EVENT_BATCH = 1_000
"""The number of events that `hmrec events` records in one transaction."""
_PAUSE = 0.2  # seconds between two looks for a running load
_UNUSABLE = re.compile(r'[\x00-\x1f\x7f"\ufffd\ud800-\udfff]')
_LOST_DIGITS = re.compile(LOST_DIGITS)
_OUTCOMES = {
    "no customer": "the graph has no customer {customer_id!r:.60}.",
    "no article": "the graph has no article {article_id!r:.60}.",
    "conflict": "event_id {event_id!r:.60} was used before with other values.",
}

_Id = Annotated[str, Field(strict=True, min_length=1, max_length=1000)]


class Event(BaseModel):
    """An event: a customer buys, returns or views an article, or adds it to the cart."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    event_id: _Id = Field(description="Unique among events of its type; an event with a known id changes nothing")
    type: Literal["buy", "return", "view", "cart"]
    customer_id: _Id | None = Field(default=None, description="The customer")
    visitor_id: _Id | None = Field(default=None, description="An unknown visitor, who becomes a customer with this id")
    article_id: _Id = Field(description="Whole, with its leading zeros")
    time: datetime = Field(description="When it happened; the day counts as written, whatever its zone")
    quantity: Annotated[int, Field(strict=True)] = Field(default=1, ge=1, le=1_000_000_000)
    price: float | None = Field(
        default=None, ge=0, le=1e12, allow_inf_nan=False, description="Of one unit, as in files"
    )
    channel: Annotated[int, Field(strict=True)] = Field(
        default=0, ge=0, le=2**31 - 1, description="sales_channel_id in files"
    )

    impression_id: _Id | None = Field(
        default=None, description="The shown list that led to it, as /recommend returned it"
    )

    @field_validator("event_id", "customer_id", "visitor_id", "article_id", "impression_id")
    @classmethod
    def _check_id(cls, text: str | None) -> str | None:
        if text is None:
            return None
        text = text.strip()
        if not text or text in MISSING:
            raise ValueError("it is missing")
        if _UNUSABLE.search(text) or _LOST_DIGITS.search(text):
            raise ValueError("ids have no quote marks, control characters or exponents")
        return text

    @field_validator("time", mode="before")
    @classmethod
    def _check_time(cls, value: Any) -> Any:
        if not isinstance(value, (str, date)):
            raise ValueError("write it like 2020-09-22T10:15:00+02:00")
        if isinstance(value, str) and not re.match(r"\d{4}-\d\d-\d\d", value):
            raise ValueError("write it like 2020-09-22T10:15:00+02:00")
        return value

    @field_validator("time")
    @classmethod
    def _check_day(cls, value: datetime) -> datetime:
        if not EARLIEST <= value.date() <= datetime.now(UTC).date() + timedelta(days=1):
            raise ValueError(f"it must be neither before {EARLIEST} nor in the future")
        return value

    @model_validator(mode="after")
    def _check_person(self) -> Event:
        if self.customer_id is None and self.visitor_id is None:
            raise ValueError("an event needs a customer_id or a visitor_id")
        return self

    def to_row(self, index: int, width: int) -> dict[str, Any]:
        """Return the event for the query `add_events`.

        Parameters
        ----------
        index : its place in the batch.
        width : number of digits of the graph's article ids, whose leading zeros are restored; 0 if they differ.
        """
        article = self.article_id.zfill(width) if self.article_id.isdigit() else self.article_id
        moment = self.time if self.time.tzinfo else self.time.replace(tzinfo=UTC)
        return {
            "index": index, "type": self.type, "event_id": self.event_id, "article_id": article,
            "customer_id": self.customer_id or self.visitor_id, "t_dat": self.time.date(),
            "time": moment.astimezone(UTC), "quantity": self.quantity, "price": self.price, "channel": self.channel,
            "impression_id": self.impression_id,
        }  # fmt: skip


@dataclass(frozen=True)
class EventError:
    """An event that was not recorded.

    Attributes
    ----------
    index : its place in the batch, from 0; for a file, its line from 1.
    error : what is wrong, in one sentence.
    """

    index: int
    error: str


@dataclass(frozen=True)
class EventReceipt:
    """The result of recording a batch of events.

    Attributes
    ----------
    read : number of events.
    recorded : those that are new.
    repeated : those whose id was known; they changed nothing.
    errors : those that were not recorded.
    """

    read: int
    recorded: int
    repeated: int
    errors: tuple[EventError, ...] = ()

    def plus(self, other: EventReceipt) -> EventReceipt:
        """Return the receipt of both batches."""
        return EventReceipt(
            self.read + other.read, self.recorded + other.recorded, self.repeated + other.repeated,
            self.errors + other.errors,
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Return the receipt for JSON."""
        return asdict(self)

    def summary(self) -> str:
        """Return the receipt as a line of text."""
        return (
            f"{self.read:,} events read: {self.recorded:,} new, {self.repeated:,} known, {len(self.errors):,} refused."
        )


def record_events(graph: Graph, events: Sequence[Any], *, create: bool = True) -> EventReceipt:
    """Record a batch of events in one transaction: all valid ones, or none if it fails.

    The same events give the same graph, in any order and however often they are sent. A purchase raises the quantity of
    its BOUGHT or creates it; a return reduces it. A purchase that is in files and in events counts once.

    Parameters
    ----------
    graph : the open graph.
    events : `Event`s, or maps with their fields.
    create : create unknown customers and articles without properties; otherwise their events are refused.

    Returns
    -------
    The receipt; the events are committed then.

    Raises
    ------
    LoadRunning : a load or write-back was running for `graph.timeout` seconds; nothing was recorded.
    """
    width = graph.read_column("article_width")[0] or 0
    rows, errors = _check(events, width)
    unique: dict[tuple[str, str], dict[str, Any]] = {}
    outcomes: dict[int, str] = {}
    for row in rows:
        first = unique.setdefault((row["type"], row["event_id"]), row)
        if first is not row:
            same = {name: row[name] for name in row if name not in ("index", "time")}
            outcomes[row["index"]] = "repeated" if same.items() <= first.items() else "conflict"
    if unique:
        outcomes |= _write(graph, list(unique.values()), create)
        for row in rows:  # a repetition of an event that was refused
            first = unique[row["type"], row["event_id"]]
            if first is not row and outcomes[first["index"]] not in ("recorded", "repeated"):
                outcomes[row["index"]] = outcomes[first["index"]]
    for row in rows:
        sentence = _OUTCOMES.get(outcomes[row["index"]])
        if sentence:
            errors.append(EventError(row["index"], f"Event {row['index']}: {sentence.format(**row)}"))
    found = list(outcomes.values())
    errors.sort(key=lambda error: error.index)
    return EventReceipt(len(events), found.count("recorded"), found.count("repeated"), tuple(errors))


def _check(events: Sequence[Any], width: int) -> tuple[list[dict[str, Any]], list[EventError]]:
    """Return the valid events as rows, and what is wrong with the others."""
    rows, errors = [], []
    for index, item in enumerate(events):
        try:
            event = item if isinstance(item, Event) else Event.model_validate(item)
            rows.append(event.to_row(index, width))
        except (ValidationError, OverflowError) as error:
            errors.append(EventError(index, f"Event {index}: {_describe(error)}"))
    return rows, errors


def _describe(error: ValidationError | OverflowError) -> str:
    if isinstance(error, OverflowError):
        return "time is invalid: it is out of range."
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    name = ".".join(str(part) for part in first["loc"][:1])
    what = first["msg"].removeprefix("Value error, ").rstrip(".")
    return f"{name} is invalid: {what}." if name else f"{what}."


def _write(graph: Graph, rows: list[dict[str, Any]], create: bool) -> dict[int, str]:
    """Write events with different ids, and return the outcome of each index."""

    def write(run: RunQuery) -> dict[int, str]:
        outcomes = {row["index"]: row["outcome"] for row in run("add_events", events=rows, create=create)}
        done = (row for row in rows if outcomes[row["index"]] in ("recorded", "repeated"))
        pairs = sorted({(row["customer_id"], row["article_id"]) for row in done if row["type"] in ("buy", "return")})
        days = [row["day"] for row in run("settle_purchases", pairs=[list(pair) for pair in pairs])] if pairs else []
        if days:
            run("count_events", days=sorted(set(days)))
        return outcomes

    prepare_for_events(graph)
    until = time.monotonic() + graph.timeout
    while True:
        try:
            return graph.write_beside_loads("add_events", write)
        except LoadRunning:
            if time.monotonic() + _PAUSE > until:
                raise
            time.sleep(_PAUSE)


def prepare_for_events(graph: Graph) -> None:
    """Create the constraints of events and shown lists if they are missing.

    Raises
    ------
    UserMistake : the database has constraints or indexes of the same names that are not hmrec's.
    """
    if graph.read_column("missing_event_constraints")[0]:
        check_schema(graph)
        graph.write("constraints")
        graph.write("event_constraints")
        graph.write("indexes")
        graph.write("await_indexes")
