"""Tables in Parquet files, for whoever wants to count for themselves."""

from beholden.backends.parquet.table import ParquetTable

__all__ = ["ParquetTable"]
