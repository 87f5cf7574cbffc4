"""The saved queries that an assistant may run: those that people run, and those that look things up; all read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...cypher.catalogue import Parameter, Query, find_query, load_catalogue
from ...cypher.errors import UserMistake

if TYPE_CHECKING:
    import pandas as pd

FOLDERS = ("recommend", "related", "explain", "audience", "report")
"""The folders whose queries are offered."""
LOOK_UPS = (
    "article_cards",
    "counts",
    "customer",
    "customers_by_purchases",
    "example_customers",
    "find_articles",
    "find_customers",
    "first_and_last_day",
    "last_purchases",
    "loads",
    "property_values",
    "rules",
    "segments",
)
"""The queries of other folders that are offered; the others are steps of commands."""

OFFERED = {
    query.name: query for query in load_catalogue().values() if query.folder in FOLDERS or query.name in LOOK_UPS
}
"""The offered queries by name."""


def list_offered() -> pd.DataFrame:
    """Return the offered queries: name, what it does, parameters (their names; with a `?` if optional), returns."""
    import pandas as pd

    rows = [
        (query.name, query.doc, [_name(one) for one in query.parameters.values()], list(query.returns))
        for query in OFFERED.values()
    ]
    return pd.DataFrame(rows, columns=["name", "what it does", "parameters", "returns"])


def describe_offered(name: str) -> pd.DataFrame:
    """Return the parameters of an offered query: parameter, type, required, default, meaning.

    Raises
    ------
    UserMistake : there is no such query, or it is not offered.
    """
    import pandas as pd

    rows = [(one.name, one.type, one.required, one.default, one.doc) for one in find_offered(name).parameters.values()]
    return pd.DataFrame(rows, columns=["parameter", "type", "required", "default", "meaning"], dtype=object)


def find_offered(name: str) -> Query:
    """Return the offered query of that name.

    Raises
    ------
    UserMistake : there is no such query, or it is not offered.
    """
    query = find_query(name)
    if name not in OFFERED:
        raise UserMistake(f"The query {name} is not one for assistants.", "The tool saved_queries lists those.")
    return query


def _name(parameter: Parameter) -> str:
    return parameter.name if parameter.required else f"{parameter.name}?"
