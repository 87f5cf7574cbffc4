"""Settings: their names, their meaning and their sources."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import platformdirs
from pydantic import Field, SecretStr, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from .dot_env import read_dot_env
from .errors import NoHome, UserMistake

TIMEOUT = "HMREC_TIMEOUT"
"""The environment variable of `ConnectionSettings.timeout`, the only connection setting that Neo4j has no name for."""


class _DotEnv(PydanticBaseSettingsSource):
    """The settings in .env; empty values are ignored."""

    def __init__(self, settings: type[BaseSettings]) -> None:
        super().__init__(settings)
        self.values = {name.lower(): value for name, value in read_dot_env().items() if value}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        alias = field.validation_alias
        variable = alias if isinstance(alias, str) else f"{self.config.get('env_prefix', '')}{field_name}"
        return self.values.get(variable.lower()), field_name, False

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


class Settings(BaseSettings):
    """Settings from the environment, else from .env in the working folder."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True, populate_by_name=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return where settings come from, first the arguments, then the environment, then .env."""
        return init_settings, env_settings, _DotEnv(settings_cls)


class ConnectionSettings(Settings):
    """The server to connect to, under Neo4j's own names for the environment variables."""

    model_config = SettingsConfigDict(env_prefix="NEO4J_")

    uri: str = Field(default="", description="Address, e.g. bolt://localhost:7687 or neo4j+s://xyz.databases.neo4j.io")
    username: str = Field(default="neo4j", description="User name")
    password: SecretStr = Field(default=SecretStr(""), description="Password; never printed")
    database: str = Field(default="neo4j", description="Database on the server")
    timeout: float = Field(
        default=30.0,
        ge=0,
        le=1e6,
        allow_inf_nan=False,
        validation_alias=TIMEOUT,
        description="Seconds to wait for an unreachable server, when connecting and during work",
    )

    @field_validator("uri")
    @classmethod
    def _refuse_credentials(cls, uri: str) -> str:
        if "@" in uri:
            raise UserMistake(
                "The address in NEO4J_URI contains a user name or a password.",
                "Write it without them, as in bolt://localhost:7687, and set NEO4J_USERNAME and NEO4J_PASSWORD.",
            )
        return uri.strip()


def find_default_home() -> Path:
    """Return hmrec's folder in the user's data directory.

    Raises
    ------
    NoHome : the user has no home directory.
    """
    return _require_home(platformdirs.user_data_dir)


def find_cache_folder() -> Path:
    """Return hmrec's folder in the user's cache directory.

    Raises
    ------
    NoHome : the user has no home directory.
    """
    return _require_home(platformdirs.user_cache_dir)


def _require_home(find: Any) -> Path:
    try:
        folder = Path(find("hmrec", appauthor=False))
    except RuntimeError as error:
        raise NoHome from error
    if not folder.is_absolute():  # older versions of platformdirs do not expand "~"
        raise NoHome
    return folder


class ServerSettings(Settings):
    """The local server that hmrec installs and starts."""

    model_config = SettingsConfigDict(env_prefix="HMREC_")

    home: Path = Field(
        default_factory=find_default_home,
        description="Folder of the local server: programs, data, logs, password",
    )
    programs: Path | None = Field(
        default=None,
        description="Folder for Neo4j's programs, to share them between homes; empty: in the home",
    )
    heap: str = Field(default="", description="Java heap, e.g. 2g; empty: a sixth of the memory, 1g to 4g")
    page_cache: str = Field(default="", description="Page cache, e.g. 4g; empty: a quarter of the memory, 512m to 8g")
    bolt_port: int = Field(default=7687, ge=1, le=65535, description="Bolt port tried first")
    http_port: int = Field(default=7474, ge=1, le=65535, description="HTTP port tried first (Neo4j Browser)")
