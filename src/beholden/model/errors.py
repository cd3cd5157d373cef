"""Errors: one small tree. A refusal that the product foresees is a value with a reason, not one of these.

BeholdenError
  BadInput      what came from outside is malformed; says what to do      HTTP 400, exit 2
  NotFound      it names something that does not exist                    HTTP 404, exit 2
  NotAllowed    the caller did not show who they are, or may not          HTTP 401/403, exit 3
  Conflict      it was right once, the state has moved on                 HTTP 409, exit 1
  TooOften      the app asks more than it may; `seconds` says when again  HTTP 429, exit 3
  Unavailable   a store, a server, a disk did not answer                  HTTP 503, exit 3
  Damaged       what we wrote is not what we read                         HTTP 500, exit 1
"""

import math


class BeholdenError(Exception):
    """`message` says what is wrong in one sentence; `remedy` says what to do about it."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message if not remedy else f"{message} {remedy}")
        self.message = message
        self.remedy = remedy


class BadInput(BeholdenError):
    """What came from outside is malformed."""


class NotFound(BeholdenError):
    """It names something that does not exist."""


class NotAllowed(BeholdenError):
    """The caller did not show who they are, or is not one who may do this."""


class Conflict(BeholdenError):
    """It would have been right once; the state has moved on."""


class TooOften(BeholdenError):
    """More was asked than may be asked in the time; `seconds` until it may be again."""

    def __init__(self, seconds: float) -> None:
        self.seconds = max(1, math.ceil(seconds))
        super().__init__("The app asks too often.", f"Try again in {self.seconds} s.")


class Unavailable(BeholdenError):
    """A store, a server or a disk did not answer; nothing was done."""


class Damaged(BeholdenError):
    """What was read is not what was written."""
