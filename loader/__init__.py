"""Files to graph: load customers, articles and purchases, by bulk import or by stream.

In come the clean tables of `reading`; out come nodes, relationships, constraints and a report of what was loaded.
"""
