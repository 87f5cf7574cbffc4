"""Recommenders on a tiny shop with known results, and on the same purchases loaded in another order."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path

import polars as pl
import pytest
from hmrec.cypher.catalogue import load_catalogue
from hmrec.cypher.graph import Graph
from hmrec.cypher.state import read_state
from hmrec.loader.load import load_folder

from tests.graph.shops import write_small_journey

LAST = dt.date(2020, 9, 20)
Bought = tuple[str, str, int]  # customer, article, days before the last day


def write_shop(
    folder: Path,
    bought: list[Bought],
    *,
    customers: dict[str, tuple[int | None, str | None]] | None = None,
    articles: dict[str, tuple[int, int, str]] | None = None,
) -> Path:
    """Write three files in H&M's schema: customers' age and status, articles' product, department number and colour."""
    folder.mkdir(exist_ok=True)
    people = customers or dict.fromkeys(sorted({row[0] for row in bought}), (None, None))
    things = articles or dict.fromkeys(sorted({row[1] for row in bought}), (1, 1, "Black"))
    pl.DataFrame(
        {
            "customer_id": list(people),
            "FN": None,
            "Active": None,
            "club_member_status": [status for _, status in people.values()],
            "fashion_news_frequency": None,
            "age": [age for age, _ in people.values()],
            "postal_code": None,
        },
        schema_overrides={"age": pl.Int64, "club_member_status": pl.String},
    ).write_csv(folder / "customers.csv")
    numbers = {"Black": 9, "White": 10}
    pl.DataFrame(
        {
            "article_id": list(things),
            "product_code": [product for product, _, _ in things.values()],
            "prod_name": [f"Thing {product}" for product, _, _ in things.values()],
            "colour_group_code": [numbers[colour] for _, _, colour in things.values()],
            "colour_group_name": [colour for _, _, colour in things.values()],
            "department_no": [department for _, department, _ in things.values()],
            "department_name": [f"Department {department}" for _, department, _ in things.values()],
        }
    ).write_csv(folder / "articles.csv")
    pl.DataFrame(
        [(LAST - dt.timedelta(days=ago), customer, article, 0.5, 2) for customer, article, ago in bought],
        schema=["t_dat", "customer_id", "article_id", "price", "sales_channel_id"],
        orient="row",
    ).write_csv(folder / "transactions_train.csv")
    return folder


def rows(graph: Graph, name: str, **given: object) -> list[tuple[str, float, str]]:
    """Return a recommender's rows, with scores rounded to nine digits."""
    found = graph.read(name, **given)
    return [(a, round(s, 9), b) for a, s, b in zip(found["article_id"], found["score"], found["because"], strict=True)]


@pytest.mark.parametrize("name", ["user_based_cf", "item_based_cf", "bought_together"])
def test_on_a_checkerboard_each_customer_gets_their_one_missing_article(
    graph: Graph, tmp_path: Path, name: str
) -> None:
    bought = [
        (f"c{i:02d}", f"a{j:02d}", 3) for i in range(20) for j in range(20) if (i + j) % 2 == 0 and i != j
    ]  # fmt: skip
    load_folder(write_shop(tmp_path / "board", bought), server=None, graph=graph)
    for i in range(20):
        found = rows(graph, name, customer_id=f"c{i:02d}", new_only=True)
        assert [row[0] for row in found] == [f"a{i:02d}"]
        everything = [row[0] for row in rows(graph, name, customer_id=f"c{i:02d}", k=20)]
        assert sorted(everything) == [f"a{j:02d}" for j in range(20) if (i + j) % 2 == 0]


def test_scores_and_sentences_of_user_based_cf(graph: Graph, tmp_path: Path) -> None:
    bought = [("ann", "x", 41), ("ann", "y", 0), ("bob", "x", 41), ("bob", "z", 0), ("eve", "z", 0)]
    load_folder(write_shop(tmp_path / "shop", bought), server=None, graph=graph)
    day = 0.5 ** (1 / 42)  # the last day's purchases are one day old
    known = {"x": 0.5, "y": day}
    length = math.sqrt(0.5**2 + day**2)  # norm of ann's and of bob's weights
    rarity = {"x": 1 / math.log(4), "y": 1 / math.log(3)}
    bob = rarity["x"] * 0.5 * 0.5 / length**2
    ann = sum(rarity[a] * known[a] ** 2 for a in known) / length**2
    assert rows(graph, "user_based_cf", customer_id="ann") == [
        ("y", round(2 * ann * day, 9), "you bought it before"),
        ("x", round((2 * ann + bob) * 0.5, 9), "you bought it before, and so did 1 customer who buys what you buy"),
        ("z", round(bob * day, 9), "bought by 1 customer who buys what you buy"),
    ]


def test_only_the_latest_whole_days_of_buyers_count(graph: Graph, tmp_path: Path) -> None:
    bought = [("me", "hub", 9), *((f"n{i}", "hub", i // 2) for i in range(8))]
    bought += [(f"n{i}", f"own of n{i}", 5) for i in range(8)]
    load_folder(write_shop(tmp_path / "shop", bought), server=None, graph=graph)
    for buyers, seen in ((1, 2), (2, 2), (3, 4), (7, 8), (100, 8)):
        found = rows(graph, "user_based_cf", customer_id="me", new_only=True, buyers=buyers)
        assert {row[0] for row in found} == {f"own of n{i}" for i in range(seen)}


def test_own_repurchases_rank_articles_that_are_due_first(graph: Graph, tmp_path: Path) -> None:
    bought = [("me", "due", 13), ("me", "due", 6), ("me", "overdue", 200), ("me", "overdue", 6), ("me", "once", 6)]
    bought += [("you", "last day", 0)]
    load_folder(write_shop(tmp_path / "shop", bought), server=None, graph=graph)
    weight = 0.5 ** (7 / 42)
    found = rows(graph, "own_repurchases", customer_id="me")
    assert found[0] == (
        "due",
        round((weight + 0.5 ** (14 / 42)) * 1.5, 9),
        "you bought it on 2 days, last on 2020-09-14, about every 7 days",
    )  # fmt: skip
    late = 7 / 194
    assert found[1][:2] == (
        "overdue",
        round((weight + 0.5 ** (201 / 42)) * (1 + 0.5 * math.exp(-2 * (late - 1) ** 2)), 9),
    )
    assert found[2] == ("once", round(weight, 9), "you bought it once, last on 2020-09-14")
    plain = rows(graph, "own_repurchases", customer_id="me", rhythm=0.0)
    assert plain[0][1] == round(weight + 0.5 ** (14 / 42), 9)


def test_bought_after_follows_others_to_their_next_visits(graph: Graph, tmp_path: Path) -> None:
    bought = [("me", "a", 41), ("bob", "a", 30), ("bob", "x", 30), ("bob", "y", 23), ("bob", "z", 1)]
    bought += [("eve", "a", 20), ("eve", "y", 13), ("eve", "y", 6), ("eve", "a", 2), ("joe", "y", 60), ("joe", "a", 0)]
    apart = {article: (product, 1, "Black") for product, article in enumerate("axyz", 1)}
    load_folder(write_shop(tmp_path / "shop", bought, articles=apart), server=None, graph=graph)
    after = {"y": 2 * 0.5 ** (7 / 28) + 0.5 ** (14 / 28), "z": 0.5 ** (29 / 28), "a": 0.5 ** (18 / 28)}
    purchases = {"y": 4, "z": 1, "a": 5}
    score = {article: round(0.5 * value / (2 * purchases[article] ** 0.1), 9) for article, value in after.items()}
    words = "within 56 days after what you bought, by other customers"
    assert rows(graph, "bought_after", customer_id="me") == [
        ("y", score["y"], f"bought 3 times {words}"),
        ("a", score["a"], f"you bought it before; bought once {words}"),
        ("z", score["z"], f"bought once {words}"),
    ]
    assert [row[0] for row in rows(graph, "bought_after", customer_id="me", new_only=True, days=28)] == ["y"]
    assert [row[0] for row in rows(graph, "bought_after", customer_id="me", as_of="2020-09-10", lag=0)] == ["y"]


def test_a_new_colour_inherits_what_is_bought_after(graph: Graph, tmp_path: Path) -> None:
    bought = [("me", "socks", 41), ("bob", "socks", 30), ("bob", "shirt black", 23), ("bob", "shirt black", 20)]
    bought += [("joe", "trousers black", 0)]
    load_folder(write_shop(tmp_path / "shop", bought, articles=ARTICLES), server=None, graph=graph)
    score = 0.5 * (0.5 ** (7 / 28) + 0.5 ** (10 / 28))
    words = "within 56 days after what you bought, by other customers"
    assert rows(graph, "bought_after", customer_id="me") == [
        ("shirt black", round(score * 3 / 4 / 2**0.1, 9), f"bought twice {words}"),
        ("shirt white", round(score * 1 / 4, 9), f"another variant of it bought twice {words}"),
    ]
    assert [row[0] for row in rows(graph, "bought_after", customer_id="me", exclude=["shirt black"])] == ["shirt white"]
    assert [row[0] for row in rows(graph, "bought_after", customer_id="me", variants=1)] == ["shirt black"]


def test_popular_counts_purchases_of_the_last_days(graph: Graph, tmp_path: Path) -> None:
    bought = [("a", "x", 0), ("b", "x", 6), ("c", "x", 7), ("a", "y", 1), ("a", "z", 3), ("b", "z", 3), ("c", "z", 3)]
    load_folder(write_shop(tmp_path / "shop", bought), server=None, graph=graph)
    assert rows(graph, "popular") == [
        ("z", 3.0, "bought 3 times in the last 7 days"),
        ("x", 2.0, "bought twice in the last 7 days"),
        ("y", 1.0, "bought once in the last 7 days"),
    ]
    assert [row[0] for row in rows(graph, "popular", days=2)] == ["x", "y"]
    assert [row[0] for row in rows(graph, "popular", as_of="2020-09-20")] == ["z", "x", "y"]
    assert [row[0] for row in rows(graph, "popular", customer_id="b", new_only=True)] == ["y"]


PEOPLE: dict[str, tuple[int | None, str | None]] = {
    "me": (30, "ACTIVE"),
    "near": (33, "ACTIVE"),
    "old": (60, "ACTIVE"),
    "other": (30, "LEFT CLUB"),
    "unknown": (None, None),
}


def test_popular_in_segment_counts_only_customers_of_the_same_age_and_status(graph: Graph, tmp_path: Path) -> None:
    bought = [
        ("near", "x", 1),
        ("old", "y", 1),
        ("other", "y", 1),
        ("unknown", "y", 1),
        ("near", "z", 2),
        ("near", "z", 3),
        ("old", "v", 0),
    ]
    load_folder(write_shop(tmp_path / "shop", bought, customers=PEOPLE), server=None, graph=graph)
    assert rows(graph, "popular_in_segment", customer_id="me") == [
        ("z", 2.0, "bought twice by customers of about 30 in the last 7 days"),
        ("x", 1.0, "bought once by customers of about 30 in the last 7 days"),
    ]
    assert [row[0] for row in rows(graph, "popular_in_segment", customer_id="unknown")] == ["y", "z", "v", "x"]
    assert [row[0] for row in rows(graph, "popular_in_segment", customer_id="me", purchases=2)] == ["x"]


def test_by_attributes_weights_purchases_by_similarity(graph: Graph, tmp_path: Path) -> None:
    bought = [("near", "x", 1), ("old", "y", 0), ("other", "z", 1), ("unknown", "w", 1)]
    load_folder(write_shop(tmp_path / "shop", bought, customers=PEOPLE), server=None, graph=graph)
    found = rows(graph, "by_attributes", customer_id="me")
    likeness = {"x": 0.5 ** (3 / 5), "z": 0.5, "w": 0.5**2, "y": 0.5**6}
    assert [row[:2] for row in found] == [(article, round(value, 9)) for article, value in likeness.items()]


ARTICLES = {
    "trousers black": (1, 1, "Black"),
    "trousers white": (1, 1, "White"),
    "trousers unsold": (1, 1, "White"),
    "shirt black": (2, 2, "Black"),
    "shirt white": (2, 2, "White"),
    "socks": (3, 1, "White"),
}


def test_variants_are_sold_articles_of_bought_products(graph: Graph, tmp_path: Path) -> None:
    bought = [
        ("me", "trousers black", 41),
        ("you", "trousers white", 1),
        ("you", "shirt white", 1),
        ("you", "socks", 0),
    ]
    load_folder(write_shop(tmp_path / "shop", bought, articles=ARTICLES), server=None, graph=graph)
    assert rows(graph, "variants", customer_id="me") == [
        ("trousers white", round(0.5 * math.log(2), 9), "another Thing 1, which you bought, in White")
    ]


def test_popular_in_departments_weights_sales_by_taste(graph: Graph, tmp_path: Path) -> None:
    bought = [("me", "trousers black", 20), ("me", "socks", 20), ("me", "shirt black", 20)]
    bought += [
        ("you", "trousers white", 1),
        ("him", "shirt white", 1),
        ("her", "shirt white", 1),
        ("you", "shirt white", 1),
    ]
    load_folder(write_shop(tmp_path / "shop", bought, articles=ARTICLES), server=None, graph=graph)
    assert rows(graph, "popular_in_departments", customer_id="me") == [
        ("shirt white", 1.0, "bought 3 times in the last 7 days, in Department 2, where you buy"),
        ("trousers white", round(2 / 3, 9), "bought once in the last 7 days, in Department 1, where you buy"),
    ]


def test_new_arrivals_are_unsold_articles_of_the_customer_s_departments(graph: Graph, tmp_path: Path) -> None:
    bought = [
        ("me", "trousers black", 20),
        ("me", "socks", 20),
        ("me", "shirt black", 20),
        ("you", "trousers white", 1),
    ]
    load_folder(write_shop(tmp_path / "shop", bought, articles=ARTICLES), server=None, graph=graph)
    assert rows(graph, "new_arrivals", customer_id="me") == [
        ("trousers unsold", round(2 / 3, 9), "new in Department 1, where you buy"),
        ("shirt white", round(1 / 3, 9), "new in Department 2, where you buy"),
    ]
    assert rows(graph, "new_arrivals", customer_id="me", max_price=100.0) == []
    assert rows(graph, "new_arrivals", customer_id="me", in_season=1000) == []
    until = read_state(graph).until
    assert until is not None
    yesterday = until - dt.timedelta(days=1)
    found = graph.read("new_arrivals", customer_id="me", as_of=yesterday)
    assert set(found["article_id"]) == {"trousers unsold", "trousers white", "shirt white"}


def test_similar_by_attributes_needs_no_purchase_and_prefers_rare_attributes(graph: Graph, tmp_path: Path) -> None:
    bought = [("you", "socks", 1)]
    load_folder(write_shop(tmp_path / "shop", bought, articles=ARTICLES), server=None, graph=graph)
    product, department, white = math.log(6 / 3), math.log(6 / 4), math.log(6 / 4)
    assert [row[:2] for row in rows(graph, "similar_by_attributes", article_id="trousers unsold")] == [
        ("trousers white", round(product + department + white, 9)),
        ("trousers black", round(product + department, 9)),
        ("socks", round(department + white, 9)),
        ("shirt white", round(white, 9)),
    ]


def test_the_order_of_loading_changes_no_recommendation(graph: Graph, tmp_path: Path) -> None:
    write_small_journey(tmp_path, households=20)
    file = tmp_path / "transactions_train.csv"
    whole = pl.read_csv(file, infer_schema=False)
    names = sorted(q.name for q in load_catalogue().values() if q.folder == "recommend" and q.name != "gnn")

    def recommend_to_all() -> dict[tuple[str, str], tuple[list[str], list[float]]]:
        answers = {}
        for customer_id in customers:
            for name in names:
                wanted = {
                    "customer_id": customer_id,
                    "article_id": article_id,
                    "buyers": 15,
                    "pool": 30,
                    "candidates": 10,
                }
                given = {key: value for key, value in wanted.items() if key in load_catalogue()[name].parameters}
                found = graph.read(name, **given)
                answers[customer_id, name] = (list(found["article_id"]), list(found["score"]))
        return answers

    load_folder(tmp_path, server=None, graph=graph)
    customers = sorted(graph.read("customers_by_purchases", k=20)["customer_id"])[::4]
    article_id = whole["article_id"][0]
    first = recommend_to_all()
    graph.write("delete_graph")
    for part in (whole.filter(pl.col("t_dat") >= "2017-06-01").reverse(), whole.filter(pl.col("t_dat") < "2017-06-01")):
        part.write_csv(file)
        load_folder(tmp_path, server=None, graph=graph)
    second = recommend_to_all()
    assert sum(len(articles) for articles, _ in first.values()) > 0.75 * 12 * len(first)
    for key, (articles, scores) in first.items():
        assert second[key][0] == articles, key
        assert second[key][1] == pytest.approx(scores, rel=1e-9), key
