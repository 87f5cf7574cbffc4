"""Terminal output of commands: progress bars, tables and JSON, errors, and shell completion.

Input: frames, progress and errors. Output: text without control characters, for a terminal or a pipe.
"""
