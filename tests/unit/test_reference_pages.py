"""The pages of the reference that come from the program: commands, saved queries and settings.

HMREC_WRITE_DOCS=1 writes docs/reference/commands.md, queries.md and settings.md.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hmrec.cli.query import FOLDERS
from hmrec.cli.service.settings import ServiceSettings
from hmrec.cypher.catalogue import Parameter, Query, load_catalogue
from hmrec.cypher.settings import ConnectionSettings, ServerSettings

from tests.unit.commands import list_commands

PAGES = Path(__file__).parents[2] / "docs" / "reference"


def make_table(*rows: tuple[str, ...]) -> Iterator[str]:
    """Yield the lines of a Markdown table, whose first row is its head."""
    for number, row in enumerate(rows):
        cells = [re.sub(r"(?<!\\)[|]", r"\\|", cell) for cell in row]
        yield f"| {' | '.join(cells)} |"
        if number == 0:
            yield f"|{' --- |' * len(row)}"
    yield ""


def show_default(value: Any) -> str:
    """Return a default as a reader writes it; nothing if there is none."""
    if (
        value is None
        or isinstance(value, bool)
        or value in ("", (), [])
        or callable(value)
        or "Undefined" in repr(value)
    ):
        return ""
    return f"`{getattr(value, 'value', value)}`"


def write_commands() -> Iterator[str]:
    """Yield the page of all commands, made by typer from their help."""
    words = [sys.executable, "-m", "typer", "--app", "app", "hmrec.cli.main", "utils", "docs", "--name", "hmrec"]
    made = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    made = re.sub(r"\A.*?(?=^## )", "", made, flags=re.MULTILINE | re.DOTALL)
    made = re.sub(r"^\*\*Commands\*\*:\n\n(?:\* .*\n)+\n", "", made, flags=re.MULTILINE)  # cut after 45 characters
    made = re.sub(r"^Example: (.+)$", r"\n    \1\n", made, flags=re.MULTILINE)
    yield "# Commands and options\n"
    yield "What `hmrec COMMAND --help` prints. [The command line](../cli.md) has an overview.\n"
    yield re.sub(r"\n{3,}", "\n\n", made)


def describe_parameter(parameter: Parameter) -> tuple[str, ...]:
    """Return the row of a parameter of a saved query."""
    default = "required" if parameter.required else f"`{parameter.default}`".replace("`None`", "null")
    return f"`${parameter.name}`", parameter.type, default, parameter.doc


def describe_query(query: Query) -> Iterator[str]:
    """Yield the section of a saved query: what it does, its parameters and columns."""
    yield f"### {query.name}\n"
    yield f"{query.doc[0].upper()}{query.doc[1:]}.\n"
    if query.parameters:
        rows = [describe_parameter(parameter) for parameter in query.parameters.values()]
        yield from make_table(("parameter", "type", "default", "meaning"), *rows)
    yield f"Returns {', '.join(f'`{column}`' for column in query.returns)}.\n"


def write_queries() -> Iterator[str]:
    """Yield the page of saved queries: in detail those that people run, the others in one line each."""
    yield "# Saved queries\n"
    yield "`hmrec query NAME -p parameter=value` runs a query. `hmrec query NAME --text` prints it, with its formula.\n"
    catalogue = list(load_catalogue().values())
    for folder in FOLDERS:
        yield f"## {folder}\n"
        for query in catalogue:
            if query.folder == folder:
                yield from describe_query(query)
    yield "## Steps of commands\n"
    yield "hmrec's commands run these. `hmrec query --all` lists them, too.\n"
    steps = [(f"`{query.name}`", query.folder, query.doc) for query in catalogue if query.folder not in FOLDERS]
    yield from make_table(("query", "folder", "description"), *steps)


def write_settings() -> Iterator[str]:
    """Yield the page of settings, by the name of their environment variable."""
    yield "# Settings\n"
    yield "`hmrec doctor` prints each with its value and source. [How to set them](../cli.md#settings).\n"
    for kind in (ConnectionSettings, ServerSettings, ServiceSettings):
        yield f"## {(kind.__doc__ or '').strip().splitlines()[0].rstrip('.')}\n"
        rows = []
        for name, field in kind.model_fields.items():
            alias = field.validation_alias
            variable = alias if isinstance(alias, str) else f"{kind.model_config['env_prefix']}{name}".upper()
            default = "" if "Secret" in repr(field.default) else show_default(field.default)
            rows.append((f"`{variable}`", f"{field.description}", default))
        yield from make_table(("variable", "meaning", "default"), *rows)


def read_page(name: str, write: Callable[[], Iterator[str]]) -> tuple[str, str]:
    """Return a page as it is, and as it would be written."""
    file = PAGES / f"{name}.md"
    made = "\n".join(write()).rstrip() + "\n"
    if os.environ.get("HMREC_WRITE_DOCS"):
        file.write_text(made, encoding="utf-8")
    return file.read_text(encoding="utf-8"), made


@pytest.mark.parametrize(("name", "write"), [("queries", write_queries), ("settings", write_settings)])
def test_a_page_of_the_reference_is_current(name: str, write: Callable[[], Iterator[str]]) -> None:
    written, made = read_page(name, write)
    assert written == made


def test_the_page_of_commands_has_every_option_and_its_help() -> None:
    """The words are compared, not the layout: that is typer's, and changes with its version."""
    written, _ = read_page("commands", write_commands)
    sections = dict(re.findall(r"^##+ `hmrec (.+?)`\n(.*?)(?=^##|\Z)", written, re.MULTILINE | re.DOTALL))
    for words, command in list_commands().items():
        section = " ".join(sections[" ".join(words)].split())
        expected = [*command.help.replace("Example: ", "").split("\n\n")]
        for option in command.params:
            expected += [*option.opts, option.help or ""] if option.param_type_name == "option" else [option.help or ""]
        assert [text for text in expected if " ".join(text.split()) not in section] == [], words
