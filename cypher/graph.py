"""Graph: the one door to the Neo4j driver."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

import neo4j
from neo4j import exceptions as driver_errors
from neo4j.time import Date, DateTime

from .catalogue import Query, find_query
from .claim import Claim
from .errors import HmrecError, ServerUnavailable, UserMistake, WriteUnknown
from .retries import AWAY, Tell, explained, try_again
from .settings import ConnectionSettings

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

logging.getLogger("neo4j").addHandler(logging.NullHandler())

T = TypeVar("T")
TIMES = 5  # how often reading in many steps is begun anew at most
LAST_WRITES = 60.0  # seconds to wait for the end of a write whose connection was lost


@dataclass(frozen=True)
class Receipt:
    """What a write did.

    Attributes
    ----------
    rows : what the query returned, one dictionary a row.
    counters : what it changed, under Neo4j's names (`nodes_created`, `relationships_created`, ...); zeros left out.
    milliseconds : the server's time, summed over the query's statements.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)
    milliseconds: float = 0.0

    def plus(self, other: Receipt) -> Receipt:
        """What two statements did, one after the other."""
        counters = {
            name: self.counters.get(name, 0) + other.counters.get(name, 0)
            for name in {**self.counters, **other.counters}
        }
        return Receipt(self.rows + other.rows, counters, self.milliseconds + other.milliseconds)


def _to_python(value: Any) -> Any:
    if isinstance(value, (Date, DateTime)):
        return value.to_native()
    if isinstance(value, list):
        return [_to_python(item) for item in value]
    if isinstance(value, dict):
        return {key: _to_python(item) for key, item in value.items()}
    return value


def _to_cypher(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


class Graph:
    """A connection to the graph that runs the catalogue's queries by name.

    It may be shared between threads and is closed by `close()` or a `with` block. Parameters of every call are held
    against the query's header before anything is sent; those not given take the header's defaults.
    """

    def __init__(self, settings: ConnectionSettings, patience: float | None = None, tell: Tell | None = None) -> None:
        self.settings = settings
        self.uri = settings.uri
        self.client = uuid4().hex
        self.patience = settings.timeout if patience is None else patience
        self.tell = tell
        self._claim: Claim | None = None
        try:
            self._driver = neo4j.GraphDatabase.driver(
                settings.uri,
                auth=(settings.username, settings.password.get_secret_value()),
                notifications_min_severity="OFF",
                # a server that takes the connection and says nothing is as good as away
                connection_timeout=(limit := min(30.0, max(5.0, self.patience))),
                connection_acquisition_timeout=limit,  # with the handshake
                max_transaction_retry_time=0.0,  # `try_again` goes on, and tells that it does
            )
        except (driver_errors.ConfigurationError, ValueError) as error:
            raise UserMistake(
                f"{settings.uri[:100]!r} is not an address of a Neo4j server.",
                "It reads like bolt://localhost:7687 or neo4j+s://xyz.databases.neo4j.io.",
            ) from error

    @classmethod
    def connect(
        cls, settings: ConnectionSettings | None = None, patience: float | None = None, tell: Tell | None = None
    ) -> Graph:
        """Open the graph that `settings` name, or NEO4J_URI, or else the local server's.

        Parameters
        ----------
        settings : the server to speak to.
        patience : seconds to wait for a server that is away, such as one that restarts, here and in each query later,
            and to try again after any passing fault; None is `settings.timeout`.
        tell : gets a sentence when waiting for a server that is away begins, and when it ends; it is called by any
            thread. None: nothing is said.

        Raises
        ------
        ServerUnavailable : nothing answers there.
        WrongPassword : the server refuses the credentials.
        """
        settings = settings or ConnectionSettings()
        if not settings.uri:
            from .local.server import LocalServer

            settings = LocalServer().connection()
        graph = cls(settings, patience, tell)
        try:
            with explained(graph.uri):
                try_again(graph._driver.verify_connectivity, graph.patience, graph.uri, tell)
        except HmrecError:
            graph.close()
            raise
        return graph

    def close(self) -> None:
        """Close the connections."""
        self._driver.close()

    def __enter__(self) -> Graph:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read(self, query: str | Query, **parameters: Any) -> pd.DataFrame:
        """Run a query that only reads.

        Parameters
        ----------
        query : a name in the catalogue, or a `Query`.
        parameters : values of the query's `$names`.

        Returns
        -------
        A frame with the query's columns, one line a row; dates as `datetime.date`.

        Raises
        ------
        UserMistake : an unknown query, a wrong parameter, or a query that writes.
        """
        import pandas as pd

        keys, rows = self.read_rows(query, **parameters)
        return pd.DataFrame(rows, columns=keys)

    def read_rows(self, query: str | Query, **parameters: Any) -> tuple[list[str], list[list[Any]]]:
        """As `read`, without pandas: the columns' names and the rows."""
        query = find_query(query) if isinstance(query, str) else query
        bound = {name: _to_cypher(value) for name, value in query.bind(parameters).items()}

        def read(transaction: neo4j.ManagedTransaction) -> tuple[list[str], list[list[Any]]]:
            result = transaction.run(query.text, bound)
            return list(result.keys()), [[_to_python(value) for value in record.values()] for record in result]

        def work() -> tuple[list[str], list[list[Any]]]:
            with self._session(neo4j.READ_ACCESS) as session:
                return session.execute_read(read)

        with explained(self.uri):
            return try_again(work, self.patience, self.uri, self.tell)

    def stream(self, query: str | Query, *, fetch_size: int = 1000, **parameters: Any) -> Iterator[list[Any]]:
        """Run a query that reads more than memory should hold; rows come one by one, with the driver's values.

        Rows that were handed on cannot be taken back, so it ends where the connection is lost: see `read_anew`.
        """
        query = find_query(query) if isinstance(query, str) else query
        bound = {name: _to_cypher(value) for name, value in query.bind(parameters).items()}
        with explained(self.uri), self._session(neo4j.READ_ACCESS, fetch_size=fetch_size) as session:
            for record in session.run(query.text, bound):
                yield list(record.values())

    def read_anew(self, work: Callable[[], T]) -> T:
        """What `work` makes of many queries that read; it begins anew once the server answers that was away meanwhile.

        Raises
        ------
        ServerUnavailable : it did not come back in time, or went away again and again.
        """
        for _ in range(TIMES - 1):
            try:
                return work()
            except ServerUnavailable:
                with explained(self.uri):
                    try_again(self._driver.verify_connectivity, self.patience, self.uri, self.tell)
        return work()

    def write(self, query: str | Query, **parameters: Any) -> Receipt:
        """Run a query that writes: all of it or nothing, tried again after a passing fault.

        A file of several statements runs them one after the other; one with `IN TRANSACTIONS` commits in parts. Under a
        claim nothing is written once that is lost, and it is taken anew first.

        Raises
        ------
        UserMistake : an unknown query or a wrong parameter.
        WriteUnknown : the connection was lost while the write was being committed, and running it twice is not as once.
        LoadRunning : the claim was lost and another client has taken it meanwhile.
        """
        query = find_query(query) if isinstance(query, str) else query
        bound = {name: _to_cypher(value) for name, value in query.bind(parameters).items()}
        whole = Receipt()
        with explained(self.uri):
            for statement in query.statements:
                receipt = try_again(
                    lambda text=statement: self._write_once(query, text, bound),  # type: ignore[misc]
                    self.patience,
                    self.uri,
                    self.tell,
                )
                whole = whole.plus(receipt)
        return whole

    def _write_once(self, query: Query, statement: str, bound: dict[str, Any]) -> Receipt:
        """One attempt at a statement."""
        call = uuid4().hex
        # by its metadata a claim waits for a killed client's
        told = {"hmrec": query.name, "id": self.client, "call": call}
        claim = self._claim
        if claim is not None:
            claim.hold()
        try:
            with self._session(neo4j.WRITE_ACCESS) as session:
                if query.commits_itself:
                    if claim is not None:
                        claim.check()
                    result = session.run(neo4j.Query(statement, metadata=told), bound)
                    records, summary = [record.data() for record in result], result.consume()
                else:
                    named = neo4j.unit_of_work(metadata=told)(_run_whole)
                    records, summary = session.execute_write(named, statement, bound, claim)
        except AWAY as error:
            unknown = query.commits_itself or isinstance(error, driver_errors.IncompleteCommit)
            if unknown and not query.is_repeatable:
                self._await_end(call)
                raise WriteUnknown(
                    f"The connection to {self.uri} was lost while {query.name} was committed: it may be written.",
                    "Look before you run it again.",
                ) from error
            raise
        changed = {
            name: value
            for name, value in vars(summary.counters).items()
            if isinstance(value, int) and not isinstance(value, bool) and value
        }
        took = float((summary.result_available_after or 0) + (summary.result_consumed_after or 0))
        return Receipt([_to_python(record) for record in records], changed, took)

    def _await_end(self, call: str) -> None:
        """Wait until the server has ended a write, so that what is read next shows its outcome."""
        until = time.monotonic() + LAST_WRITES
        while time.monotonic() < until:
            _, rows = self.read_rows("claims", database=self.settings.database)
            if not any(row[3] == call for row in rows):
                return
            time.sleep(0.1)

    @contextmanager
    def claim(self, who: str, wait: float = LAST_WRITES) -> Iterator[None]:
        """Be the only one to load or write back here, by a transaction that stays open and ends with this client.

        A client that is killed loses its claim at once; what it had sent is over, written or undone, when this begins.
        Where the connection is lost, the next write takes the claim anew.

        Parameters
        ----------
        who : what others are told while the claim is held.
        wait : seconds to wait for the last writes of a killed client.

        Raises
        ------
        LoadRunning : another client has the claim; the message names it.
        """
        claim = Claim(lambda: self._session(neo4j.WRITE_ACCESS), self.settings.database, self.client, who, wait)
        with explained(self.uri):
            try_again(claim.hold, self.patience, self.uri, self.tell)
            self._claim = claim
            try:
                yield
            finally:
                self._claim = None
                claim.give_up()

    def to_vectors(self, array: npt.NDArray[np.float32]) -> list[Any]:
        """Rows of numbers as parameters, in the form that this server takes fastest.

        Parameters
        ----------
        array : [n, dim], float32.

        Returns
        -------
        n values: packed vectors where the server knows them (Bolt 6), twice as fast to send, else lists of floats.
        """
        from neo4j.vector import Vector

        with explained(self.uri):
            server = try_again(self._driver.get_server_info, self.patience, self.uri, self.tell)
        protocol = server.protocol_version
        if protocol < (6, 0):
            rows: list[Any] = array.tolist()
            return rows
        packed, width = array.astype(">f4").tobytes(), 4 * array.shape[1]
        return [Vector(packed[begin : begin + width], "f32") for begin in range(0, len(packed), width)]

    def server_version(self) -> str:
        """The server's version, e.g. `2026.05.0`."""
        with explained(self.uri):
            return self._driver.get_server_info().agent.removeprefix("Neo4j/")

    def _session(self, access: str, fetch_size: int = 1000) -> neo4j.Session:
        return self._driver.session(database=self.settings.database, default_access_mode=access, fetch_size=fetch_size)


def _run_whole(
    transaction: neo4j.ManagedTransaction, text: str, bound: dict[str, Any], claim: Claim | None
) -> tuple[list[dict[str, Any]], neo4j.ResultSummary]:
    result = transaction.run(text, bound)
    records, summary = [record.data() for record in result], result.consume()
    if claim is not None:
        claim.check()
    return records, summary
