"""Convert an explanation to the graph that the web page draws."""

from __future__ import annotations

from typing import Any

from .answers import Drawing, Edge, Node

NEIGHBOURS, THROUGH = 8, 3  # neighbours, and shared articles of each: as many as `hmrec explain` prints


def draw_explanation(customer_id: str, article_id: str, parts: list[dict[str, Any]], name: str | None) -> Drawing:
    """Return nodes and edges for the largest parts of a score.

    The recommended article is a single node, even if neighbours were found through it.

    Parameters
    ----------
    customer_id, article_id : the customer and the recommended article.
    parts : rows of `explain`, the largest first.
    name : the article's name.
    """
    me, wanted = f"customer {customer_id}", f"article {article_id}"
    nodes = {
        me: Node(id=me, kind="customer", name=customer_id),
        wanted: Node(id=wanted, kind="article", name=name or article_id),
    }
    edges: dict[tuple[str, str], float] = {}

    def connect(source: str, target: str, part: float) -> None:
        edges[source, target] = edges.get((source, target), 0.0) + part

    for row in parts[:NEIGHBOURS]:
        if row["who"] == "own history":
            connect(me, wanted, row["part"])
            continue
        neighbour = f"customer {row['customer_id']}"
        nodes[neighbour] = Node(id=neighbour, kind="neighbour", name=row["customer_id"])
        connect(neighbour, wanted, row["part"])
        for shared in row["shared"][:THROUGH]:
            article = f"article {shared['article_id']}"
            share = row["part"] * shared["part"] / row["similarity"]
            name = shared["prod_name"] or shared["article_id"]
            nodes.setdefault(article, Node(id=article, kind="shared", name=name))
            connect(me, article, share)
            connect(neighbour, article, share)
    lines = [Edge(source=source, target=target, part=part) for (source, target), part in edges.items()]
    return Drawing(nodes=list(nodes.values()), edges=lines)
