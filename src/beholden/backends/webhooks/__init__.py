"""Webhooks: posts to servers that others named."""

from beholden.backends.webhooks.poster import HttpPoster

__all__ = ["HttpPoster"]
