"""TorchRec's embedding tables, sharded by rows over processes: `hmrec train --engine torchrec`.

Each customer and article gets an embedding, learned from purchases alone, without the graph. This is matrix
factorisation, for tables larger than one machine's memory. The processes run `worker.py`, which imports nothing of
hmrec: FBGEMM works with only one version of PyTorch, so HMREC_TORCHREC_PYTHON may name the Python of another
environment.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from ...cypher.errors import HmrecError, UserMistake
from ...cypher.progress import DETAIL, Progress, silent
from ..export.subgraph import Subgraph, to_days
from ..network.dated_graph import decay_weights
from ..network.trained_model import TrainedModel, TrainSettings

PROCESSES = 2
WORKER = Path(__file__).with_name("worker.py")


class TableSettings(BaseModel):
    """Settings of the training of TorchRec's tables."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dim: int = Field(default=64, ge=4, multiple_of=4, description="Dimension of the embeddings")
    epochs: int = Field(default=20, ge=1, description="Number of epochs; each draws as many purchases as there are")
    batch_size: int = Field(
        default=2048, ge=2, description="Purchases per process and step; they are each other's negatives"
    )
    learning_rate: float = Field(default=0.1, gt=0, description="Learning rate of row-wise Adagrad")
    temperature: float = Field(default=0.1, gt=0, description="Divisor of cosines in the scores")
    half_life: float = Field(default=60.0, gt=0, description="Days after which a purchase is drawn half as often")
    seed: int = Field(default=0, ge=0, description="The same seed gives the same tables on the same machine")


def train_tables(
    subgraph: Subgraph, settings: TableSettings | None = None, progress: Progress = silent, processes: int = PROCESSES
) -> TrainedModel:
    """Learn an embedding for each customer and article by TorchRec.

    Customers without a purchase get the mean of the customers' embeddings; articles never sold get its opposite.

    Parameters
    ----------
    subgraph : the purchases.
    settings : settings of the training; None for the defaults.
    progress : receives the steps, with the loss.
    processes : number of processes that share the tables.

    Returns
    -------
    A model without weights, so it cannot embed nodes loaded later.

    Raises
    ------
    UserMistake : TorchRec is not installed.
    HmrecError : the training failed; the message has its last error.
    """
    settings = settings or TableSettings()
    sizes = {"customer": len(subgraph.customer_ids), "article": len(subgraph.article_ids)}
    with tempfile.TemporaryDirectory(prefix="hmrec-torchrec-") as name:
        folder = Path(name)
        np.save(folder / "customer.npy", subgraph.customer)
        np.save(folder / "article.npy", subgraph.article)
        np.save(folder / "weight.npy", decay_weights(subgraph, to_days(subgraph.until), settings.half_life))
        (folder / "settings.json").write_text(json.dumps(settings.model_dump() | {"sizes": sizes}))
        _run(folder, processes, progress)
        customers, articles = (_read_table(folder, table, rows) for table, rows in sizes.items())
    known = np.bincount(subgraph.customer, minlength=len(customers)) > 0
    mean = customers[known].mean(0)
    customers[~known] = mean
    articles[np.bincount(subgraph.article, minlength=len(articles)) == 0] = -mean
    return TrainedModel(
        subgraph.customer_ids, subgraph.article_ids, _normalize(customers), _normalize(articles),
        TrainSettings(dim=settings.dim, layers=0, windows=(), features=False, attributes=0, seed=settings.seed), (),
        settings.epochs, subgraph.since, subgraph.until, subgraph.num_edges,
    )  # fmt: skip


def _run(folder: Path, processes: int, progress: Progress) -> None:
    """Train in processes that torchrun starts."""
    python = os.environ.get("HMREC_TORCHREC_PYTHON", sys.executable)
    command = [python, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes), str(WORKER)]
    errors = folder / "errors.txt"
    try:
        with (
            errors.open("w") as log,
            subprocess.Popen([*command, str(folder)], stdout=subprocess.PIPE, stderr=log, text=True) as run,
        ):
            for line in run.stdout or ():
                if line.startswith("{"):
                    step = json.loads(line)
                    progress(f"Training TorchRec's tables{DETAIL}loss {step['loss']:.3f}", step["step"], step["steps"])
    except OSError as error:
        raise UserMistake(f"HMREC_TORCHREC_PYTHON is not a Python: {python}.") from error
    if run.returncode:
        raise _explain(errors.read_text(errors="replace"))


def _explain(errors: str) -> HmrecError:
    lines = [line.strip() for line in errors.splitlines()]
    if any("No module named 'torchrec'" in line or "No module named 'fbgemm_gpu'" in line for line in lines):
        return UserMistake("TorchRec is not installed.", "pip install 'hmrec[torchrec]' (docs/scale.md)")
    if any("fbgemm_gpu" in line and "Could not load" in line for line in lines):
        return UserMistake(
            "TorchRec's FBGEMM was built for another version of PyTorch, or for GPUs.",
            "Install both in a separate environment, and set HMREC_TORCHREC_PYTHON to its Python (docs/scale.md).",
        )
    last = [line for line in lines if "Error: " in line] or ["it printed no error"]
    return HmrecError(f"TorchRec failed: {last[0][:300]}.")


def _read_table(folder: Path, table: str, rows: int) -> npt.NDArray[np.float32]:
    """Return [rows, dim]: the rows of a table from all processes."""
    parts = [np.load(file) for file in folder.glob(f"{table}-*.npz")]
    whole: npt.NDArray[np.float32] = np.concatenate(
        [part["rows"] for part in sorted(parts, key=lambda part: int(part["first"]))]
    )
    if len(whole) != rows:
        raise HmrecError(f"TorchRec returned {len(whole):,} of {rows:,} rows of the table of {table}s.")
    return whole


def _normalize(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: npt.NDArray[np.float32] = (vectors / np.maximum(length, 1e-12)).astype(np.float32)
    return unit
