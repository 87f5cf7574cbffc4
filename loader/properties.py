"""The properties of articles and of customers that conditions may name, with their types."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from ..cypher.errors import UserMistake
from .schema import ARTICLES, ATTRIBUTES, CUSTOMERS, Column, Kind

PRICE = "price"
"""Not a property of articles: what an article was last sold for before the day of the request."""


SEGMENT = "segment"
"""Not a property of customers: the name of the customer's segment (`hmrec segments`)."""


class UnknownProperty(UserMistake):
    """Articles, or customers, have no property of that name."""


@dataclass(frozen=True)
class Property:
    """A property of articles or of customers.

    Attributes
    ----------
    name : its name in the graph.
    kind : the type of its values.
    """

    name: str
    kind: Kind

    @property
    def is_listed(self) -> bool:
        """Whether its values are names or numbers to choose from, which can be listed and suggested."""
        return self.kind in (Kind.id, Kind.text, Kind.integer) and self.name not in ("stock", "detail_desc")


def _find_short_names() -> dict[str, str]:
    """Return the attributes' names, such as `department`, and the properties that hold them."""
    snake = {attribute: re.sub(r"(?<=[a-z])(?=[A-Z])", "_", attribute.label).lower() for attribute in ATTRIBUTES}
    return {name: attribute.name or attribute.key for attribute, name in snake.items()}


SHORT_NAMES = _find_short_names()
"""By the name of each attribute, the property that holds it."""
PROPERTIES = {
    column.name: Property(column.name, column.kind) for column in (*ARTICLES.columns, Column(PRICE, Kind.decimal))
}
"""The properties of articles by name."""
CUSTOMER_PROPERTIES = {
    column.name: Property(column.name, column.kind) for column in (*CUSTOMERS.columns, Column(SEGMENT, Kind.text))
}
"""The properties of customers by name."""


def find_property(name: str) -> Property:
    """Return the articles' property of that name, or of the attribute of that name; upper and lower case are the same.

    Raises
    ------
    UnknownProperty : there is none; the hint suggests similar names.
    """
    names = {known.lower(): known for known in (*SHORT_NAMES, *PROPERTIES)}
    known = names.get(name.lower())
    if known is None:
        similar = difflib.get_close_matches(name[:60].lower(), names, n=3)
        hint = (
            f"Did you mean {' or '.join(names[one] for one in similar)}?" if similar else "`hmrec values` lists them."
        )
        raise UnknownProperty(f"Articles have no property {name[:60]!r}.", hint)
    return PROPERTIES[SHORT_NAMES.get(known, known)]


def find_customer_property(name: str) -> Property:
    """Return the customers' property of that name; upper and lower case are the same.

    Raises
    ------
    UnknownProperty : there is none; the hint lists them.
    """
    names = {known.lower(): known for known in CUSTOMER_PROPERTIES}
    known = names.get(name.lower())
    if known is None:
        raise UnknownProperty(
            f"Customers have no property {name[:60]!r}.", f"They have: {', '.join(CUSTOMER_PROPERTIES)}."
        )
    return CUSTOMER_PROPERTIES[known]
