"""Refusals: a no that the rules foresee, as a value with its reason."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """`code` is stable and for programs, `sentence` says what stands against it, `remedy` what can be done.

    `forbidden` tells "you may not" (law 10: another must) from "not now" (the state has moved on).
    """

    code: str
    sentence: str
    remedy: str = ""
    forbidden: bool = False
