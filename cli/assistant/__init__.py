"""The MCP server: hmrec's reading functions as tools of an assistant.

In come an open graph and an assistant's calls; out go rows with a note, never more than `limits.py` allows.
"""
