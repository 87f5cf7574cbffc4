"""A trained model as bytes in the safetensors format, which holds tensors and texts, and cannot run code."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from ...cypher.errors import HmrecError
from ..export.features import FeatureEncoder
from ..export.subgraph import IdMap
from .trained_model import Epoch, TrainedModel, TrainSettings

_FORMAT = "hmrec model 2"
_WEIGHTS = "weights."
_LEARNED_FROM = "learned_from"
_KINDS = (np.dtype(np.float32), np.dtype(np.int64))


class BadModel(HmrecError):
    """The bytes are not a complete model of hmrec."""


def save_model(trained: TrainedModel) -> bytes:
    """Return a model as bytes, from which `load_model` restores it bit for bit.

    Raises
    ------
    ValueError : a weight is neither float32 nor int64.
    """
    for name, weight in trained.weights.items():
        if weight.dtype not in _KINDS:
            raise ValueError(f"the weight {name} is {weight.dtype}, not float32 or int64")
    facts = {
        "settings": trained.settings.model_dump(mode="json"),
        "history": [list(epoch) for epoch in trained.history],
        "epochs": trained.epochs,
        "since": trained.since.isoformat(),
        "until": trained.until.isoformat(),
        "purchases": trained.purchases,
        "name": trained.name,
        "attribute_keys": {label: list(keys) for label, keys in trained.attribute_keys.items()},
        "encoders": {kind: encoder.to_json() for kind, encoder in trained.encoders.items()},
    }
    tensors = {
        "customers": trained.customers,
        "articles": trained.articles,
        "customer_ids": _pack_ids(trained.customer_ids),
        "article_ids": _pack_ids(trained.article_ids),
        "facts": _pack_text(json.dumps(facts)),
        **({} if trained.learned_from is None else {_LEARNED_FROM: _pack_ids(trained.learned_from)}),
        **{_WEIGHTS + name: weight for name, weight in trained.weights.items()},
    }
    whole = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    return bytes(save_tensors(whole, {"format": _FORMAT}))


def load_model(content: bytes) -> TrainedModel:
    """Restore a model from the bytes of `save_model`.

    Raises
    ------
    BadModel : the bytes are truncated, damaged or not a model.
    """
    try:
        _check_format(content)
        tensors = load_tensors(content)
        facts = json.loads(tensors["facts"].tobytes())
        trained = TrainedModel(
            customer_ids=IdMap(_unpack_ids(tensors["customer_ids"])),
            article_ids=IdMap(_unpack_ids(tensors["article_ids"])),
            customers=tensors["customers"],
            articles=tensors["articles"],
            settings=TrainSettings.model_validate(facts["settings"]),
            history=tuple(Epoch(*epoch) for epoch in facts["history"]),
            epochs=int(facts["epochs"]),
            since=date.fromisoformat(facts["since"]),
            until=date.fromisoformat(facts["until"]),
            purchases=int(facts["purchases"]),
            weights={
                name.removeprefix(_WEIGHTS): tensor for name, tensor in tensors.items() if name.startswith(_WEIGHTS)
            },
            attribute_keys={label: tuple(keys) for label, keys in facts["attribute_keys"].items()},
            encoders={kind: FeatureEncoder.from_json(text) for kind, text in facts["encoders"].items()},
            name=str(facts.get("name", "")),  # older files have none
            learned_from=IdMap(_unpack_ids(tensors[_LEARNED_FROM])) if _LEARNED_FROM in tensors else None,
        )
        _check_shapes(trained)
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        sentence = "These bytes are not a complete model of hmrec."
        raise BadModel(sentence, "Train again, or use another version.") from error
    return trained


def _check_format(content: bytes) -> None:
    """Check the metadata, which safetensors' NumPy interface does not return: 8 bytes of length, then JSON."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length]) if length <= len(content) - 8 else {}
    if header["__metadata__"]["format"] != _FORMAT:
        raise ValueError("the format differs")


def _check_shapes(trained: TrainedModel) -> None:
    for ids, vectors in ((trained.customer_ids, trained.customers), (trained.article_ids, trained.articles)):
        if vectors.dtype != np.float32 or vectors.shape != (len(ids), trained.settings.dim):
            raise ValueError("embeddings and ids do not match")
        if not np.isfinite(vectors).all():
            raise ValueError("an embedding is not a number")
    if not all(isinstance(value, (int, float)) for epoch in trained.history for value in epoch):
        raise ValueError("the history has values that are not numbers")
    if any(weight.dtype not in _KINDS for weight in trained.weights.values()):
        raise ValueError("a weight is neither float32 nor int64")


def _pack_text(text: str) -> npt.NDArray[np.uint8]:
    return np.frombuffer(text.encode(), dtype=np.uint8)


def _pack_ids(ids: IdMap) -> npt.NDArray[np.uint8]:
    """Return the ids as JSON, because they may contain any character."""
    return _pack_text(json.dumps(list(ids), separators=(",", ":"), ensure_ascii=False))


def _unpack_ids(packed: npt.NDArray[Any]) -> list[str]:
    ids = json.loads(packed.tobytes())
    if not isinstance(ids, list) or not all(isinstance(outer, str) for outer in ids):
        raise ValueError("the ids are not a list of texts")
    return ids
