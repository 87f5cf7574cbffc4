"""The py2neo objects, on the same server as the other tests."""

from __future__ import annotations

from hmrec.cypher.graph import Graph
from hmrec.cypher.ogm import Article, Customer, open_ogm
from hmrec.cypher.settings import ConnectionSettings

from tests.conftest import run_text


def test_customers_articles_and_purchases_are_objects(graph: Graph, connection: ConnectionSettings) -> None:
    run_text(
        graph,
        "CREATE (c:Customer {customer_id: '1', age: 40}), "
        "(c)-[:BOUGHT {t_dat: date('2020-09-01'), price: 0.02, quantity: 2}]->"
        "(:Article {article_id: '0108775015', prod_name: 'Strap top'}), "
        "(c)-[:BOUGHT {t_dat: date('2020-09-02'), price: 0.03, quantity: 1}]->"
        "(:Article {article_id: '0108775044', prod_name: 'Strap top black'})",
    )
    ogm = open_ogm(connection)
    customer = Customer.match(ogm, "1").first()
    assert customer.age == 40
    assert sorted(article.article_id for article in customer.bought) == ["0108775015", "0108775044"]
    bought = {article.prod_name: customer.bought.get(article, "quantity") for article in customer.bought}
    assert bought == {"Strap top": 2, "Strap top black": 1}
    article = Article.match(ogm, "0108775015").first()
    assert [buyer.customer_id for buyer in article.bought_by] == ["1"]
