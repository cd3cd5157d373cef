"""Who must be told what, in which words and waves, and that nobody is told twice."""
