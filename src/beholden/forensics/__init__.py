"""Evidence in, residual personal data out: scan, carve, match, report."""
