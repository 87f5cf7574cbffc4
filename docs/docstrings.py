"""Read hmrec's docstrings for mkdocstrings; zensical.toml names this file as an extension of griffe.

It splits the docstrings into their sections. They are numpy's, but a parameter and its description share a line,
`name : description`. Types come from the annotations.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

import griffe

_SECTION = re.compile(r"^(Parameters|Attributes|Returns|Raises)\n-{3,}\n", re.MULTILINE)
_ENTRY = re.compile(r"^(\S.*?) : ", re.MULTILINE)


class BadDocstring(Exception):
    """A docstring that does not fit what it describes. It ends the build."""


class Docstrings(griffe.Extension):
    """Parses docstrings in place of griffe's own parsers."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Parse an object's docstring; a class of settings gets its fields as attributes."""
        if obj.docstring is not None:
            sections = list(split_docstring(obj.docstring.value, obj))
            if isinstance(obj, griffe.Class) and (fields := list(find_fields(obj))):
                sections.append(griffe.DocstringSectionAttributes(fields))
            obj.docstring.parsed = sections


def split_docstring(text: str, parent: griffe.Object) -> Iterator[griffe.DocstringSection]:
    """Yield the sections of the docstring of `parent`."""
    description, *rest = _SECTION.split(text)
    yield griffe.DocstringSectionText(description.strip())
    for name, block in zip(rest[::2], rest[1::2], strict=True):
        if name == "Returns":
            annotation = getattr(parent, "annotation", None)
            yield griffe.DocstringSectionReturns([
                griffe.DocstringReturn("", description=block.strip(), annotation=annotation)
            ])  # fmt: skip
            continue
        entries = [(each, text) for names, text in split_entries(block) for each in names.split(", ")]
        if name == "Raises":
            errors = parent.modules_collection["hmrec.cypher.errors"]
            raised = [
                (griffe.ExprName(each, parent=errors if each in errors.members else parent), text)
                for each, text in entries
            ]
            yield griffe.DocstringSectionRaises([
                griffe.DocstringRaise(description=text, annotation=error) for error, text in raised
            ])  # fmt: skip
        elif name == "Parameters":
            yield griffe.DocstringSectionParameters([find_parameter(parent, *entry) for entry in entries])
        else:
            yield griffe.DocstringSectionAttributes([find_attribute(parent, *entry) for entry in entries])


def split_entries(block: str) -> Iterator[tuple[str, str]]:
    """Yield the names and the description of each entry of a section."""
    before, *parts = _ENTRY.split(block)
    if before:
        raise BadDocstring(f"A docstring has {before!r} where `name : description` is expected")
    for names, text in zip(parts[::2], parts[1::2], strict=True):
        yield names, re.sub(r"\n +", "\n", text).strip()


def find_parameter(parent: griffe.Object, name: str, text: str) -> griffe.DocstringParameter:
    """Return a parameter with its annotation and default."""
    known = {parameter.name.lstrip("*"): parameter for parameter in getattr(parent, "parameters", ())}
    if name not in known:
        raise BadDocstring(f"{parent.path} has no parameter {name!r}, which its docstring describes")
    found = known[name]
    return griffe.DocstringParameter(name, description=text, annotation=found.annotation, value=found.default)


def find_attribute(parent: griffe.Object, name: str, text: str) -> griffe.DocstringAttribute:
    """Return an attribute with its annotation."""
    found = parent.all_members.get(name)
    if found is None and "dataclass" in parent.labels:  # of other classes griffe overlooks `self.a, self.b = ...`
        raise BadDocstring(f"{parent.path} has no attribute {name!r}, which its docstring describes")
    annotation = getattr(found, "annotation", None)
    return griffe.DocstringAttribute(name, description=text, annotation=annotation)


def find_fields(settings: griffe.Class) -> Iterator[griffe.DocstringAttribute]:
    """Yield the fields of a pydantic model, inherited ones first, by their `description` and `default`."""
    for parent in [*reversed(settings.mro()), settings]:
        for name, member in parent.members.items():
            value = getattr(member, "value", None)
            if isinstance(value, griffe.ExprCall) and str(value.function) == "Field":
                given = {
                    keyword.name: str(keyword.value)
                    for keyword in value.arguments
                    if isinstance(keyword, griffe.ExprKeyword)
                }
                text = ast.literal_eval(given.get("description", "''"))
                if "default" in given:
                    text += f". Default: `{given['default']}`"
                yield griffe.DocstringAttribute(name, description=f"{text}.", annotation=member.annotation)
