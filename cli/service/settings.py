"""Settings of the service."""

from __future__ import annotations

import ipaddress
import re

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from ...cypher.errors import UserMistake
from ...cypher.settings import Settings
from ...loader.impressions import KEPT_DAYS, MOST_DAYS

SHORTEST_TOKEN = 16
_TOKEN = re.compile(r"[!-~]+")


class ServiceSettings(Settings):
    """The HTTP service."""

    model_config = SettingsConfigDict(env_prefix="HMREC_")

    token: SecretStr = Field(
        default=SecretStr(""),
        description="Token that requests to `hmrec serve` and `hmrec mcp --http` must send; empty for none",
    )
    write_token: SecretStr = Field(
        default=SecretStr(""),
        description="Token that requests to `hmrec serve` must send to write; empty if nobody may write",
    )
    log_share: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Share of its lists that `hmrec serve` logs in the graph, for `hmrec outcomes`",
    )
    log_days: int = Field(
        default=KEPT_DAYS, ge=1, le=MOST_DAYS, description="Days for which `hmrec serve` keeps logged lists"
    )
    image_url: str = Field(
        default="",
        pattern=r"^(https?://[^\s;,'\"]+|/[^\s;,'\"]*|\{image_url\})?$",
        description="Address of an article's picture on the page, with {article_id} or {image_url}; empty for none",
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
    _check_token("HMREC_TOKEN", token)
    return token


def choose_write_token(settings: ServiceSettings | None = None) -> str:
    """Return the token that requests must send to write; empty if the service writes nothing.

    Raises
    ------
    UserMistake : the token is too easy to guess, or equals the one for reading.
    """
    settings = settings or ServiceSettings()
    token = settings.write_token.get_secret_value()
    if not token:
        return ""
    _check_token("HMREC_WRITE_TOKEN", token)
    if token == settings.token.get_secret_value():
        raise UserMistake(
            "HMREC_WRITE_TOKEN equals HMREC_TOKEN, so whoever may read could write.",
            "Create another one with `openssl rand -hex 32`.",
        )
    return token


def _check_token(name: str, token: str) -> None:
    if len(token) < SHORTEST_TOKEN or not _TOKEN.fullmatch(token):
        raise UserMistake(
            f"{name} must be at least {SHORTEST_TOKEN} printable ASCII characters, without spaces.",
            "Create one with `openssl rand -hex 32`.",
        )
