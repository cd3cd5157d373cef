"""HTTP in, journey, HTTP or HTML out. No decision, no query."""
