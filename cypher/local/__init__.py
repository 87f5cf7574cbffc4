"""The local Neo4j: install it, start and stop it, back it up, and watch its disk.

In come a folder (`HMREC_HOME`) and settings; out come a running server's address and password, and backup files.
"""
