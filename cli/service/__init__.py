"""The HTTP service: the library's answers as JSON, and a page that shows them.

It takes HTTP requests and returns validated answers, cached while the graph stays the same, and Prometheus metrics.
"""
