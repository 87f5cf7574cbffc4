"""Exported subgraphs hold every chosen purchase as it was loaded, and no other, in one order."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from hmrec.cypher.errors import UnknownCustomer
from hmrec.cypher.graph import Graph
from hmrec.graph_ml.export import read_purchases
from hmrec.graph_ml.export.features import ARTICLE_FEATURES, Feature, FeatureKind, FeatureSpec
from hmrec.graph_ml.export.hetero import to_hetero
from hmrec.graph_ml.export.read_subgraph import export_subgraph
from hmrec.graph_ml.export.subgraph import EmptySubgraph, IdMap, Subgraph, SubgraphSpec, to_date
from pydantic import ValidationError

from tests.conftest import run_text
from tests.graph.shops import load_two_tastes

COLUMNS = ["t_dat", "customer_id", "article_id", "price", "sales_channel_id"]


@pytest.fixture(scope="module")
def shop(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    return load_two_tastes(module_graph, tmp_path_factory.mktemp("shop"))


def to_rows(subgraph: Subgraph) -> pl.DataFrame:
    """Return the transactions of a subgraph, identical ones as often as they were loaded."""
    frame = pl.DataFrame(
        {
            "t_dat": [to_date(int(day)) for day in subgraph.time],
            "customer_id": [subgraph.customer_ids.id(int(number)) for number in subgraph.customer],
            "article_id": [subgraph.article_ids.id(int(number)) for number in subgraph.article],
            "price": subgraph.price.astype(float).round(4),
            "sales_channel_id": subgraph.channel.astype(int),
            "quantity": subgraph.quantity,
        }
    )
    return frame.select(pl.col(COLUMNS).repeat_by("quantity").explode()).sort(COLUMNS)


def test_every_transaction_is_exported_as_it_was_loaded(module_graph: Graph, shop: pl.DataFrame) -> None:
    subgraph = export_subgraph(module_graph)
    assert to_rows(subgraph).equals(shop.select(COLUMNS).sort(COLUMNS))
    assert subgraph.num_edges == len(shop) - 2
    assert subgraph.quantity.max() == 3
    assert subgraph.since == shop["t_dat"].min()
    assert subgraph.until == shop["t_dat"].max() + dt.timedelta(days=1)


def test_the_order_does_not_depend_on_batches_or_the_store(
    module_graph: Graph, shop: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = export_subgraph(module_graph)
    monkeypatch.setattr(read_purchases, "PURCHASES_A_BATCH", 200)  # about five customers
    parts = export_subgraph(module_graph)
    for name in ("customer", "article", "time", "price", "quantity", "channel"):
        assert (getattr(whole, name) == getattr(parts, name)).all(), name
    assert whole.customer_ids == parts.customer_ids
    keys = list(zip(whole.customer, whole.time, whole.article, whole.price, whole.channel, strict=True))
    assert keys == sorted(keys)
    assert list(whole.customer_ids) == sorted(whole.customer_ids)
    assert list(whole.article_ids) == sorted(whole.article_ids)


def test_since_and_until_select_days(module_graph: Graph, shop: pl.DataFrame) -> None:
    since, until = dt.date(2020, 8, 1), dt.date(2020, 8, 20)
    subgraph = export_subgraph(module_graph, SubgraphSpec(since=since, until=until))
    wanted = shop.filter((pl.col("t_dat") >= since) & (pl.col("t_dat") < until))
    assert to_rows(subgraph).equals(wanted.select(COLUMNS).sort(COLUMNS))


def test_customers_are_chosen_by_number_or_by_id(module_graph: Graph, shop: pl.DataFrame) -> None:
    for choice, names in ((3, ["c00", "c01", "c02"]), (("c07", "c11"), ["c07", "c11"])):
        subgraph = export_subgraph(module_graph, SubgraphSpec(customers=choice))
        assert list(subgraph.customer_ids) == names
        wanted = shop.filter(pl.col("customer_id").is_in(names))
        assert to_rows(subgraph).equals(wanted.select(COLUMNS).sort(COLUMNS))


@pytest.mark.parametrize(("category", "ending"), [("Odd", "1"), ("Group 1", None), ("Everybody", "")])
def test_a_category_is_a_department_a_product_group_or_an_index_group(
    module_graph: Graph, shop: pl.DataFrame, category: str, ending: str | None
) -> None:
    number = pl.col("article_id").cast(pl.Int64)
    wanted = {"Odd": number % 2 == 1, "Group 1": number % 3 == 1, "Everybody": number >= 0}[category]
    subgraph = export_subgraph(module_graph, SubgraphSpec(category=category))
    assert to_rows(subgraph).equals(shop.filter(wanted).select(COLUMNS).sort(COLUMNS))


@pytest.mark.parametrize("more", [{}, {"customers": 20}, {"category": "Even"}])
def test_the_first_rows_are_the_earliest_transactions(
    module_graph: Graph, shop: pl.DataFrame, more: dict[str, object]
) -> None:
    rows = to_rows(export_subgraph(module_graph, SubgraphSpec.model_validate({"rows": 100} | more)))
    allowed = to_rows(export_subgraph(module_graph, SubgraphSpec.model_validate(more)))
    assert len(rows) == 100
    assert rows.equals(allowed.head(100))


def test_nodes_without_a_purchase_are_exported_only_with_isolated(module_graph: Graph, shop: pl.DataFrame) -> None:
    few = export_subgraph(module_graph)
    assert (len(few.customer_ids), len(few.article_ids)) == (40, 30)
    many = export_subgraph(module_graph, SubgraphSpec(isolated=True))
    assert (len(many.customer_ids), len(many.article_ids)) == (42, 32)
    assert to_rows(few).equals(to_rows(many))
    assert few.customers["customer_id"].to_list() == list(few.customer_ids)
    assert many.customers["customer_id"].to_list() == list(many.customer_ids)


def test_hetero_data_has_purchases_features_and_attribute_nodes(module_graph: Graph, shop: pl.DataFrame) -> None:
    subgraph = export_subgraph(module_graph)
    data = to_hetero(subgraph)
    assert data.validate()
    bought = data["customer", "bought", "article"]
    assert (bought.edge_index.numpy() == subgraph.edge_index).all()
    for name in ("time", "price", "quantity", "channel"):
        assert (bought[name].numpy() == getattr(subgraph, name)).all()
    ages = [20 + n if n % 4 < 2 else None for n in range(40)]
    assert (data["customer"].x[:, 1].numpy() == [age is None for age in ages]).all()
    known = np.array([age for age in ages if age is not None])
    scaled = data["customer"].x[:, 0].numpy()[[age is not None for age in ages]]
    assert scaled == pytest.approx((known - known.mean()) / known.std(), abs=1e-5)
    for label, relationship, key in (
        ("Department", "IN_DEPARTMENT", lambda n: n % 2),
        ("Product", "VARIANT_OF", lambda n: n // 4),
        ("ProductGroup", "IN_PRODUCT_GROUP", lambda n: f"Group {n % 3}"),
    ):
        article, node = data["article", relationship, label].edge_index.tolist()
        assert sorted(article) == list(range(30))
        for a, n in zip(article, node, strict=True):
            assert subgraph.attributes[label].keys[n] == key(int(subgraph.article_ids.id(a)))
    assert data["Department"].num_nodes == 2


def test_exported_features_are_those_declared(module_graph: Graph, shop: pl.DataFrame) -> None:
    whole = export_subgraph(module_graph)
    assert whole.articles["article_id"].to_list() == list(whole.article_ids)
    coded = to_hetero(whole)["article"]
    names = [feature.name for feature in ARTICLE_FEATURES]
    department, group = coded.codes[:, names.index("department_no")], coded.codes[:, names.index("product_group_name")]
    assert department.tolist() == [n % 2 + 1 for n in range(30)]
    assert group.tolist() == [n % 3 + 1 for n in range(30)]
    assert coded.codes[:, names.index("section_no")].sum() == 0  # the shop has no sections
    assert len(coded.encoder.sizes) == len(names)
    choice = FeatureSpec(
        customers=(), articles=(Feature("department_no", FeatureKind.category),), edges=("VARIANT_OF",)
    )
    few = export_subgraph(module_graph, SubgraphSpec(features=choice))
    assert few.customers.columns == ["customer_id", "postal_code"]
    assert few.articles.columns == ["article_id", "department_no"]
    assert list(few.attributes) == ["Product"]
    assert to_hetero(few).validate()


def test_nodes_loaded_later_are_encoded_as_in_training(module_graph: Graph, shop: pl.DataFrame) -> None:
    whole = export_subgraph(module_graph)
    odd = export_subgraph(module_graph, SubgraphSpec(category="Odd"))
    place = [feature.name for feature in ARTICLE_FEATURES].index("department_no")
    assert to_hetero(odd)["article"].codes[:, place].tolist() == [1] * 15
    assert to_hetero(odd, whole.fit_encoders())["article"].codes[:, place].tolist() == [2] * 15


def test_unknown_customers_and_empty_parts_raise_clear_errors(module_graph: Graph, shop: pl.DataFrame) -> None:
    with pytest.raises(UnknownCustomer, match="has no customer 'nobody'"):
        export_subgraph(module_graph, SubgraphSpec(customers=("c01", "nobody")))
    with pytest.raises(EmptySubgraph, match="named 'Hats'"):
        export_subgraph(module_graph, SubgraphSpec(category="Hats"))
    with pytest.raises(EmptySubgraph, match="has no purchase"):
        export_subgraph(module_graph, SubgraphSpec(since=dt.date(2030, 1, 1)))
    with pytest.raises(ValidationError):
        SubgraphSpec(customers=0)


def test_a_missing_price_or_channel_is_exported_as_missing(graph: Graph) -> None:
    run_text(
        graph,
        "CREATE (c:Customer {customer_id: '1'})-[:BOUGHT {t_dat: date('2020-09-01'), quantity: 2}]->"
        "(:Article {article_id: '1'}), (c)-[:BOUGHT {t_dat: date('2020-09-02'), price: 0.5, sales_channel_id: 2}]->"
        "(:Article {article_id: '2'}), (c)-[:BOUGHT {price: 0.5}]->(:Article {article_id: '3'})",
    )
    subgraph = export_subgraph(graph)
    assert np.isnan(subgraph.price).tolist() == [True, False]
    assert subgraph.price[1] == pytest.approx(0.5)
    assert subgraph.quantity.tolist() == [2, 1]
    assert subgraph.channel.tolist() == [0, 2]
    assert list(subgraph.article_ids) == ["1", "2"]  # purchases without a day are not exported


def test_an_empty_graph_raises_an_error(graph: Graph) -> None:
    with pytest.raises(EmptySubgraph):
        export_subgraph(graph)


def test_the_id_map_works_in_both_directions() -> None:
    ids = IdMap(["a", "c", "b"])
    assert [ids.id(ids.index(outer)) for outer in ("a", "b", "c")] == ["a", "b", "c"]
    assert "d" not in ids
    assert list(ids.select(np.array([False, True, True]))) == ["c", "b"]
    with pytest.raises(ValueError, match="differ"):
        IdMap(["a", "a"])
