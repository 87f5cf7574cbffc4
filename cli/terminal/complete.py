"""What the shell offers at the Tab key, for words that only hmrec knows."""

from __future__ import annotations

EVALUATED = ("popular", "own_repurchases", "cf", "items", "together", "variants", "departments", "arrivals",
             "segment", "attributes", "gnn", "hybrid")  # fmt: skip
"""`hmrec.graph_ml.evaluate.evaluation.METHODS`, without PyTorch, which would take seconds to import at each Tab."""


def complete_method(incomplete: str) -> list[str]:
    """The methods of `hmrec recommend` that begin so."""
    from ...cypher.recommender import Method

    return [method.value for method in Method if method.startswith(incomplete)]


def complete_methods(incomplete: str) -> list[str]:
    """The same for `hmrec evaluate`, which takes several with commas between them."""
    head, comma, last = incomplete.rpartition(",")
    return [f"{head}{comma}{name}" for name in EVALUATED if name.startswith(last) and name not in head.split(",")]


def complete_query(incomplete: str) -> list[tuple[str, str]]:
    """The saved queries whose names begin so, each with what it does."""
    from ...cypher.catalogue import load_catalogue

    return [(query.name, query.doc) for query in load_catalogue().values() if query.name.startswith(incomplete)]
