"""What commands print: progress bars, tables and JSON, errors, and shell completion.

In come frames, progress and errors; out comes text without control characters, fit for a terminal or a pipe.
"""
