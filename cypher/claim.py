"""The right to load or write back into a database: a transaction that stays open as long as its client.

The connection of that transaction may be lost while others live on: a server restarts, a network drops. So each write
checks before it commits that the claim still holds. By then the write itself is visible on the server, so a later
claim waits for its end; two clients never write at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import RLock

import neo4j
from neo4j import exceptions as driver_errors

from .catalogue import find_query, load_catalogue
from .errors import LoadRunning

PAUSE = 0.2  # seconds between two looks at who is writing


class ClaimLost(Exception):
    """The claim's connection has ended; the claim must be taken again before anything is written."""


@dataclass(frozen=True)
class Writer:
    """A transaction of hmrec's that is open on the server, a row of the query `claims`.

    Attributes
    ----------
    id : the client.
    what : `claim`, or the name of the query that runs.
    who : of a claim, what other clients' errors say.
    call : of a write, the id of this one attempt.
    """

    id: str
    what: str
    who: str | None
    call: str | None


class Claim:
    """One client's claim on a database; several threads may write under it.

    Parameters
    ----------
    open_session : opens a session for writing.
    database : its name.
    client : id of the client that claims.
    who : what other clients' errors say while the claim is held.
    wait : seconds to wait for the last writes of a killed client.
    """

    def __init__(
        self, open_session: Callable[[], neo4j.Session], database: str, client: str, who: str, wait: float
    ) -> None:
        self._open_session = open_session
        self._database = database
        self._client = client
        self._who = who
        self._wait = wait
        self._session: neo4j.Session | None = None
        self._transaction: neo4j.Transaction | None = None
        self._alone = RLock()

    def hold(self) -> None:
        """Take the claim, unless it is held.

        Raises
        ------
        LoadRunning : another client has it, or its last write did not end in time; the message names it.
        """
        with self._alone:
            if self._transaction is None:
                self._take()

    def check(self) -> None:
        """Make sure that the claim is still held.

        Raises
        ------
        ClaimLost : it is not.
        """
        with self._alone:
            if self._transaction is None:
                raise ClaimLost
            try:
                self._transaction.run(find_query("still_claimed").text).consume()
            except (driver_errors.DriverError, driver_errors.Neo4jError) as error:
                self.give_up()
                raise ClaimLost from error

    def give_up(self) -> None:
        """Let others claim; the claim's own transaction has written nothing."""
        with self._alone:
            session, self._session, self._transaction = self._session, None, None
            if session is not None:
                with suppress(driver_errors.DriverError, driver_errors.Neo4jError):
                    session.close()  # rolls its transaction back

    def _take(self) -> None:
        self._session = self._open_session()
        try:
            metadata = {"hmrec": "claim", "id": self._client, "who": self._who}
            self._transaction = self._session.begin_transaction(metadata=metadata)
            loading = {name for name, known in load_catalogue().items() if known.folder in ("load", "write_back")}
            begun = time.monotonic()
            while left := self._find_writing(loading):
                if time.monotonic() - begun > self._wait:
                    raise LoadRunning(f"Another client is writing ({left[0]}).", "Wait until it is done.")
                time.sleep(PAUSE)
        except BaseException:
            self.give_up()
            raise

    def _find_writing(self, loading: set[str]) -> list[str]:
        """Return the names of other clients' queries that still run.

        Raises
        ------
        LoadRunning : another client holds the claim.
        """
        assert self._transaction is not None  # noqa: S101  for mypy: `_take` has just made it
        rows = self._transaction.run(find_query("claims").text, database=self._database)
        writers = [Writer(**row.data()) for row in rows]
        first = next(writer for writer in writers if writer.what == "claim")
        if first.id != self._client:
            raise LoadRunning(f"A load or write-back is running already: {first.who}.", "Wait until it is done.")
        return [writer.what for writer in writers if writer.id != self._client and writer.what in loading]
