"""The `hmrec` command: one module per command, each of which parses, calls the library and prints.

Input: arguments and environment variables. Output: tables, JSON, files and an exit status.
"""
