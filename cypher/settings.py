"""Settings: what they are called, what they mean, where each came from."""

from __future__ import annotations

from pathlib import Path

import platformdirs
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

TIMEOUT = "HMREC_TIMEOUT"  # the one of these that is hmrec's own, not Neo4j's


class ConnectionSettings(BaseSettings):
    """The server to speak to, under Neo4j's own names for the environment variables."""

    model_config = SettingsConfigDict(env_prefix="NEO4J_", env_file=".env", extra="ignore", populate_by_name=True)

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
        description="Seconds to wait for a server that is away, when connecting and in the middle of work",
    )


class ServerSettings(BaseSettings):
    """The local server that hmrec installs and starts itself."""

    model_config = SettingsConfigDict(env_prefix="HMREC_", env_file=".env", extra="ignore")

    home: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("hmrec", appauthor=False)),
        description="Folder of the local server: programs, data, logs, password",
    )
    programs: Path | None = Field(
        default=None,
        description="Folder for Neo4j's programs, where several homes share them; empty: in the home",
    )
    heap: str = Field(default="", description="Java heap, e.g. 2g; empty: a sixth of the memory, 1g to 4g")
    page_cache: str = Field(default="", description="Page cache, e.g. 4g; empty: a quarter of the memory, 512m to 8g")
    bolt_port: int = Field(default=7687, ge=1, le=65535, description="Bolt port tried first")
    http_port: int = Field(default=7474, ge=1, le=65535, description="HTTP port tried first (Neo4j Browser)")
