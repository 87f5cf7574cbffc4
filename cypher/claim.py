"""The right to load or write back into a database, by a transaction that stays open and ends with its client.

The connection of that transaction may be lost while others go on: a server that restarts, a network that drops. So
each write asks before it commits whether the claim still holds. It was on the server before that, so whoever claims
later sees it there and waits for its end; two never write at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from threading import RLock
from typing import Any

import neo4j
from neo4j import exceptions as driver_errors

from .catalogue import find_query, load_catalogue
from .errors import LoadRunning

PAUSE = 0.2  # seconds between two looks at who is writing


class ClaimLost(Exception):
    """The claim's connection has ended; it must be taken anew before anything is written."""


class Claim:
    """One client's claim on a database; several threads may write under it.

    Parameters
    ----------
    open_session : opens a session for writing.
    database : its name.
    client : id of the client that claims.
    who : what others are told while the claim is held.
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
        LoadRunning : another client has it, or had what it sent not ended in time; the message names it.
        """
        with self._alone:
            if self._transaction is None:
                self._take()

    def check(self) -> None:
        """Make sure that the claim is held still.

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
        """Let others claim; nothing was written in the claim's own transaction."""
        with self._alone:
            session, self._session, self._transaction = self._session, None, None
            if session is not None:
                with suppress(driver_errors.DriverError, driver_errors.Neo4jError):
                    session.close()  # undoes its transaction

    def _take(self) -> None:
        self._session = self._open_session()
        try:
            told = {"hmrec": "claim", "id": self._client, "who": self._who}
            self._transaction = self._session.begin_transaction(metadata=told)
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
        """The queries of other clients that are still under way.

        Raises
        ------
        LoadRunning : another client has claimed before.
        """
        assert self._transaction is not None  # noqa: S101  for mypy: `_take` has just made it
        found: list[dict[str, Any]] = self._transaction.run(find_query("claims").text, database=self._database).data()
        first = next(other for other in found if other["what"] == "claim")
        if first["id"] != self._client:
            raise LoadRunning(f"A load or write-back is running already: {first['who']}.", "Wait until it is done.")
        return [other["what"] for other in found if other["id"] != self._client and other["what"] in loading]
