"""A lean receiving mail server: it writes down which letters arrived, for the demo, the tests and a measurement."""
