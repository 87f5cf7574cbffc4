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
        default=SecretStr(""), description="Token that requests to `hmrec serve` must send; empty for none"
    )


def is_loopback(host: str) -> bool:
    """Return whether the host is only reachable from this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def choose_token(host: str, settings: ServiceSettings | None = None) -> str:
    """Return the token that requests must send; empty if none is set and the host is only reachable from this machine.

    Raises
    ------
    UserMistake : other machines can reach the service without a token, or the token is too easy to guess.
    """
    token = (settings or ServiceSettings()).token.get_secret_value()
    if not token:
        if is_loopback(host):
            return ""
        raise UserMistake(
            f"Other machines can reach {host[:100]!r}, and there is no token.",
            "Set HMREC_TOKEN to a long secret, or leave --host at 127.0.0.1.",
        )
    if len(token) < SHORTEST_TOKEN or not _TOKEN.fullmatch(token):
        raise UserMistake(
            f"HMREC_TOKEN must be at least {SHORTEST_TOKEN} printable ASCII characters, without spaces.",
            "Create one with `openssl rand -hex 32`.",
        )
    return token
