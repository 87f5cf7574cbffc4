"""Shell completion of words that only hmrec knows."""

from __future__ import annotations


def complete_method(incomplete: str) -> list[tuple[str, str]]:
    """Return the methods of `hmrec recommend` with this prefix, each with what it recommends."""
    from ...cypher.recommenders import METHODS

    return [(method.name, method.doc) for method in METHODS if method.name.startswith(incomplete)]


def complete_methods(incomplete: str) -> list[str]:
    """Return the methods of `hmrec evaluate` with this prefix; the option accepts several, separated by commas."""
    from ...cypher.recommenders import list_evaluated

    head, comma, last = incomplete.rpartition(",")
    names = [name for name in list_evaluated() if name.startswith(last) and name not in head.split(",")]
    return [f"{head}{comma}{name}" for name in names]


def complete_query(incomplete: str) -> list[tuple[str, str]]:
    """Return the saved queries with this prefix, each with its description."""
    from ...cypher.catalogue import load_catalogue

    return [(query.name, query.doc) for query in load_catalogue().values() if query.name.startswith(incomplete)]


def complete_property(incomplete: str) -> list[str]:
    """Return the properties of articles with this prefix, and the attributes' short names."""
    from ...loader.properties import PRICE, PROPERTIES, SHORT_NAMES

    names = [*SHORT_NAMES, *(name for name in PROPERTIES if name != PRICE)]
    return [name for name in names if name.startswith(incomplete)]
