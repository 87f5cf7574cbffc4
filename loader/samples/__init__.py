"""Sample data sets, written as H&M's three CSV files."""

from .journey import write_journey
from .sample_files import SampleReceipt
from .synthetic import write_synthetic

__all__ = ["SampleReceipt", "write_journey", "write_synthetic"]
