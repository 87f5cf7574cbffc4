"""The type of a day in requests."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator

_WRITTEN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _refuse_timestamps(value: Any) -> Any:
    """Return the value; raise ValueError if it is a number or text of another form, which pydantic takes for a time."""
    if value is None or isinstance(value, date) or (isinstance(value, str) and _WRITTEN.fullmatch(value)):
        return value
    raise ValueError("must be a day such as 2020-09-15")


Day = Annotated[date, BeforeValidator(_refuse_timestamps)]
