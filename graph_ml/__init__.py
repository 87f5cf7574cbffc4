"""Graph to embeddings and back: export, hold out, train, rank, recommend, write back, evaluate.

Input: the graph of customers, articles and purchases. Output: embeddings and a ranker in it, lists, and evaluations.
"""

import os
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .export.export_folder import load_export as load_export

__all__ = ["load_export"]

# By default, the OpenMP threads of PyTorch and LightGBM spin while they wait for each other. On a machine with other
# load, they spend most of their time so: 40 trees took 53 s instead of 15 (docs/decisions/0039). The libraries read the
# variable when they are loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
warnings.filterwarnings("ignore", message="Sparse (CSR tensor support|invariant checks)")  # of PyTorch's beta tensors
warnings.filterwarnings("ignore", message=".*torch.jit.script", category=FutureWarning)  # by PyTorch Geometric's import


def __getattr__(name: str) -> Any:
    if name == "load_export":
        from .export.export_folder import load_export

        return load_export
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
