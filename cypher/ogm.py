"""Customer, Article and BOUGHT as py2neo objects, for notebooks (the extra `hmrec[py2neo]`).

py2neo's last release is from 2021 and its project has ended, so nothing else in hmrec depends on it. It speaks bolt://
to a single server; use `hmrec.cypher.graph.Graph` for clusters and Aura.

    from hmrec.cypher.ogm import Customer, open_ogm
    graph = open_ogm()
    customer = Customer.match(graph, "1").first()
    for article in customer.bought:
        print(article.prod_name, customer.bought.get(article, "t_dat"))
"""

from __future__ import annotations

from typing import Any

from .errors import HmrecError
from .settings import ConnectionSettings

try:
    from py2neo import Graph as Py2neoGraph
    from py2neo.ogm import Model, Property, RelatedFrom, RelatedTo
except ImportError as error:
    raise HmrecError("py2neo is not installed.", "Install it with: pip install 'hmrec[py2neo]'") from error


class Article(Model):  # type: ignore[misc]  # py2neo has no types
    """An article; `bought_by` are its customers."""

    __primarykey__ = "article_id"

    article_id = Property()
    product_code = Property()
    prod_name = Property()
    product_type_name = Property()
    product_group_name = Property()
    colour_group_name = Property()
    department_name = Property()
    index_group_name = Property()
    section_name = Property()
    garment_group_name = Property()
    detail_desc = Property()
    available = Property()
    available_from = Property()
    available_until = Property()
    stock = Property()

    bought_by = RelatedFrom("Customer", "BOUGHT")


class Customer(Model):  # type: ignore[misc]
    """A customer. `bought` are the articles, each once, with the properties of one purchase."""

    __primarykey__ = "customer_id"

    customer_id = Property()
    FN = Property()
    Active = Property()
    club_member_status = Property()
    fashion_news_frequency = Property()
    age = Property()
    postal_code = Property()

    bought = RelatedTo(Article, "BOUGHT")


def open_ogm(settings: ConnectionSettings | None = None) -> Any:
    """Open a py2neo `Graph` on the server that hmrec uses.

    Parameters
    ----------
    settings : the connection; None takes NEO4J_URI or the local server, as `Graph.connect` does.

    Returns
    -------
    py2neo.Graph
    """
    settings = settings or ConnectionSettings()
    if not settings.uri:
        from .local.server import LocalServer

        settings = LocalServer().connection()
    return Py2neoGraph(
        settings.uri,
        auth=(settings.username, settings.password.get_secret_value()),
        name=settings.database,
    )
