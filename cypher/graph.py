"""Graph: the only access to the Neo4j driver."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, reduce
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

import neo4j
from neo4j import exceptions as driver_errors

from .catalogue import Query
from .claim import Claim, LoadWatch, Writer
from .errors import HmrecError, ServerUnavailable, UserMistake, WriteUnknown
from .probe import Verification
from .progress import Notify
from .retries import AWAY, run_with_retries, translated_errors
from .settings import ConnectionSettings
from .statement import Receipt, bind, run_in_transaction, to_python

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

logging.getLogger("neo4j").addHandler(logging.NullHandler())

_T = TypeVar("_T")
_R = TypeVar("_R")
RunQuery = Callable[..., list[dict[str, Any]]]
"""A function that runs a query by its name, with its parameters, and returns its rows."""
ATTEMPTS = 5
"""How often `Graph.read_with_retry` runs its work at most."""
LAST_WRITES = 60.0
"""Seconds to wait for the end of a write whose connection was lost."""


class Graph:
    """A connection to the graph that runs the catalogue's queries by name.

    It may be shared between threads; close it with `close()` or a `with` block. The parameters of a call are checked
    against the query's header before anything is sent; missing ones get the header's defaults.

    Attributes
    ----------
    timeout : seconds to wait for an unreachable server; 0 means one attempt.
    notify : called with a sentence when waiting begins and ends; None for no messages.
    longest : seconds that the server may work on a read; None for no limit of hmrec's.
    """

    def __init__(
        self, settings: ConnectionSettings, timeout: float | None = None, notify: Notify | None = None
    ) -> None:
        self.settings = settings
        self.uri = settings.uri
        self.client = uuid4().hex
        self.timeout = settings.timeout if timeout is None else timeout
        self.notify = notify
        self.longest: float | None = None
        self._claim: Claim | None = None
        try:
            self._driver = neo4j.GraphDatabase.driver(
                settings.uri,
                auth=(settings.username, settings.password.get_secret_value()),
                notifications_min_severity="OFF",
                # a server that accepts the connection but sends nothing is unreachable
                connection_timeout=(limit := min(30.0, max(5.0, self.timeout))),
                connection_acquisition_timeout=limit,  # includes the handshake
                max_transaction_retry_time=0.0,  # retries.py repeats attempts, and announces it
            )
        except (driver_errors.ConfigurationError, ValueError) as error:
            raise UserMistake(
                f"{settings.uri[:100]!r} is not an address of a Neo4j server.",
                "Examples are bolt://localhost:7687 and neo4j+s://xyz.databases.neo4j.io.",
            ) from error

    @classmethod
    def connect(
        cls, settings: ConnectionSettings | None = None, timeout: float | None = None, notify: Notify | None = None
    ) -> Graph:
        """Connect to the server of `settings`, or to the local server if they have no address.

        Parameters
        ----------
        settings : the server; None reads the environment (NEO4J_URI and the other variables).
        timeout : seconds to wait for an unreachable server, here and in each later query, and to retry after any
            transient fault; None takes `settings.timeout`.
        notify : called with a sentence, from any thread, when waiting for an unreachable server begins and ends; None
            for no messages.

        Raises
        ------
        ServerUnavailable : no server answers there.
        WrongPassword : the server refuses the user name or the password.
        WrongEncryption : only one side uses TLS, or the server's certificate is untrusted.
        UserMistake : the address is not one of a Neo4j server.
        """
        settings = settings or ConnectionSettings()
        if not settings.uri:
            from .local.server import LocalServer

            settings = LocalServer().connection()
        graph = cls(settings, timeout, notify)
        try:
            graph._retry(Verification(graph._driver, graph.uri))
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
        """Run a read-only query.

        Parameters
        ----------
        query : a name in the catalogue, or a `Query`.
        parameters : values of the query's `$names`.

        Returns
        -------
        A frame with the query's columns, one line per row; dates as `datetime.date`.

        Raises
        ------
        UserMistake : the query is unknown or writes, or a parameter is wrong.
        """
        import pandas as pd

        keys, rows = self.read_rows(query, **parameters)
        return pd.DataFrame(rows, columns=keys)

    def read_first(self, count: int, query: str | Query, /, **parameters: Any) -> pd.DataFrame:
        """Run a read-only query and fetch only its first `count` rows. Raises what `read` does."""
        import pandas as pd

        keys, rows = self._read_rows(query, parameters, count)
        return pd.DataFrame(rows, columns=keys)

    def read_rows(self, query: str | Query, **parameters: Any) -> tuple[list[str], list[list[Any]]]:
        """Run a read-only query without pandas; return the columns' names and the rows. Raises what `read` does."""
        return self._read_rows(query, parameters)

    def _read_rows(
        self, query: str | Query, parameters: dict[str, Any], count: int | None = None
    ) -> tuple[list[str], list[list[Any]]]:
        query, bound = bind(query, parameters)

        def read(transaction: neo4j.ManagedTransaction) -> tuple[list[str], list[list[Any]]]:
            result = transaction.run(query.text, bound)
            records = islice(result, count)
            return list(result.keys()), [[to_python(value) for value in record.values()] for record in records]

        def attempt() -> tuple[list[str], list[list[Any]]]:
            with self._session(neo4j.READ_ACCESS) as session:
                return session.execute_read(neo4j.unit_of_work(timeout=self.longest)(read))

        return self._retry(attempt)

    def read_as(self, row: Callable[..., _R], query: str | Query, **parameters: Any) -> list[_R]:
        """Run a read-only query, and create an object from each row.

        Parameters
        ----------
        row : called with the row's values by column name, e.g. a dataclass with these fields.
        query, parameters : as in `read`.

        Raises
        ------
        UserMistake : as in `read`.
        """
        keys, rows = self.read_rows(query, **parameters)
        return [row(**dict(zip(keys, values, strict=True))) for values in rows]

    def read_one(self, row: Callable[..., _R], query: str | Query, **parameters: Any) -> _R | None:
        """Return the first object of `read_as`; None if there is none."""
        return next(iter(self.read_as(row, query, **parameters)), None)

    def read_column(self, query: str | Query, **parameters: Any) -> list[Any]:
        """Run a read-only query with one column, and return its values. Raises what `read` does."""
        _, rows = self.read_rows(query, **parameters)
        return [value for (value,) in rows]

    def stream(self, query: str | Query, *, fetch_size: int = 1000, **parameters: Any) -> Iterator[list[Any]]:
        """Run a read-only query whose result may exceed memory, and yield its rows, with the driver's values.

        A lost connection raises an error, since yielded rows cannot be taken back; `read_with_retry` can start again.

        Parameters
        ----------
        query, parameters : as in `read`.
        fetch_size : how many rows the server sends at a time.

        Raises
        ------
        UserMistake : as in `read`.
        ServerUnavailable : the connection was lost.
        """
        query, bound = bind(query, parameters)
        with translated_errors(self.uri), self._session(neo4j.READ_ACCESS, fetch_size=fetch_size) as session:
            for record in session.run(query.text, bound):
                yield list(record.values())

    def read_with_retry(self, work: Callable[[], _T]) -> _T:
        """Return the result of `work`, which runs several reading queries; start again after a lost connection.

        Parameters
        ----------
        work : called up to `ATTEMPTS` times; everything that it reads, it reads again.

        Raises
        ------
        ServerUnavailable : the server did not come back in time, or became unreachable too often.
        """
        for _ in range(ATTEMPTS - 1):
            try:
                return work()
            except ServerUnavailable:
                self._retry(Verification(self._driver, self.uri))
        return work()

    def write(self, query: str | Query, **parameters: Any) -> Receipt:
        """Run a query that writes, completely or not at all, and retry it after a transient fault.

        The statements of a file run one after the other. A query with `IN TRANSACTIONS` commits in parts. If a claim
        was lost, nothing is written until the claim is taken again.

        Parameters
        ----------
        query, parameters : as for `read`.

        Raises
        ------
        UserMistake : an unknown query or a wrong parameter.
        WriteUnknown : the connection was lost during the commit of a query that must not run twice.
        LoadRunning : the claim was lost, and another client has taken it since.
        """
        query, bound = bind(query, parameters)
        receipts = (self._retry(partial(self._write_once, query, text, bound)) for text in query.statements)
        return reduce(Receipt.plus, receipts, Receipt())

    def _write_once(self, query: Query, statement: str, bound: dict[str, Any]) -> Receipt:
        """Run a statement once."""
        call = uuid4().hex
        # identifies a killed client's writes to later claims
        metadata = {"hmrec": query.name, "id": self.client, "call": call}
        claim = self._claim
        if claim is not None:
            claim.acquire()
        try:
            with self._session(neo4j.WRITE_ACCESS) as session:
                if query.commits_itself:
                    if claim is not None:
                        claim.check()
                    result = session.run(neo4j.Query(statement, metadata=metadata), bound)
                    records, summary = [record.data() for record in result], result.consume()
                else:
                    named = neo4j.unit_of_work(metadata=metadata)(run_in_transaction)
                    records, summary = session.execute_write(named, statement, bound, claim)
        except AWAY as error:
            unknown = query.commits_itself or isinstance(error, driver_errors.IncompleteCommit)
            if unknown and not query.is_repeatable:
                self._await_end(call)
                raise WriteUnknown(
                    f"The connection to {self.uri} was lost while {query.name} was committed; it may have succeeded.",
                    "Check before you run it again.",
                ) from error
            raise
        changed = {
            name: value
            for name, value in vars(summary.counters).items()
            if isinstance(value, int) and not isinstance(value, bool) and value
        }
        took = float((summary.result_available_after or 0) + (summary.result_consumed_after or 0))
        return Receipt([to_python(record) for record in records], changed, took)

    def write_beside_loads(self, name: str, work: Callable[[RunQuery], _T]) -> _T:
        """Run several queries in one transaction, unless another client is loading or writing back.

        Parameters
        ----------
        name : name of the first query, by which loads recognise the transaction and wait for its end.
        work : gets a function that runs a query by name and returns its rows; it may be called again, so its queries
            must be repeatable.

        Raises
        ------
        LoadRunning : another client is loading; nothing was written.
        UserMistake : as in `write`.
        """
        watch = LoadWatch(lambda: self._session(neo4j.READ_ACCESS), self.settings.database, self.client)

        def run_all(transaction: neo4j.ManagedTransaction) -> _T:
            def run(query: str, **parameters: Any) -> list[dict[str, Any]]:
                found, bound = bind(query, parameters)
                return [to_python(record.data()) for record in transaction.run(found.text, bound)]

            result = work(run)
            watch.check()
            return result

        def attempt() -> _T:
            metadata = {"hmrec": name, "id": self.client, "call": uuid4().hex}
            with self._session(neo4j.WRITE_ACCESS) as session:
                return session.execute_write(neo4j.unit_of_work(metadata=metadata)(run_all))

        return self._retry(attempt)

    def _await_end(self, call: str) -> None:
        """Wait until the server has ended a write, so that the next read sees its outcome."""
        until = time.monotonic() + LAST_WRITES
        while time.monotonic() < until:
            writers = self.read_as(Writer, "claims", database=self.settings.database)
            if not any(writer.call == call for writer in writers):
                return
            time.sleep(0.1)

    @contextmanager
    def claim(self, who: str, wait: float = LAST_WRITES) -> Iterator[None]:
        """Make this client the only one that loads or writes back, by a transaction that stays open in the block.

        A killed client loses its claim at once, and the block begins when that client's last write is committed or
        rolled back. After a lost connection, the next write takes the claim again.

        Parameters
        ----------
        who : the holder, as shown in other clients' errors.
        wait : seconds to wait for the last writes of a killed client.

        Raises
        ------
        LoadRunning : another client has the claim; the message names it.
        """
        claim = Claim(lambda: self._session(neo4j.WRITE_ACCESS), self.settings.database, self.client, who, wait)
        self._retry(claim.acquire)
        self._claim = claim
        try:
            yield
        finally:
            self._claim = None
            claim.release()

    def to_vectors(self, array: npt.NDArray[np.float32]) -> list[Any]:
        """Return rows of numbers as query parameters, in the form that the server reads fastest.

        Parameters
        ----------
        array : [n, dim], float32.

        Returns
        -------
        n values: packed vectors if the server supports them (Bolt 6; twice as fast to send), else lists of floats.
        """
        from neo4j.vector import Vector

        if self._retry(self._driver.get_server_info).protocol_version < (6, 0):
            rows: list[Any] = array.tolist()
            return rows
        packed, width = array.astype(">f4").tobytes(), 4 * array.shape[1]
        return [Vector(packed[begin : begin + width], "f32") for begin in range(0, len(packed), width)]

    def server_version(self) -> str:
        """Return the server's version, e.g. `2026.05.0`."""
        return self._retry(self._driver.get_server_info).agent.removeprefix("Neo4j/")

    def _retry(self, work: Callable[[], _T]) -> _T:
        """Run `work` with retries and return its result; all access to the server but `stream` uses this."""
        return run_with_retries(work, self.uri, self.timeout, self.notify)

    def _session(self, access: str, fetch_size: int = 1000) -> neo4j.Session:
        return self._driver.session(database=self.settings.database, default_access_mode=access, fetch_size=fetch_size)
