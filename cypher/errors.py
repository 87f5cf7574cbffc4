"""hmrec's errors: each has a one-sentence message and a hint on what to do."""

from __future__ import annotations


class HmrecError(Exception):
    """An error that hmrec can explain; the command line prints it once.

    Parameters
    ----------
    message : one sentence that says what is wrong.
    hint : one sentence that says what to do; empty if there is nothing to do.
    """

    exit_status = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class UserMistake(HmrecError):
    """An invalid request: a wrong name, value or file (exit status 2)."""

    exit_status = 2


class UnknownQuery(UserMistake):
    """The catalogue has no query of that name."""


class UnknownCustomer(UserMistake):
    """The graph has no customer of that id.

    Parameters
    ----------
    customer_id : the requested id.
    hint : where to find ids.
    """

    def __init__(
        self, customer_id: str, hint: str = "`hmrec query customers_by_purchases` lists existing ones."
    ) -> None:
        super().__init__(f"The graph has no customer {customer_id[:80]!r}.", hint)


class UnknownArticle(UserMistake):
    """The graph has no article of that id."""


class NoEmbedding(UserMistake):
    """The request needs an embedding that does not exist."""


class NoStoredList(UserMistake):
    """The graph has no stored list for the customer."""


class NoRanker(UserMistake):
    """The graph has no usable ranker."""


class WrongPassword(UserMistake):
    """The server refused the user name or the password."""


class NoHome(UserMistake):
    """The user has no home directory, and HMREC_HOME is not set."""

    def __init__(self) -> None:
        super().__init__("This user has no home directory: HOME is not set.", "Set HMREC_HOME to a writable folder.")


class WrongEncryption(UserMistake):
    """Server and address disagree about encryption, or the server's certificate is not trusted."""


class ServerUnavailable(HmrecError):
    """No Neo4j server answers at the address."""


class WriteUnknown(ServerUnavailable):
    """The connection was lost during a commit, so the write may or may not have succeeded."""


class InstallFailed(HmrecError):
    """The local server could not be downloaded, or its files are damaged."""


class LoadRunning(HmrecError):
    """Another load is writing to the same graph."""


class DiskFull(HmrecError):
    """The disk is full."""
