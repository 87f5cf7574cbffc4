"""Recommend: for one customer from the graph, or for all of them in memory.

In come a customer or a file to write, a method and filters; out come articles with scores and reasons, or every list.
"""
