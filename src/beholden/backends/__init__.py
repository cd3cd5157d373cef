"""One folder a product that fulfils the ports, each in its native way; strangers to each other."""
