"""Parameters that many routes have."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from pydantic import Field

from ...graph_ml.recommend.request import Preferences

LONGEST_ID = 1000
"""The greatest length of an id or a name in an address, in characters."""
CustomerId = Annotated[str, Path(max_length=LONGEST_ID, description="The customer's id")]
"""A customer's id in an address."""
ArticleId = Annotated[str, Path(max_length=LONGEST_ID, description="The article's id, with its leading zeros")]
"""An article's id in an address."""
ListedId = Annotated[str, Field(min_length=1, max_length=LONGEST_ID)]
"""An id in a list of ids."""


class ShownPreferences(Preferences):
    """The parameters of a list that a customer may be shown."""

    log: bool | None = Field(
        default=None,
        description="true: log the list, which needs the token for writing; false: do not log it; if it is missing, "
        "a share of the lists is logged (HMREC_LOG_SHARE), and those of an experiment",
    )
