"""The source's own baseline: fastai's collaborative learner, set up as in Microsoft Recommenders' fastai example.

    python fastai_baseline.py FOLDER [--epochs 5] [--negatives 4] [--seed 0]

The script is self-contained: its environment has fastai and no hmrec (`python -m benchmarks.random_split` creates one).

FOLDER/train.csv has the columns customer, article and rating: the training rows, with ids 0..n-1 and 0..A-1, and rating 1.
FOLDER/customers.csv has the column customer: the customers to score. The script writes FOLDER/scores.npy, [customers, A]
float32 in the order of that file. It prints one line of JSON: seconds of training and of scoring, versions, settings.

As in the example (examples/00_quick_start/fastai_movielens.ipynb): EmbeddingDotBias, 40 factors, weight decay 0.1, one cycle of 5 epochs up to
a rate of 0.005, batches of 64 (fastai's default), no validation. Instead of film ratings, the target is 1 for purchases and 0 for negatives.
So y_range is from 0 to slightly above 1, as the example uses 5.5 for ratings up to 5. Negatives are drawn uniformly among the pairs
that are not in training.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import fastai
import numpy as np
import pandas as pd
import torch
from fastai.collab import CollabDataLoaders, collab_learner

FACTORS, DECAY, RATE, RANGE = 40, 1e-1, 5e-3, (0.0, 1.1)


def draw_negatives(rows: pd.DataFrame, number: int, random: np.random.Generator) -> pd.DataFrame:
    """Draw `number` pairs that are not in `rows` for each of its rows, with the rating 0."""
    customers, articles = rows["customer"].max() + 1, rows["article"].max() + 1
    known = np.unique(rows["customer"].to_numpy() * articles + rows["article"].to_numpy())
    found = np.zeros(0, dtype=np.int64)
    while len(found) < number * len(rows):
        drawn = random.integers(0, customers * articles, number * len(rows))
        found = np.concatenate([found, drawn[~np.isin(drawn, known)]])
    found = found[: number * len(rows)]
    return pd.DataFrame({"customer": found // articles, "article": found % articles, "rating": 0.0})


def main() -> None:
    """Train, score every pair, and write scores and figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of the input and output files")
    parser.add_argument("--epochs", type=int, default=5, help="number of epochs")
    parser.add_argument("--negatives", type=int, default=4, help="number of negatives per training row")
    parser.add_argument("--seed", type=int, default=0, help="seed of the negatives and the training")
    options = parser.parse_args()
    np.random.seed(options.seed)
    torch.manual_seed(options.seed)
    rows = pd.read_csv(options.folder / "train.csv")
    negatives = draw_negatives(rows, options.negatives, np.random.default_rng(options.seed))
    loaders = CollabDataLoaders.from_df(
        pd.concat([rows, negatives], ignore_index=True), user_name="customer", item_name="article",
        rating_name="rating", valid_pct=0, bs=64, device=torch.device("cpu"), seed=options.seed,
    )  # fmt: skip
    learner = collab_learner(loaders, n_factors=FACTORS, y_range=RANGE, wd=DECAY)
    begun = time.perf_counter()
    with learner.no_bar(), learner.no_logging():
        learner.fit_one_cycle(options.epochs, lr_max=RATE)
    trained = time.perf_counter()

    wanted = pd.read_csv(options.folder / "customers.csv")["customer"].to_numpy()
    users, items = (loaders.classes[name].o2i for name in ("customer", "article"))
    article = torch.tensor([items[number] for number in range(rows["article"].max() + 1)])
    scores = np.zeros((len(wanted), len(article)), dtype=np.float32)
    learner.model.eval()
    with torch.no_grad():
        for place, customer in enumerate(wanted):
            user = torch.full_like(article, users[customer])
            scores[place] = learner.model(torch.stack([user, article], dim=1)).numpy()
    np.save(options.folder / "scores.npy", scores)
    facts = {
        "seconds": trained - begun, "scoring_seconds": time.perf_counter() - trained, "epochs": options.epochs,
        "negatives": options.negatives, "fastai": fastai.__version__, "torch": torch.__version__, "threads": torch.get_num_threads(),
        "model": type(learner.model).__name__, "last_loss": float(learner.recorder.losses[-1]),
    }  # fmt: skip
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
