"""The `hmrec` command: one module a command, each of which parses, calls the library and prints.

In come arguments and environment variables; out come tables, JSON, files and an exit status.
"""
