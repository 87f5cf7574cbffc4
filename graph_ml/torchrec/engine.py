"""TorchRec's embedding tables, cut by rows over processes: `hmrec train --engine torchrec`.

A vector for each customer and article, learned from purchases alone, without the graph: what matrix factorisation
learns, for tables larger than one machine's memory. The tables' processes are `torchrec_worker.py`, which imports
nothing of hmrec, because FBGEMM runs with one version of PyTorch only: HMREC_TORCHREC_PYTHON may name the Python of
another environment.
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
    """How TorchRec's tables are trained."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dim: int = Field(default=64, ge=4, multiple_of=4, description="Numbers in a vector")
    epochs: int = Field(default=20, ge=1, description="How often as many purchases are drawn as there are")
    batch_size: int = Field(default=2048, ge=2, description="Purchases a process in a step, negatives to each other")
    learning_rate: float = Field(default=0.1, gt=0, description="Row-wise Adagrad's step")
    temperature: float = Field(default=0.1, gt=0, description="What cosines are divided by to be scores")
    half_life: float = Field(default=60.0, gt=0, description="Days after which a purchase is drawn half as often")
    seed: int = Field(default=0, ge=0, description="The same seed gives the same tables on the same machine")


def train_tables(
    subgraph: Subgraph, settings: TableSettings | None = None, progress: Progress = silent, processes: int = PROCESSES
) -> TrainedModel:
    """Learn a vector for each customer and article by TorchRec.

    Customers without a purchase get the mean of the customers' vectors, articles without a sale its opposite.

    Parameters
    ----------
    subgraph : the purchases.
    settings : how; None for the defaults.
    progress : told the steps, with the loss.
    processes : over how many the tables are cut.

    Returns
    -------
    A model without weights: it cannot embed nodes that come later.

    Raises
    ------
    UserMistake : TorchRec is not installed.
    HmrecError : it failed; the message has its last words.
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
                    told = json.loads(line)
                    progress(f"Training TorchRec's tables{DETAIL}loss {told['loss']:.3f}", told["step"], told["steps"])
    except OSError as error:
        raise UserMistake(f"HMREC_TORCHREC_PYTHON names no Python: {python}.") from error
    if run.returncode:
        raise _explain(errors.read_text(errors="replace"))


def _explain(errors: str) -> HmrecError:
    lines = [line.strip() for line in errors.splitlines()]
    if any("No module named 'torchrec'" in line or "No module named 'fbgemm_gpu'" in line for line in lines):
        return UserMistake("TorchRec is not installed.", "pip install 'hmrec[torchrec]' (docs/scale.md)")
    if any("fbgemm_gpu" in line and "Could not load" in line for line in lines):
        return UserMistake(
            "TorchRec's FBGEMM was built for another version of PyTorch, or for GPUs.",
            "Install both in an environment of their own and name its Python in HMREC_TORCHREC_PYTHON (docs/scale.md).",
        )
    last = [line for line in lines if "Error: " in line] or ["no error was told"]
    return HmrecError(f"TorchRec failed: {last[0][:300]}.")


def _read_table(folder: Path, table: str, rows: int) -> npt.NDArray[np.float32]:
    """[rows, dim]: all processes' rows of a table."""
    parts = [np.load(file) for file in folder.glob(f"{table}-*.npz")]
    whole: npt.NDArray[np.float32] = np.concatenate(
        [part["rows"] for part in sorted(parts, key=lambda part: int(part["first"]))]
    )
    if len(whole) != rows:
        raise HmrecError(f"TorchRec gave {len(whole):,} rows of {rows:,} for the table of {table}s.")
    return whole


def _normalize(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: npt.NDArray[np.float32] = (vectors / np.maximum(length, 1e-12)).astype(np.float32)
    return unit
