"""Graph to arrays: read purchases, customers, articles and their features.

In comes the graph; out come a `Subgraph` of arrays and frames, its kept copy on disk, and PyG's `HeteroData`.
"""
