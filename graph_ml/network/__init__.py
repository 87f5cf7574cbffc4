"""The graph neural network: its model, losses, training by one or several processes, and its file.

In comes a `Subgraph`; out comes a `TrainedModel` with embeddings of all customers and articles, or its bytes.
"""
