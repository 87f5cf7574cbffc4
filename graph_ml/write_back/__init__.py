"""Models to graph: write embeddings, vector indexes, facts and versions, so that readers see one version, whole.

In come a `TrainedModel` and a ranker, or a version's number; out come properties on nodes and a (:Model) in force.
"""
