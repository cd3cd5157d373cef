"""The words everyone shares, and the facts that one stage tells the next."""
