"""Worlds that run: an example platform, a mail sink, and the story that the demo plays."""
