"""What can go wrong, said in a sentence and with what to do about it."""

from __future__ import annotations


class HmrecError(Exception):
    """A failure that hmrec can explain; printed once, by the command line.

    Parameters
    ----------
    message : one sentence that says what is wrong.
    hint : one sentence that says what to do, if there is something to do.
    """

    exit_status = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class UserMistake(HmrecError):
    """What was asked cannot be done as asked: a wrong name, value or file (exit status 2)."""

    exit_status = 2


class UnknownQuery(UserMistake):
    """No query of that name is in the catalogue."""


class UnknownCustomer(UserMistake):
    """The graph has no customer of that id.

    Parameters
    ----------
    customer_id : what was asked for.
    hint : where ids can be found.
    """

    def __init__(
        self, customer_id: str, hint: str = "`hmrec query customers_by_purchases` lists some that it has."
    ) -> None:
        super().__init__(f"The graph has no customer {customer_id[:80]!r}.", hint)


class UnknownArticle(UserMistake):
    """The graph has no article of that id."""


class NoEmbedding(UserMistake):
    """What was asked needs an embedding that is not there."""


class NoRanker(UserMistake):
    """The graph has no ranker that can be asked."""


class WrongPassword(UserMistake):
    """The server refused the user name or the password."""


class NoHome(UserMistake):
    """The user has no home directory, and HMREC_HOME names no folder."""

    def __init__(self) -> None:
        super().__init__(
            "This user has no home directory: HOME is not set.", "Set HMREC_HOME to a folder that may be written."
        )


class WrongEncryption(UserMistake):
    """The server and the address differ in how the connection is encrypted, or its certificate is not trusted."""


class ServerUnavailable(HmrecError):
    """No Neo4j server answers at the address."""


class WriteUnknown(ServerUnavailable):
    """The connection was lost while a write was being committed, and nobody knows whether it was."""


class InstallFailed(HmrecError):
    """The local server could not be downloaded or its files are damaged."""


class LoadRunning(HmrecError):
    """Another load is writing into the same graph."""


class DiskFull(HmrecError):
    """The disk has not enough room."""
