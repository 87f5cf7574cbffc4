"""Convert a gift shop's data to H&M's files: `python -m benchmarks.online_retail CSV... --out FOLDER`.

The data are UCI's Online Retail (https://archive.ics.uci.edu/dataset/352/online+retail, CC BY 4.0): one year of a British
gift wholesaler, as one or several CSV files. Rows without a customer, a positive quantity, a positive price or a five-digit
article number (postage, fees) are dropped. The first five digits of an article are its product, the letters after them its
variant. A customer's only attribute is the country, which takes the place of H&M's post code.

    hmrec load FOLDER
    hmrec evaluate
"""

from __future__ import annotations

import argparse
from pathlib import Path

import polars as pl


def read_lines(files: list[Path]) -> pl.DataFrame:
    """Read the invoice lines that are purchases: day, customer, article, name, price, country."""
    lines = pl.concat([pl.read_csv(file, infer_schema=False) for file in files])
    article = pl.col("StockCode").str.to_uppercase()
    return lines.filter(
        pl.col("CustomerID").is_not_null(),
        pl.col("Quantity").cast(pl.Int64) > 0,
        pl.col("UnitPrice").cast(pl.Float64) > 0,
        article.str.contains(r"^\d{5}"),
    ).select(
        t_dat=pl.col("InvoiceDate").str.slice(0, 10),
        customer_id=pl.col("CustomerID").cast(pl.Float64).cast(pl.Int64).cast(pl.String),
        article_id=article,
        prod_name="Description",
        price=pl.col("UnitPrice").cast(pl.Float64),
        country="Country",
    )


def write_shop(lines: pl.DataFrame, out: Path) -> None:
    """Write customers.csv, articles.csv and transactions_train.csv."""
    out.mkdir(parents=True, exist_ok=True)
    customers = lines.group_by("customer_id").agg(postal_code=pl.col("country").first())
    names = pl.col("prod_name").drop_nulls().mode().sort().first()
    articles = lines.group_by("article_id").agg(names).with_columns(product_code=pl.col("article_id").str.slice(0, 5))
    customers.sort("customer_id").write_csv(out / "customers.csv")
    articles.sort("article_id").write_csv(out / "articles.csv")
    bought = lines.select("t_dat", "customer_id", "article_id", "price", sales_channel_id=pl.lit(1))
    bought.write_csv(out / "transactions_train.csv")


def main() -> None:
    """Parse the arguments, convert the files, and print a summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, help="CSV, with InvoiceDate as YYYY-MM-DD")
    parser.add_argument("--out", type=Path, required=True, help="folder for H&M's three files")
    given = parser.parse_args()
    lines = read_lines(given.files)
    write_shop(lines, given.out)
    print(f"{given.out}: {len(lines):,} purchases")


if __name__ == "__main__":
    main()
