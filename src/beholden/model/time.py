"""Time: aware datetimes in UTC inside, microseconds since 1970 where bytes are written, RFC 3339 in text."""

from datetime import UTC, date, datetime, timedelta

DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(instant: datetime) -> int:
    """Microseconds since 1970-01-01T00:00Z. A naive datetime is a programming error."""
    assert instant.tzinfo is not None, "naive datetime"
    return (instant - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The aware datetime of a count of microseconds since 1970."""
    return _EPOCH + timedelta(0, 0, micros)


def whole_second(instant: datetime) -> datetime:
    """The second that has begun. Uses and ends of grants are recorded so: the gate keeps them in seconds."""
    return instant.replace(microsecond=0)


def text(instant: datetime) -> str:
    """RFC 3339 in UTC, to the microsecond only where there are any."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse(value: str) -> datetime:
    """Read RFC 3339; raises ValueError when it is not, or has no offset."""
    instant = datetime.fromisoformat(value)
    if instant.tzinfo is None:
        raise ValueError(f"no offset from UTC in {value!r}")
    return instant.astimezone(UTC)


def day_of(instant: datetime) -> date:
    """The UTC day in which an instant falls."""
    return instant.astimezone(UTC).date()
