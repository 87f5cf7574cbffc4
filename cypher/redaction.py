"""Redact secrets in all output: passwords and tokens of the settings, and credentials in addresses."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from urllib.parse import quote, unquote

from .dot_env import DOT_ENV, parse_dot_env
from .errors import UserMistake

HIDDEN = "***"
LONG = 8  # characters; a shorter secret may be part of a common word and is redacted only as a whole word
PUBLIC = {"neo4j", "hmrec", "bolt"}  # words of hmrec's own messages, which are not redacted even if they are a password
_SECRETS = ("NEO4J_PASSWORD", "HMREC_TOKEN", "HMREC_WRITE_TOKEN")
_ADDRESS = "NEO4J_URI"
_CREDENTIALS = re.compile(
    r"(?P<scheme>\b[A-Za-z][A-Za-z0-9+.-]*:/{1,2})"
    r"(?:[^\s'\"<>]*@"  # user:password@, up to the last @ of the word
    r"|[^\s/@:'\"\[]+:(?!\d{1,5}(?:\D|$))[^\s'\"<>/]+)"  # user:password that was truncated before its @
)


def redact(text: str) -> str:
    """Return the text with each secret replaced by `***`.

    Secrets are the values of NEO4J_PASSWORD, HMREC_TOKEN and HMREC_WRITE_TOKEN, in the environment and in .env, and the
    text before the @ of an address.
    """
    for pattern in _patterns():
        text = pattern.sub(HIDDEN, text)
    return _CREDENTIALS.sub(lambda found: f"{found['scheme']}{HIDDEN}@", text) if ":/" in text else text


def _patterns() -> tuple[re.Pattern[str], ...]:
    return _compile(tuple(sorted({*_find_secrets(os.environ), *_find_dot_env_secrets()}, key=len, reverse=True)))


def _find_secrets(settings: Mapping[str, str]) -> Iterator[str]:
    for name, value in settings.items():
        if name.upper() in _SECRETS:
            yield value
        elif name.upper() == _ADDRESS and "@" in value:
            credentials = value.partition("://")[2].rpartition("@")[0]
            yield credentials
            yield credentials.partition(":")[2]


def _find_dot_env_secrets() -> tuple[str, ...]:
    try:
        stamp = DOT_ENV.stat()
    except OSError:
        return ()
    return _read_secrets(str(DOT_ENV.absolute()), stamp.st_mtime_ns, stamp.st_size)


@lru_cache(maxsize=4)
def _read_secrets(path: str, changed: int, size: int) -> tuple[str, ...]:
    """Return the secrets of a .env; `changed` and `size` identify the file's version in the cache."""
    try:
        text = DOT_ENV.read_bytes().decode("utf-8-sig", errors="replace")
        return tuple(_find_secrets(parse_dot_env(text)))
    except (OSError, UserMistake):
        return ()


@lru_cache(maxsize=16)
def _compile(secrets: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    patterns = []
    for secret in secrets:
        if not secret.strip() or secret in PUBLIC:
            continue
        forms = {secret, repr(secret)[1:-1], quote(secret, safe=""), unquote(secret)}
        either = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
        whole = f"(?:{either})" if len(secret) >= LONG else rf"(?<!\w)(?:{either})(?!\w)"
        patterns.append(re.compile(whole))
    return tuple(patterns)
