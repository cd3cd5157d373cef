"""A standing written as enforcement would."""

from typing import Any

from beholden.backends.sql.directory import standings


def ban(house: Any, kind: str, number: int) -> None:
    """Ban an app or a developer, now."""
    with house.engines.store.engine.begin() as connection:
        row = {"kind": kind, "number": number, "standing": "banned", "sanction": "sanction_test"}
        connection.execute(standings.insert().values(**row, since=house.clock.now()))
