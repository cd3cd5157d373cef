"""The journeys for a terminal: parse, call, print; nothing that only a terminal can do."""
