"""Sample data sets: Complete Journey, and a synthetic shop.

Input: a folder and a size. Output: H&M's three CSV files, and a receipt of their content.
"""

from .journey import write_journey
from .sample_files import SampleReceipt
from .synthetic import write_synthetic

__all__ = ["SampleReceipt", "write_journey", "write_synthetic"]
