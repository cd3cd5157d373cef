"""A platform's own resource types, decided by its Cedar policies."""

from beholden.backends.cedar.evaluator import CedarEvaluator
from beholden.backends.cedar.folder import read_folder

__all__ = ["CedarEvaluator", "read_folder"]
