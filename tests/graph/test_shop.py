"""The figures of the shop and of an article equal those computed from the files, whatever else is in the graph."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest
from hmrec.cli.service.candidates import RecommendationCache
from hmrec.cli.service.shop import WeeksCache
from hmrec.cypher.articles import find_articles, read_article_weeks, read_buyers, read_cards
from hmrec.cypher.catalogue import find_query
from hmrec.cypher.errors import UnknownArticle
from hmrec.cypher.graph import Graph
from hmrec.cypher.settings import ConnectionSettings
from hmrec.cypher.shop import read_shop, read_weeks
from hmrec.graph_ml.recommend.article import read_article
from hmrec.loader.load import load_folder
from hmrec.loader.samples import write_synthetic

from tests.conftest import run_text
from tests.graph.test_foreign_purchases import MODELS
from tests.graph.test_plans import FORBIDDEN, profile, walk


@pytest.fixture(scope="module")
def files(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    write_synthetic(folder, customers=120, articles=60, transactions=1500, seed=2)
    load_folder(folder, server=None, graph=module_graph)
    run_text(module_graph, MODELS)
    return folder


@pytest.fixture(scope="module")
def purchases(files: Path) -> pl.DataFrame:
    """t_dat, customer_id, article_id, price: the units bought."""
    frame = pl.read_csv(files / "transactions_train.csv", schema_overrides={"article_id": pl.String})
    return frame.with_columns(pl.col("t_dat").str.to_date())


@pytest.fixture(scope="module")
def best(purchases: pl.DataFrame) -> str:
    """The article with most units."""
    return str(purchases["article_id"].value_counts().sort("count", "article_id", descending=True)["article_id"][0])


def test_the_shop_s_figures_are_those_of_the_files(module_graph: Graph, files: Path, purchases: pl.DataFrame) -> None:
    shop = read_shop(module_graph)
    assert shop.counts.customers == len(pl.read_csv(files / "customers.csv"))
    assert (shop.first, shop.last) == (purchases["t_dat"].min(), purchases["t_dat"].max())
    assert shop.model is None
    sizes = dict(purchases.unique(["t_dat", "customer_id", "article_id", "price", "sales_channel_id"])
                 .group_by("customer_id").len().iter_rows())  # fmt: skip
    examples = {one.kind: one for one in shop.examples}
    for kind, one in examples.items():
        assert one.bought == sizes.get(one.customer_id, 0), kind
    assert examples["few"].bought <= examples["typical"].bought <= examples["many"].bought
    assert ("none" in examples) == (len(sizes) < shop.counts.customers)
    assert read_weeks(module_graph)["purchases"].sum() == len(purchases)


def test_while_the_weeks_are_counted_others_get_the_earlier_ones(module_graph: Graph, files: Path) -> None:
    cache = WeeksCache(module_graph, RecommendationCache(module_graph))
    with ThreadPoolExecutor(2) as pool:
        known = cache.read()
        with cache._lock:  # as while a request counts
            assert pool.submit(cache.read).result(timeout=10) is known
        assert pool.submit(cache.read).result(timeout=60) == known


def test_an_article_s_figures_are_those_of_the_files(module_graph: Graph, purchases: pl.DataFrame, best: str) -> None:
    mine = purchases.filter(pl.col("article_id") == best)
    until = purchases["t_dat"].max()
    days = mine.group_by("customer_id").agg(
        pl.col("t_dat").n_unique().alias("days"), pl.col("t_dat").max().alias("last")
    )
    found = read_buyers(module_graph, best)
    assert found.purchases == len(mine)
    assert found.buyers == len(days)
    assert found.repeat_buyers == days.filter(pl.col("days") > 1).height
    assert found.buyers_lately == days.filter(pl.col("last") > pl.lit(until) - pl.duration(days=28)).height
    assert found.repeat_share == pytest.approx(found.repeat_buyers / found.buyers)
    assert (found.first, found.last) == (mine["t_dat"].min(), mine["t_dat"].max())
    weeks = read_article_weeks(module_graph, best, weeks=150)
    sold = dict(mine.group_by(pl.col("t_dat").dt.truncate("1w")).len().iter_rows())
    assert {week: units for week, units in zip(weeks["week"], weeks["purchases"], strict=True) if units} == sold
    assert len(weeks) == 150
    (card,) = read_cards(module_graph, [best])
    latest = mine.sort("t_dat", "price", descending=[True, False])["price"][0]
    assert card.price == pytest.approx(latest)
    assert card.available
    profile_ = read_article(module_graph, best)
    assert profile_.properties["department_name"] == card.department
    assert "embedding" not in profile_.properties
    with pytest.raises(UnknownArticle):
        read_article(module_graph, "nothing")


def test_cards_keep_the_order_and_know_what_is_out_of_stock(module_graph: Graph, best: str) -> None:
    run_text(module_graph, "MATCH (a:Article {article_id: $id}) SET a.stock = 0", id=best)
    ids = [*find_articles(module_graph, k=3), best]
    cards = read_cards(module_graph, [*ids, "nothing"])
    assert [card.article_id for card in cards] == ids
    assert not cards[-1].available
    run_text(module_graph, "MATCH (a:Article {article_id: $id}) REMOVE a.stock", id=best)


def has_words(name: str, typed: str) -> bool:
    """Whether each word begins a word of the name."""
    words = re.findall(r"\w+", name.lower())
    return all(any(word.startswith(one) for word in words) for one in re.findall(r"\w+", typed.lower()))


def test_articles_are_found_by_id_and_by_the_first_letters_of_words(module_graph: Graph, files: Path) -> None:
    articles = pl.read_csv(files / "articles.csv", schema_overrides={"article_id": pl.String}).sort("article_id")
    ids, names = articles["article_id"].to_list(), articles["prod_name"].to_list()
    assert find_articles(module_graph, ids[7][:5], k=100) == [one for one in ids if one.startswith(ids[7][:5])]
    for typed in (names[7].split()[-1][:3], names[7], f"{names[7].split()[-1]} {names[7][:2]}"):  # as one types
        wanted = {one for one, name in zip(ids, names, strict=True) if has_words(name, typed)}
        assert ids[7] in wanted
        assert set(find_articles(module_graph, name=f" {typed.upper()} ", k=100)) == wanted
    beginning = names[7][:3]
    found = find_articles(module_graph, name=beginning, k=100)
    run_text(module_graph, "DROP INDEX article_name")  # as in a graph that was loaded earlier
    compared = find_articles(module_graph, name=beginning, k=100)
    assert [one for one in compared if has_words(names[ids.index(one)], beginning)] == found
    run_text(module_graph, find_query("indexes").statements[-1])
    run_text(module_graph, find_query("await_indexes").text, seconds=60)
    first = find_articles(module_graph, name=names[7].split()[0], k=1)[0]
    assert names[ids.index(first)].lower().startswith(names[7].split()[0].lower())
    assert find_articles(module_graph, name="' OR 1=1 //") == []


@pytest.mark.parametrize("name", ["article_cards", "article_buyers", "article_weeks", "first_and_last_day"])
def test_an_article_s_queries_start_from_an_index(
    connection: ConnectionSettings, files: Path, best: str, name: str
) -> None:
    plan = profile(connection, name, article_id=best, article_ids=[best])
    operators = [one["operatorType"].split("@")[0] for one in walk(plan)]
    assert not [one for one in operators if one in FORBIDDEN and one != "CartesianProduct"], operators


def test_an_empty_graph_has_figures_too(graph: Graph) -> None:  # the last one: it empties the graph of the others
    shop = read_shop(graph)
    assert (shop.counts.customers, shop.first, shop.last, shop.model, shop.examples) == (0, None, None, None, ())
    assert find_articles(graph, name="a") == []
    run_text(graph, "CREATE (:Article {article_id: 'unsold'})")
    assert read_article(graph, "unsold").buyers.repeat_share is None
    assert len(read_article_weeks(graph, "unsold")) == 0
