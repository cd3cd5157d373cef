"""Evidence is read in processes that can do nothing else: many of them, replaceable, on this host or on others."""
