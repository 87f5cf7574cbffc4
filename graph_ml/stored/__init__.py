"""Store all customers' lists in the graph, as versions: from the lists of `Recommender.prepare_all` to `RECOMMENDED`.

Readers see one whole version, the previous or the new one.
"""
