"""The local Neo4j: install it, start and stop it, back it up, and watch its disk.

Input: a folder (`HMREC_HOME`) and settings. Output: a running server's address and password, and backup files.
"""
