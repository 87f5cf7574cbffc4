"""A recommender in a Neo4j graph: `import hmrec` and call functions named like the commands.

    with hmrec.connect() as graph:
        hmrec.recommend(graph, "1453", k=5).articles

Importing it takes milliseconds: each name is imported at its first use, and PyTorch only by functions that train.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cypher.errors import HmrecError as HmrecError
    from .cypher.graph import Graph as Graph
    from .graph_ml.api import load as load
    from .graph_ml.api import recommend as recommend
    from .graph_ml.api import recommend_all as recommend_all
    from .graph_ml.api import train as train
    from .graph_ml.evaluate.evaluation import evaluate as evaluate
    from .graph_ml.recommend import Recommender as Recommender
    from .graph_ml.recommend import Request as Request
    from .loader.connect import connect as connect

    __version__: str

_MODULES = {
    "connect": ".loader.connect",
    "load": ".graph_ml.api",
    "train": ".graph_ml.api",
    "recommend": ".graph_ml.api",
    "recommend_all": ".graph_ml.api",
    "evaluate": ".graph_ml.evaluate.evaluation",
    "Graph": ".cypher.graph",
    "HmrecError": ".cypher.errors",
    "Recommender": ".graph_ml.recommend",
    "Request": ".graph_ml.recommend",
}

__all__ = [
    "Graph",
    "HmrecError",
    "Recommender",
    "Request",
    "__version__",
    "connect",
    "evaluate",
    "load",
    "recommend",
    "recommend_all",
    "train",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("hmrec")
    if name in _MODULES:
        return getattr(import_module(_MODULES[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
