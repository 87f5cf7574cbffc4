"""The `hmrec` command."""
