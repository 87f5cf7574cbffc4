"""Small shops, written as H&M's files and loaded by the loader itself."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
from hmrec.cypher.graph import Graph
from hmrec.loader.load import load_folder

FIRST_DAY = dt.date(2020, 7, 14)  # ten weeks end with H&M's last day, 2020-09-21


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
    rows += [rows[0], rows[0]]  # bought three times at once
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
