"""Train GraphSAGE on an export of hmrec's: `python sage.py shop` writes vectors.npz."""

import sys

import numpy as np
import torch
from hmrec.graph_ml import load_export
from torch.nn.functional import logsigmoid
from torch_geometric import seed_everything, transforms
from torch_geometric.nn import HeteroConv, SAGEConv

DIM, STEPS, BATCH = 32, 200, 4096


class Sage(torch.nn.Module):
    def __init__(self, graph):
        super().__init__()
        nodes = {kind: torch.nn.Embedding(graph[kind].num_nodes, DIM) for kind in graph.node_types}
        self.nodes = torch.nn.ModuleDict(nodes)
        self.layer = HeteroConv({edge: SAGEConv((DIM, DIM), DIM) for edge in graph.edge_types})

    def forward(self, graph):
        x = {kind: nodes.weight for kind, nodes in self.nodes.items()}
        passed_on = self.layer(x, graph.edge_index_dict)
        return {kind: x[kind] + passed_on[kind] for kind in ("customer", "article")}


seed_everything(0)
data = load_export(sys.argv[1])
graph = transforms.ToUndirected()(data)  # adds edges from articles to customers, and from attributes to articles
bought = data["customer", "bought", "article"].edge_index
model = Sage(graph)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for _ in range(STEPS):
    x = model(graph)
    customer, article = bought[:, torch.randint(bought.shape[1], (BATCH,))]
    other = torch.randint(data["article"].num_nodes, (BATCH,))
    margin = (x["customer"][customer] * (x["article"][article] - x["article"][other])).sum(1)
    loss = -logsigmoid(margin).mean()  # BPR
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
with torch.no_grad():
    x = {kind: vectors.numpy() for kind, vectors in model(graph).items()}
ids = {f"{kind}_ids": np.array(list(data[kind].ids)) for kind in x}
np.savez("vectors.npz", customers=x["customer"], articles=x["article"], **ids)
print(f"loss {loss.item():.3f}")
