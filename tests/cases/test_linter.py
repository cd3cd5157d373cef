"""The linter: for each defect a statement that has it, and one that does not; nothing more is ever reported."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from beholden.cases.certification import SignatureState, Statement
from beholden.cases.linter import Given, lint

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
GIVEN = Given(
    apps=frozenset({"quiz", "poll"}),
    exposed=frozenset({"quiz"}),
    clusters=frozenset({"identity", "likes"}),
    direct=270,
    indirect=86_730,
    records=87_000,
    last_at=datetime(2026, 2, 10, 8, tzinfo=UTC),
)
SOUND = Statement(
    apps=("quiz",),
    categories=("identity", "likes"),
    signatory="Jane Roe",
    role="Director",
    statement="All data that the app received was destroyed, with everything made from it.",
    raw="The received files and the tables of the production database were destroyed.",
    derived="The personality scores and the model trained on them were destroyed.",
    backups="The nightly backups of January and February and the test copy were destroyed on 20 February.",
    recipients="None: the data was passed on to nobody.",
    people_direct=270,
    people_indirect=86_730,
    records=87_000,
    deleted_on=date(2026, 2, 20),
    signed_on=date(2026, 2, 21),
)


def codes(statement: Statement, signature: SignatureState = SignatureState.VALID, given: Given = GIVEN) -> list[str]:
    return [defect.code for defect in lint(statement, signature, given, NOW)]


def test_a_sound_statement_has_no_defect() -> None:
    assert codes(SOUND) == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"deleted_on": None}, ["undated"]),
        ({"signed_on": None}, ["undated"]),
        ({"deleted_on": None, "signed_on": None}, ["undated"]),
        ({"signed_on": date(2026, 3, 2)}, ["in_the_future"]),
        ({"signed_on": date(2026, 3, 1)}, []),
        ({"signed_on": date(2026, 2, 19)}, ["signed_before_deletion"]),
        ({"signed_on": date(2026, 2, 20)}, []),
        ({"deleted_on": date(2026, 2, 9)}, ["before_last_disclosure"]),
        ({"deleted_on": date(2026, 2, 10)}, []),
        ({"signatory": ""}, ["signatory_unnamed"]),
        ({"role": ""}, ["signatory_unnamed"]),
        ({"raw": ""}, ["no_raw"]),
        ({"derived": ""}, ["no_derivatives"]),
        ({"backups": "n/a"}, ["no_backups"]),
        ({"recipients": "N/A."}, ["no_recipients"]),
        ({"recipients": "None."}, []),
        (
            {"derived": "", "backups": "-", "recipients": "tbd"},
            ["raw_only", "no_derivatives", "no_backups", "no_recipients"],
        ),
        ({"apps": ("quiz", "other")}, ["wrong_app"]),
        ({"apps": ("quiz", "poll")}, []),
        ({"apps": ()}, ["app_left_out"]),
        ({"categories": ("identity",)}, ["category_left_out"]),
        ({"categories": ("identity", "likes", "birthday")}, []),
        ({"people_direct": None}, ["counts_missing"]),
        ({"people_direct": 269}, ["counts_differ"]),
        ({"people_indirect": 0}, ["counts_differ"]),
        ({"records": 87_001}, ["counts_differ"]),
        ({"people_direct": None, "records": 1}, ["counts_missing", "counts_differ"]),
    ],
)
def test_each_defect_is_found_where_it_is_and_nowhere_else(change: dict[str, object], found: list[str]) -> None:
    assert codes(replace(SOUND, **change)) == found  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "found"),
    [
        (SignatureState.VALID, []),
        (SignatureState.UNSIGNED, ["unsigned"]),
        (SignatureState.INVALID, ["signature_invalid"]),
    ],
)
def test_the_signature_is_judged(state: SignatureState, found: list[str]) -> None:
    assert codes(SOUND, state) == found


@pytest.mark.parametrize(
    "phrase",
    [
        "destroyed from storage that is under my direct or influential control",
        "All copies UNDER OUR DIRECT CONTROL were destroyed",
        "To the best of my knowledge all copies were destroyed",
        "As far as we are aware nothing remains",
        "We made commercially reasonable efforts",
        "Copies were destroyed where possible",
        "We believe that nothing remains",
        "Backups should have been overwritten",
        "Substantially all records were destroyed",
        "to the  best\nof our ability",
    ],
)
def test_hedges_are_quoted(phrase: str) -> None:
    assert codes(replace(SOUND, statement=phrase)) == ["hedged"]
    assert codes(replace(SOUND, backups=phrase)) == ["hedged"]


@pytest.mark.parametrize(
    "phrase", ["The controls were tested.", "All of it was destroyed.", "It was destroyed as far north as Oslo."]
)
def test_plain_words_are_no_hedge(phrase: str) -> None:
    assert codes(replace(SOUND, statement=phrase)) == []


def test_the_certificate_of_2016_has_the_defects_that_it_had() -> None:
    statement = Statement(
        apps=("quiz",),
        signatory="A. Director",
        role="Chief executive",
        raw="The raw data has been accounted for and permanently deleted and destroyed from both active and redundant "
        "storage that is under my direct or influential control.",
    )
    assert codes(statement) == [
        "undated",
        "raw_only",
        "no_derivatives",
        "no_backups",
        "no_recipients",
        "category_left_out",
        "counts_missing",
        "hedged",
    ]


def test_the_developer_is_never_told_what_the_ledger_holds() -> None:
    wrong = replace(SOUND, people_direct=1, people_indirect=2, records=3, apps=(), categories=())
    for defect in lint(wrong, SignatureState.INVALID, GIVEN, NOW):
        for secret in ("270", "86,730", "87,000", "86730", "87000", "quiz", "likes"):
            assert secret not in defect.ask


def test_an_app_that_was_given_nothing_need_not_be_named() -> None:
    nothing = Given(frozenset({"quiz"}), frozenset(), frozenset(), 0, 0, 0, None)
    statement = replace(SOUND, people_direct=0, people_indirect=0, records=0)
    assert codes(statement, given=nothing) == []
    assert codes(replace(statement, apps=(), categories=()), given=nothing) == []
