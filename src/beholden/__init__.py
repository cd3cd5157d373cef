"""Beholden keeps third-party apps beholden to the people whose data they hold."""

__version__ = "0.1.0"
