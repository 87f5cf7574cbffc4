"""Defaults and limits that no query declares, and that commands, library and service share."""

from __future__ import annotations

from types import MappingProxyType

SEGMENTS = 8
"""The default number of segments of customers."""
SEED = 0
"""The default seed of grouping customers."""
MOST_CUSTOMERS = 1_000_000
"""The greatest number of customers in an audience."""

WINDOW = 7
"""Days after a list is shown in which purchases count, by default."""
LONGEST_WINDOW = 365
"""The greatest number of these days."""

DRIFT = MappingProxyType({"customers": 0.1, "articles": 0.1, "purchases": 0.2, "popularity": 0.1, "drop": 0.2})
"""The default limits of drift by name: shares and distances between 0 and 1."""
DRIFT_DAYS = 60
"""The default limit of the days of purchases since the training."""
