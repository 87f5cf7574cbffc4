"""Forget a customer: remove what the graph and this machine hold about them, and report what was removed where."""

from __future__ import annotations

import json
import secrets
import string
from dataclasses import asdict, dataclass
from typing import Any

from ..cypher.errors import NoHome, UnknownCustomer
from ..cypher.graph import Graph
from ..cypher.progress import Progress, silent
from .export.kept import remove_copies
from .write_back.versions import BYTES_A_PART, list_versions

NOT_REACHED = (
    "backups and exports (`hmrec db backup`, `hmrec export`)",
    "your own files: those that were loaded, rejects.csv, lists of `hmrec recommend --all`",
    "conditions of rules that name the customer (`hmrec rules list`)",
    "other machines' kept exports and checkpoints: run `hmrec forget` there, too",
    "Neo4j's transaction logs and freed records, until Neo4j overwrites them",
)
"""What `forget_customer` cannot remove."""
_UNUSED = "\x7f"  # no id of a file or an event contains it


@dataclass(frozen=True)
class Removed:
    """What was removed in one place.

    Attributes
    ----------
    place : where.
    count : how many of it.
    """

    place: str
    count: int


@dataclass(frozen=True)
class ForgetReceipt:
    """What was removed about a customer.

    Attributes
    ----------
    customer_id : the customer.
    removed : by place; places that held nothing are left out.
    not_reached : what must be removed by hand.
    node_stays : whether relationships of other software keep the node, with its id alone.
    """

    customer_id: str
    removed: tuple[Removed, ...]
    not_reached: tuple[str, ...] = NOT_REACHED
    node_stays: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the receipt for JSON."""
        return asdict(self)

    def summary(self) -> str:
        """Return the receipt as a few lines of text."""
        lines = [f"{removed.count:,} {removed.place}" for removed in self.removed]
        if self.node_stays:
            lines.append("The node stays, with its id alone: other software has relationships on it.")
        return "\n".join(["Removed:", *(f"  {line}" for line in lines), "Not reached:",
                          *(f"  {place}" for place in self.not_reached)])  # fmt: skip


def forget_customer(graph: Graph, customer_id: str, progress: Progress = silent) -> ForgetReceipt:
    """Remove what the graph and this machine hold about a customer.

    These are purchases, events, shown and stored lists, the segment, attributes, embeddings, their vectors in stored
    models, lists of loads, kept exports and checkpoints. The node goes last, so a killed call is completed by the same
    call.
    Aggregates follow later: facts about articles at the next training, numbers on article relationships at the next
    `relate`.

    Parameters
    ----------
    graph : the open graph.
    customer_id : the customer.
    progress : called at each step.

    Raises
    ------
    UnknownCustomer : neither the graph nor this machine holds anything about the customer.
    LoadRunning : a load or write-back is running.
    """
    found: dict[str, int] = {}
    with graph.claim("hmrec forget"):
        known = bool(graph.read_rows("customer", customer_id=customer_id)[1])
        progress("Removing kept exports", 0, None)
        found["kept exports on this machine, whole"] = _remove_exports(customer_id)
        found["checkpoint of a training on this machine, whole"] = _remove_checkpoint() if known else 0
        versions = [int(one.model["version"]) for one in list_versions(graph) if one.kept]
        for done, version in enumerate(versions):
            progress("Removing vectors from stored models", done, len(versions))
            place = "vectors in stored models"
            found[place] = found.get(place, 0) + _forget_in_model(graph, version, customer_id)
        (loads,) = graph.write("forget_in_loads", customer_id=customer_id).rows
        found["entries in reports of loads in the graph"] = loads["loads"]
        stays = False
        progress("Removing purchases", 0, None)
        for row in graph.write("forget_customer", customer_id=customer_id).rows:
            found |= {"purchases": row["purchases"], "events": row["events"], "lists shown": row["impressions"]}
            found["articles in stored lists"] = row["stored"]
            found["customer in the graph"] = 1
            stays = row["stays"]
    if not any(found.values()):
        raise UnknownCustomer(customer_id)
    return ForgetReceipt(
        customer_id, tuple(Removed(place, count) for place, count in found.items() if count), node_stays=stays
    )


def _remove_exports(customer_id: str) -> int:
    try:
        return remove_copies(customer_id)
    except NoHome:
        return 0


def _remove_checkpoint() -> int:
    """Remove this machine's checkpoint, in which customers have no names."""
    from .network.checkpoint import find_checkpoint  # loads torch, which the service does without

    checkpoint = find_checkpoint()
    if checkpoint is None or not checkpoint.file.exists():
        return 0
    checkpoint.remove()
    return 1


def _forget_in_model(graph: Graph, version: int, customer_id: str) -> int:
    """Overwrite a customer's id and vectors in a version's bytes, and return how many vectors there were.

    No byte moves, so only the parts that change are written, and the model is whole at any time. The ids are written
    last, so that a killed call finds the vectors again.
    """

    def read() -> bytes:
        return b"".join(bytes(content) for _, content in graph.stream("model_parts", fetch_size=2, version=version))

    content = bytearray(graph.read_with_retry(read))
    vectors, ids = _find_bytes(content, customer_id)
    for changes in (vectors, ids):
        for begin, new in changes:
            content[begin : begin + len(new)] = new
        parts = {place // BYTES_A_PART for begin, new in changes for place in (begin, begin + len(new) - 1)}
        for part in sorted(parts):
            first = part * BYTES_A_PART
            graph.write("keep_part", version=version, part=part, bytes=bytes(content[first : first + BYTES_A_PART]))
    return len(vectors)


def _find_bytes(content: bytearray, customer_id: str) -> tuple[list[tuple[int, bytes]], list[tuple[int, bytes]]]:
    """Return the places of a customer's vectors in a model's bytes, and of the id, each with its new content."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(bytes(content[8 : 8 + length]))
    tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}

    def span(name: str) -> tuple[int, int]:
        begin, end = tensors[name]["data_offsets"]
        return 8 + length + begin, 8 + length + end

    vectors: list[tuple[int, bytes]] = []
    ids: list[tuple[int, bytes]] = []
    for name, rows in (("customer_ids", "customers"), ("learned_from", "weights.embedding")):
        if name == "learned_from" and name not in tensors:
            name = "customer_ids"  # the network learned from all customers
        begin, end = span(name)
        packed = bytes(content[begin:end])
        known = json.loads(packed)
        if customer_id not in known:
            continue
        row = known.index(customer_id)
        if rows in tensors and tensors[rows]["shape"][0] > row:
            first, last = span(rows)
            width = (last - first) // tensors[rows]["shape"][0]
            vectors.append((first + row * width, bytes(width)))
        quoted = json.dumps(customer_id, ensure_ascii=False).encode()
        before = json.dumps(known[:row], separators=(",", ":"), ensure_ascii=False).encode()
        place = len(before) if row else 1  # `[...]` has a comma instead of its bracket
        change = (begin + place, b'"' + _draw_name(len(quoted) - 2, set(known)).encode() + b'"')
        if packed[place : place + len(quoted)] == quoted and change[0] not in [where for where, _ in ids]:
            ids.append(change)
    return vectors, ids


def _draw_name(size: int, known: set[str]) -> str:
    """Return a name of so many bytes that no customer has."""
    letters = string.ascii_letters + string.digits
    drawn = (_UNUSED + "".join(secrets.choice(letters) for _ in range(size - 1)) for _ in range(1000))
    names: list[str] = [*drawn, *letters]
    return next(name for name in names if name not in known and len(name) == size)
