"""Evaluate recommenders on purchases held out, and report on a graph.

Input: the graph or its export. Output: tables of metrics by method, and pages that show them.
"""
