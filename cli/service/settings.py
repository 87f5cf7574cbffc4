"""Settings of the service."""

from __future__ import annotations

import ipaddress
import re

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from ...cypher.errors import UserMistake
from ...cypher.settings import Settings

SHORTEST_TOKEN = 16
_TOKEN = re.compile(r"[!-~]+")


class ServiceSettings(Settings):
    """The HTTP service."""

    model_config = SettingsConfigDict(env_prefix="HMREC_")

    token: SecretStr = Field(
        default=SecretStr(""), description="Token that `hmrec serve` wants (Authorization: Bearer); empty: none"
    )


def is_loopback(host: str) -> bool:
    """Whether the host reaches this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def choose_token(host: str, settings: ServiceSettings | None = None) -> str:
    """The token that requests must bear; empty where the service answers this machine only and none is set.

    Raises
    ------
    UserMistake : other machines could ask and there is no token, or the token is easily guessed.
    """
    token = (settings or ServiceSettings()).token.get_secret_value()
    if not token:
        if is_loopback(host):
            return ""
        raise UserMistake(
            f"Other machines could ask at {host[:100]!r}, and there is no token.",
            "Set HMREC_TOKEN to a long secret, or leave --host at 127.0.0.1.",
        )
    if len(token) < SHORTEST_TOKEN or not _TOKEN.fullmatch(token):
        raise UserMistake(
            f"HMREC_TOKEN must be at least {SHORTEST_TOKEN} letters, digits and signs, without blanks.",
            "`openssl rand -hex 32` makes one.",
        )
    return token
