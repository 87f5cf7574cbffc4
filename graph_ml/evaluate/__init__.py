"""Evaluate recommenders on purchases held out, and report on a graph.

In come the graph or its export; out come tables of metrics by method, and pages that show them.
"""
