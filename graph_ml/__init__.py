"""Graph to embeddings and back: export, hold out, train, rank, recommend, write back, evaluate.

In comes the graph of customers, articles and purchases; out come embeddings and a ranker in it, lists, and evaluations.
"""

import os
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .export.export_folder import load_export as load_export

__all__ = ["load_export"]

# OpenMP's threads (of PyTorch and LightGBM) else wait for each other by spinning, and on a machine that does other work
# besides, that is most of what they do: 40 trees 53 s instead of 15 (docs/decisions/0039). Read as they load.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
warnings.filterwarnings("ignore", message="Sparse (CSR tensor support|invariant checks)")  # of PyTorch's beta tensors
warnings.filterwarnings("ignore", message=".*torch.jit.script", category=FutureWarning)  # by PyTorch Geometric's import


def __getattr__(name: str) -> Any:
    if name == "load_export":
        from .export.export_folder import load_export

        return load_export
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
