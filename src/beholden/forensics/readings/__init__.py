"""Values written inside other bytes: every way of reading them, and the way back to the place."""
