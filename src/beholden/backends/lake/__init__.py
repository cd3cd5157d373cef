"""The lake: Delta tables over Parquet, read by DuckDB through Ibis."""
