"""The exported graph as a folder that other programs can read without hmrec: safetensors, Parquet and JSON.

graph.json            description of the folder: node types, edge types, encoders of the features
tensors.safetensors   features and edges, named TYPE.x or SOURCE.RELATIONSHIP.TARGET.edge_index
NODE_TYPE.parquet     a row for each node, in the order of their numbers: its id and its properties
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import polars as pl
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch_geometric.data import HeteroData

from ...cypher.errors import HmrecError, UserMistake
from .features import FeatureEncoder
from .hetero import BOUGHT, PURCHASE_COLUMNS, to_hetero
from .subgraph import IdMap, Subgraph

_FORMAT = "hmrec export 1"
_GRAPH_FILE, _TENSORS_FILE = "graph.json", "tensors.safetensors"


class BadExport(HmrecError):
    """The folder is not an export, or an incomplete one."""


def save_export(subgraph: Subgraph, folder: Path) -> dict[str, int]:
    """Write a subgraph to a folder, which appears only when it is complete.

    Parameters
    ----------
    subgraph : the purchases and their nodes.
    folder : a new or empty folder, or an earlier export, which is replaced.

    Returns
    -------
    The number of nodes of each type, and of `purchases`.

    Raises
    ------
    UserMistake : it is a file, or the folder holds something else.
    """
    check_folder(folder)
    data = to_hetero(subgraph)
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    facts: dict[str, Any] = {"format": _FORMAT, "nodes": {}, "edges": []}
    tensors: dict[str, Tensor] = {}
    frames = {"customer": subgraph.customers, "article": subgraph.articles}
    for kind in data.node_types:
        key = f"{kind}_id" if kind in frames else "key"
        encoder = data[kind].encoder.to_json() if "encoder" in data[kind] else None
        facts["nodes"][kind] = {"count": data[kind].num_nodes, "id": key, "encoder": encoder}
        tensors |= {f"{kind}.{name}": data[kind][name] for name in ("x", "codes") if name in data[kind]}
        frame = frames.get(kind, pl.DataFrame())
        ids = pl.DataFrame({key: pl.Series(list(data[kind].ids), dtype=pl.String)})
        frame = ids.hstack(frame.drop(key)) if frame.height else ids
        frame.write_parquet(partial / f"{kind}.parquet")
    for edge_type in data.edge_types:
        columns = ("edge_index", *(PURCHASE_COLUMNS if edge_type == BOUGHT else ()))
        facts["edges"].append({"type": list(edge_type), "count": data[edge_type].num_edges, "tensors": list(columns)})
        tensors |= {".".join((*edge_type, name)): data[edge_type][name].contiguous() for name in columns}
    save_file(tensors, partial / _TENSORS_FILE)
    (partial / _GRAPH_FILE).write_text(json.dumps(facts, indent=1, ensure_ascii=False), encoding="utf-8")
    if folder.exists():
        shutil.rmtree(folder)
    os.replace(partial, folder)
    return {kind: data[kind].num_nodes for kind in data.node_types} | {"purchases": data[BOUGHT].num_edges}


def load_export(folder: Path | str) -> HeteroData:
    """Return the graph that `hmrec export` or `save_export` wrote, as `to_hetero` does.

    Parameters
    ----------
    folder : the folder that they wrote.

    Raises
    ------
    BadExport : the folder is not an export, or a part is missing or damaged.
    """
    folder = Path(folder)
    try:
        facts = json.loads((folder / _GRAPH_FILE).read_text(encoding="utf-8"))
        if facts["format"] != _FORMAT:
            raise ValueError(f"it is of another format, {facts['format']!r}")
        tensors = load_file(folder / _TENSORS_FILE)
        data = HeteroData()
        for kind, fact in facts["nodes"].items():
            ids = pl.read_parquet(folder / f"{kind}.parquet", columns=[fact["id"]])[fact["id"]]
            data[kind].num_nodes, data[kind].ids = len(ids), IdMap(ids)
            if fact["encoder"] is not None:
                data[kind].x, data[kind].codes = tensors[f"{kind}.x"], tensors[f"{kind}.codes"]
                data[kind].encoder = FeatureEncoder.from_json(fact["encoder"])
        for fact in facts["edges"]:
            edge_type = tuple(fact["type"])
            for name in fact["tensors"]:
                data[edge_type][name] = tensors[".".join((*edge_type, name))]
        data.validate()
    except (OSError, ValueError, KeyError, TypeError, SafetensorError, pl.exceptions.PolarsError) as error:
        raise BadExport(
            f"{folder} is not a complete export: {str(error).splitlines()[0]}.", "`hmrec export DIR` writes one."
        ) from error
    return data


def check_folder(folder: Path) -> None:
    """Check that an export may be written to a folder.

    Parameters
    ----------
    folder : the folder, which need not exist.

    Raises
    ------
    UserMistake : it is a file, or holds something that is not an export.
    """
    if folder.exists() and not folder.is_dir():
        raise UserMistake(f"{folder} is a file.", "Choose a new or empty folder, or one with an export.")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / _GRAPH_FILE).is_file():
        raise UserMistake(
            f"{folder} holds something other than an export of hmrec.",
            "Choose a new or empty folder, or one with an export, which is replaced.",
        )
