"""A comparison engine: embedding tables trained by TorchRec, without the graph's structure.

Input: a `Subgraph`. Output: a `TrainedModel` that the rest of graph_ml uses like the network's.
"""
