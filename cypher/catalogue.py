"""The catalogue of queries: one `.cypher` file each, described by its header."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .errors import HmrecError, UnknownQuery, UserMistake

FOLDERS = (
    "schema",
    "load",
    "recommend",
    "rank",
    "rules",
    "experiments",
    "explain",
    "audience",
    "segments",
    "export",
    "write_back",
    "related",
    "stored",
    "status",
    "report",
)
"""The folders of hmrec's queries, below `cypher/`."""

TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "float": (float, int),
    "boolean": (bool,),
    "date": (object,),  # a datetime.date or an ISO string: the query calls date($x)
    "list": (list, tuple),
    "map": (dict,),
    "any": (object,),  # in files without a header
}
"""By the type that a header declares, the Python types that a value may have."""

_PARAMETER = re.compile(r"^\$(\w+): (\w+)(?: = (.+?))?(?:\s{2,}(.*))?$")
_USED = re.compile(r"\$(\w+)")
_STRINGS_AND_COMMENTS = re.compile(r"//[^\n]*|/\*.*?\*/|'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"", re.DOTALL)
_STRINGS_COMMENTS_AND_USED = re.compile(rf"{_STRINGS_AND_COMMENTS.pattern}|{_USED.pattern}", re.DOTALL)


class BadQueryFile(HmrecError):
    """A query's header and text disagree; the message names file and line."""


@dataclass(frozen=True)
class Parameter:
    """One `$name` of a query: its type, whether it is required, its default and its meaning."""

    name: str
    type: str
    required: bool
    default: Any
    doc: str

    def check(self, value: Any) -> Any:
        """Return `value`, converted to the declared type.

        Parameters
        ----------
        value : what a caller passed; None stands for null.

        Raises
        ------
        UserMistake : the value does not fit the type.
        """
        if value is None and not self.required:
            return None
        fits = isinstance(value, TYPES[self.type])
        if isinstance(value, bool) and self.type in ("integer", "float"):
            fits = False
        if not fits:
            raise UserMistake(f"Parameter ${self.name} must be of type {self.type}, not {value!r:.60}.")
        return float(value) if self.type == "float" else value  # Cypher's division of integers drops the remainder

    def parse(self, text: str) -> Any:
        """Parse a value from the command line.

        Parameters
        ----------
        text : the text after `name=`.

        Raises
        ------
        UserMistake : the text is not of the declared type.
        """
        try:
            if text == "null":
                return None
            if self.type == "string" or self.type == "date":
                return text
            if self.type == "integer":
                return int(text)
            if self.type == "float":
                return float(text)
            if self.type == "any":
                return _read_any(text)
            value = json.loads(text)
        except ValueError as error:
            raise UserMistake(f"Parameter {self.name} must be of type {self.type}, not {text[:60]!r}.") from error
        return self.check(value)


@dataclass(frozen=True)
class Query:
    """One `.cypher` file: its parsed header and its unchanged text."""

    name: str
    folder: str
    path: Path
    doc: str
    parameters: dict[str, Parameter]
    returns: tuple[str, ...]
    text: str

    @property
    def body(self) -> str:
        """The text without the header."""
        lines = self.text.splitlines()
        first = next((number for number, line in enumerate(lines) if not line.startswith("//")), len(lines))
        return "\n".join(lines[first:])

    @property
    def statements(self) -> list[str]:
        """The file's statements, separated by a semicolon at the end of a line, as in Neo4j Browser."""
        return [part for part in re.split(r";\s*(?:\n|$)", self.text) if _STRINGS_AND_COMMENTS.sub("", part).strip()]

    @property
    def commits_itself(self) -> bool:
        """Whether the query manages its own transactions (`IN TRANSACTIONS`), so that none may be open."""
        return re.search(r"\bIN (\S+ )?(CONCURRENT )?TRANSACTIONS\b", self.text) is not None

    @property
    def is_repeatable(self) -> bool:
        """Whether repeating the query is safe: true for hmrec's own queries without a line `// once: ...`."""
        ours = Path(__file__).parent in self.path.parents
        return ours and not any(line.startswith("// once: ") for line in self.text.splitlines())

    def default(self, name: str) -> Any:
        """Return the default of a parameter, as the header declares it."""
        return self.parameters[name].default

    def bind(self, given: dict[str, Any]) -> dict[str, Any]:
        """Complete `given` with the header's defaults.

        Parameters
        ----------
        given : values by parameter.

        Returns
        -------
        A value for each parameter of the query.

        Raises
        ------
        UserMistake : a parameter is unknown, missing or of another type.
        """
        for name in given:
            if name not in self.parameters:
                known = ", ".join(self.parameters) or "none"
                raise UserMistake(f"Query {self.name} has no parameter {name!r:.60}.", f"It has: {known}.")
        missing = [p.name for p in self.parameters.values() if p.required and p.name not in given]
        if missing:
            raise UserMistake(f"Query {self.name} needs the parameter {missing[0]}.", f"Add -p {missing[0]}=VALUE.")
        return {p.name: p.check(given[p.name]) if p.name in given else p.default for p in self.parameters.values()}

    def write_out(self, given: dict[str, Any]) -> str:
        """Return the body with each `$name` replaced by its value, to paste, to read or to put into a URL.

        For display only: hmrec always sends values as parameters.

        Parameters
        ----------
        given : values by parameter, as for `bind`.

        Raises
        ------
        UserMistake : as in `bind`.
        """
        literals = {
            name: json.dumps(value, ensure_ascii=False, default=str) for name, value in self.bind(given).items()
        }
        return _STRINGS_COMMENTS_AND_USED.sub(lambda found: literals.get(found[1], found[0]), self.body)


def _read_default(text: str, where: str) -> Any:
    if text.startswith("'") and text.endswith("'"):
        return text[1:-1]
    try:
        return json.loads(text)
    except ValueError as error:
        raise BadQueryFile(f"{where}: the default {text} is not a valid value.") from error


def _read_any(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def parse_bare_query(text: str, path: Path) -> Query:
    """Parse a user's query. If it has no header, each `$name` in it is a parameter.

    Parameters
    ----------
    text : the file's content.
    path : the file; its stem becomes the query's name.
    """
    try:
        return parse_query(text, path)
    except BadQueryFile:
        used = _USED.findall(_STRINGS_AND_COMMENTS.sub("", text))
        return Query(path.stem, "", path, "", {n: Parameter(n, "any", True, None, "") for n in used}, (), text)


def parse_query(text: str, path: Path) -> Query:
    """Parse a query and check its header against its text.

    Parameters
    ----------
    text : the file's content, header and query.
    path : the file; its stem must be the name in the header.

    Raises
    ------
    BadQueryFile : the header is incomplete, or declared and used parameters differ.
    """
    doc, returns = "", ""
    parameters: dict[str, Parameter] = {}
    lines = text.splitlines()
    name, _, doc = lines[0].removeprefix("// ").partition(": ") if lines else ("", "", "")
    if name != path.stem or not doc:
        raise BadQueryFile(f"{path.name}:1: the first line must read `// {path.stem}: what it does`.")
    for number, line in enumerate(lines, start=1):
        if not line.startswith("//"):
            break
        words = line.removeprefix("//").strip()
        if words.startswith("$"):
            where = f"{path.name}:{number}"
            match = _PARAMETER.match(words)
            if match is None or match[2] not in TYPES:
                raise BadQueryFile(f"{where}: a parameter reads `$name: type = default   what it means`.")
            default = None if match[3] is None else _read_default(match[3], where)
            parameters[match[1]] = Parameter(match[1], match[2], match[3] is None, default, match[4] or "")
        elif words.startswith("returns "):
            returns = words.removeprefix("returns ")
    code = _STRINGS_AND_COMMENTS.sub(lambda m: "\n" * m[0].count("\n"), text)
    for number, line in enumerate(code.splitlines(), start=1):
        for used in _USED.findall(line):
            if used not in parameters:
                raise BadQueryFile(f"{path.name}:{number}: ${used} is used but not declared in the header.")
    unused = set(parameters) - set(_USED.findall(code))
    if unused:
        raise BadQueryFile(f"{path.name}:1: ${min(unused)} is declared in the header but not used.")
    columns = tuple(column.strip() for column in returns.split(",") if column.strip())
    return Query(name, path.parent.name, path, doc, parameters, columns, text)


@cache
def load_catalogue() -> dict[str, Query]:
    """Read all of hmrec's queries, by name.

    Raises
    ------
    BadQueryFile : a file is malformed, or two files have the same name.
    """
    root = Path(__file__).parent
    catalogue: dict[str, Query] = {}
    for folder in FOLDERS:
        for path in sorted((root / folder).glob("*.cypher")):
            query = parse_query(path.read_text(encoding="utf-8"), path)
            if query.name in catalogue:
                raise BadQueryFile(f"{path.name}:1: another query has this name, in {catalogue[query.name].folder}/.")
            catalogue[query.name] = query
    return catalogue


@cache
def find_query(name: str) -> Query:
    """Return the query of that name. Reads only its file: most commands need few of the queries.

    Raises
    ------
    UnknownQuery : there is none; the hint suggests similar names.
    """
    root = Path(__file__).parent
    can_be_one = name.isidentifier() and len(name) < 100  # it becomes the name of a file
    for path in (root / folder / f"{name}.cypher" for folder in FOLDERS if can_be_one):
        if path.is_file():
            return parse_query(path.read_text(encoding="utf-8"), path)
    import difflib

    similar = difflib.get_close_matches(name[:60], load_catalogue(), n=3)
    hint = f"Did you mean {' or '.join(similar)}?" if similar else "`hmrec query` lists them all."
    raise UnknownQuery(f"There is no query named {name[:60]!r}.", hint)
