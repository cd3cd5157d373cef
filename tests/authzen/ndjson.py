"""Teaches schemathesis the one media type of ours that it does not know: lines of JSON."""

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def lines(ctx: object, value: object) -> bytes:
    """Whatever it made up, as the body."""
    return str(value).encode("utf-8", "replace")
