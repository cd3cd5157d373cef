"""Archives and compressed streams, opened within bounds."""
