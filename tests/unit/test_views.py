"""Views and carts: the ranker learns from them where there are any, and is the same as before where there are none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hmrec.cypher.recommenders import Method
from hmrec.graph_ml.candidates.recently_viewed import recently_viewed
from hmrec.graph_ml.candidates.snapshot import Snapshot
from hmrec.graph_ml.export.subgraph import Subgraph, Views, to_date
from hmrec.graph_ml.holdout.metrics import average_precision
from hmrec.graph_ml.holdout.ranking import make_truth, mark_hits
from hmrec.graph_ml.holdout.split import WEEK, HoldOut, hold_out
from hmrec.graph_ml.ranker.context import RankingContext
from hmrec.graph_ml.ranker.fit import RankSettings, train_ranker
from hmrec.graph_ml.ranker.ranker import Ranker
from hmrec.graph_ml.ranker.sources import SOURCES, choose_sources

from tests.unit.purchases import make_subgraph

CUSTOMERS, ARTICLES, WEEKS = 150, 80, 10
QUICK = RankSettings(rounds=30, weeks=3, forests=1)
SOME = choose_sources(("own_repurchases", "recently_viewed", "user_based_cf", "popular"))
BEFORE = tuple(source for source in SOME if not source.needs_views)


def make_browsing(seed: int = 0) -> Subgraph:
    """Return weeks of customers who each buy two articles at random, and some of what they viewed or put into a cart.

    They view five articles a week at random, and put one of them into a cart. Of carts, 60 % are bought one to seven
    days later, and of other views 10 %.
    """
    random = np.random.default_rng(seed)
    bought, viewed = set[tuple[str, str, int]](), list[tuple[int, int, int, bool]]()
    for day in range(0, WEEKS * WEEK, WEEK):
        for customer in range(CUSTOMERS):
            for article in random.integers(ARTICLES, size=2):
                bought.add((f"c{customer:03}", f"a{article:02}", day + int(random.integers(WEEK))))
            for place, article in enumerate(random.permutation(ARTICLES)[:5].tolist()):
                then, is_cart = day + int(random.integers(WEEK)), place == 0
                viewed += [(customer, article, then, kind) for kind in ((False, True) if is_cart else (False,))]
                later = then + 1 + int(random.integers(WEEK))
                if random.random() < (0.6 if is_cart else 0.1) and later < WEEKS * WEEK:
                    bought.add((f"c{customer:03}", f"a{article:02}", later))
    subgraph = make_subgraph([*bought, ("c000", "a00", WEEKS * WEEK - 1)])
    assert (len(subgraph.customer_ids), len(subgraph.article_ids)) == (CUSTOMERS, ARTICLES)
    customer, article, time, is_cart = (np.array(column) for column in zip(*viewed, strict=True))
    return replace(subgraph, views=Views.of(customer, article, time.astype(np.int32), is_cart))


def learn(subgraph: Subgraph, sources: tuple[Method, ...] = SOME) -> Ranker:
    ranker = train_ranker(subgraph, None, QUICK, sources)
    assert ranker is not None
    return ranker


def measure(held: HoldOut) -> npt.NDArray[np.float64]:
    """Return the average precision at 12 of each customer of the week held out, by the ranker of the weeks before."""
    ranker, truth = learn(held.before), make_truth(held, new_only=False)
    context = RankingContext.of(held, None, choose_sources(ranker.sources, ranker.parameters))
    ranked = context.rank(ranker, truth.customers, 12, new_only=False)
    return average_precision(mark_hits(ranked, truth), truth.relevant)


def test_the_ranker_with_views_is_better_on_a_week_held_out() -> None:
    """The difference is at least five standard errors, and a third of what the ranker reaches without views."""
    held = hold_out(make_browsing())
    assert (held.before.views.time < held.before.time.max() + 1).all()
    known, unknown = measure(held), measure(replace(held, before=replace(held.before, views=Views.empty())))
    gain = known - unknown
    assert gain.mean() > 5 * gain.std() / np.sqrt(len(gain))
    assert gain.mean() > unknown.mean() / 3


@pytest.mark.parametrize("which", ["none", "only of the last week"])
def test_without_views_before_its_last_week_the_ranker_is_the_same_as_without_the_source(which: str) -> None:
    shop = make_browsing(1)
    views = shop.views if which != "none" else Views.empty()
    shop = replace(shop, views=views.where(views.time >= (WEEKS - 1) * WEEK))
    ranker = learn(shop)
    assert "recently_viewed" not in ranker.sources
    assert ranker.to_text() == learn(replace(shop, views=Views.empty()), BEFORE).to_text()


def test_a_ranker_trained_before_the_views_ranks_as_before() -> None:
    held = hold_out(make_browsing(2))
    ranker = learn(replace(held.before, views=Views.empty()))
    without = replace(held, before=replace(held.before, views=Views.empty()))
    everyone = np.arange(CUSTOMERS)
    one, other = (
        RankingContext.of(part, None, choose_sources(ranker.sources, ranker.parameters)) for part in (held, without)
    )
    assert (one.rank(ranker, everyone, 12, False) == other.rank(ranker, everyone, 12, False)).all()


def test_the_source_is_one_of_the_rankers() -> None:
    assert "recently_viewed" in [source.name for source in SOURCES]
    assert "recently_viewed" in learn(make_browsing()).sources


def test_parts_of_a_shop_keep_the_views_of_their_customers() -> None:
    shop = make_browsing()
    chosen = np.array([7, 3, 120])
    whole, part = Snapshot.of(shop, to_date(50)), Snapshot.of(shop.take(chosen), to_date(50))
    for other in (part, whole.take(chosen)):
        one, same = recently_viewed(whole, chosen), recently_viewed(other, np.arange(3))
        assert len(one.article)
        assert (one.article == same.article).all()
        assert (one.score == same.score).all()
    assert len(shop.before(50).views) == (shop.views.time < 50).sum()
    smaller = replace(shop.where(shop.article >= 40).where(slice(0, 500)), views=shop.views).without_isolated()
    named = {(smaller.customer_ids.id(c), smaller.article_ids.id(a)) for c, a in zip(
        smaller.views.customer.tolist(), smaller.views.article.tolist(), strict=True)}  # fmt: skip
    wanted = {(shop.customer_ids.id(c), shop.article_ids.id(a)) for c, a in zip(
        shop.views.customer.tolist(), shop.views.article.tolist(), strict=True)}  # fmt: skip
    assert named == {(c, a) for c, a in wanted if c in smaller.customer_ids and a in smaller.article_ids}
