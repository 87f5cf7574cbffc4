"""Data sets to start from: Complete Journey, and a synthetic shop.

In come a folder and a size; out come H&M's three CSV files, and a receipt of what they hold.
"""

from .journey import write_journey
from .sample_files import SampleReceipt
from .synthetic import write_synthetic

__all__ = ["SampleReceipt", "write_journey", "write_synthetic"]
