"""Load customers, articles and purchases into the graph, by bulk import or by stream.

Input: the clean tables of `reading`. Output: nodes, relationships, constraints and a report of what was loaded.
"""
