"""The gate beside its peers on the same questions."""
