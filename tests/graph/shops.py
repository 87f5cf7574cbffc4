"""Small shops, written as H&M's files and loaded by the loader."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
from hmrec.cypher.graph import Graph
from hmrec.graph_ml.export.read_subgraph import export_subgraph
from hmrec.graph_ml.export.subgraph import SubgraphSpec
from hmrec.graph_ml.hybrid import train_hybrid
from hmrec.graph_ml.network.trained_model import TrainSettings
from hmrec.graph_ml.ranker.fit import RankSettings
from hmrec.graph_ml.write_back.write import write_embeddings
from hmrec.loader.load import load_folder
from hmrec.loader.samples import write_journey

FIRST_DAY = dt.date(2020, 7, 14)  # ten weeks later is H&M's last day, 2020-09-21


def write_small_journey(folder: Path, households: int = 60, articles: int = 500) -> None:
    """Write households of Complete Journey and their purchases of the articles that they buy most.

    The households alone have 10,000 articles, to which `hmrec relate` would write 800,000 relationships.
    """
    write_journey(folder, households=households)
    keep_best_sellers(folder, articles)


def keep_best_sellers(folder: Path, articles: int) -> None:
    """Keep the articles with the most purchases, and their purchases, in the files of a folder."""
    bought = pl.read_csv(folder / "transactions_train.csv", infer_schema=False)
    best = bought["article_id"].value_counts().sort("count", "article_id", descending=True)["article_id"][:articles]
    bought.filter(pl.col("article_id").is_in(best.implode())).write_csv(folder / "transactions_train.csv")
    known = pl.read_csv(folder / "articles.csv", infer_schema=False)
    known.filter(pl.col("article_id").is_in(best.implode())).write_csv(folder / "articles.csv")


def load_two_tastes(graph: Graph, folder: Path, weeks: int = 10) -> pl.DataFrame:
    """Load 40 customers who each buy 4 of their taste's 15 articles a week, and return the transactions.

    Even customers only buy articles of department Even, odd ones of Odd. One customer and one article of each taste
    have no purchase. The ages of half of the customers are known.
    """
    random = np.random.default_rng(0)
    rows = [
        {
            "t_dat": FIRST_DAY + dt.timedelta(days=7 * week + int(random.integers(7))),
            "customer_id": f"c{customer:02}",
            "article_id": f"{2 * article + customer % 2:010}",
            "price": round(0.01 * (1 + article), 4),
            "sales_channel_id": 1 + week % 2,
        }
        for week in range(weeks)
        for customer in range(40)
        for article in random.permutation(15)[:4].tolist()
    ]
    rows += [rows[0], rows[0]]  # the same row three times
    transactions = pl.DataFrame(rows).sample(fraction=1, shuffle=True, seed=1)
    customers = [{"customer_id": f"c{n:02}", "age": 20 + n if n % 4 < 2 else None} for n in range(42)]
    articles = [
        {
            "article_id": f"{n:010}",
            "product_code": n // 4,
            "prod_name": f"Thing {n // 4}",
            "product_group_name": f"Group {n % 3}",
            "department_no": n % 2,
            "department_name": "Odd" if n % 2 else "Even",
            "index_group_no": 1,
            "index_group_name": "Everybody",
        }
        for n in range(32)
    ]
    folder.mkdir(exist_ok=True)
    pl.DataFrame(customers).write_csv(folder / "customers.csv")
    pl.DataFrame(articles).write_csv(folder / "articles.csv")
    transactions.write_csv(folder / "transactions_train.csv")
    load_folder(folder, server=None, graph=graph, mode="stream")
    return transactions


def load_and_train(graph: Graph, folder: Path) -> tuple[pl.DataFrame, dt.date]:
    """Load the shop of `load_two_tastes` and train a small network and ranker on it.

    Returns the transactions and the day after the last one.
    """
    transactions = load_two_tastes(graph, folder)
    subgraph = export_subgraph(graph, SubgraphSpec(isolated=True))
    trained, rank = train_hybrid(
        subgraph, TrainSettings(dim=16, epochs=3, negatives=64), RankSettings(rounds=10, forests=1)
    )
    write_embeddings(graph, trained, rank=rank)
    return transactions, subgraph.until
