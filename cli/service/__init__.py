"""The HTTP service: the library's answers as JSON, and a page that shows them.

In come requests; out come validated answers, kept for as long as the graph is the same, and Prometheus' metrics.
"""
