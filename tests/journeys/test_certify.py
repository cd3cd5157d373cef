"""Certifications against a real ledger."""

import base64
import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from beholden.journeys import audit, certify
from beholden.model.act import Actor, ActorKind
from beholden.model.disclosure import Disclosure
from beholden.model.errors import BadInput, NotAllowed, NotFound
from beholden.model.ids import GrantId
from tests.conftest import House
from tests.journeys.court import ANNA, Scene, scene

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()


@pytest.fixture
def court(house: House) -> Scene:
    """Two of three people gave their own name and likes to the first app; one of them brought the third along."""
    made = scene(house)
    app, (a, b, c) = made.apps[0], made.people
    rows = [(a, a, ("name",)), (a, a, ("name", "likes")), (b, b, ("likes",)), (c, a, ("likes",)), (b, a, ("likes",))]
    made.engines.ledger.append(
        [
            Disclosure(
                app.number, app.developer, who, through, fields, "service", GrantId("grant_1"), house.clock.now()
            )
            for who, through, fields in rows
        ]
    )
    house.clock.advance(timedelta(days=10))
    return made


def document(**change: object) -> str:
    said: dict[str, object] = {
        "apps": ["quiz-1"],
        "categories": ["identity", "likes"],
        "signatory": "Jane Roe",
        "role": "Director",
        "statement": "All of it was destroyed.",
        "raw": "The files were destroyed.",
        "derived": "The scores were destroyed.",
        "backups": "The nightly backups were destroyed.",
        "recipients": "None.",
        "people_direct": 2,
        "people_indirect": 2,
        "records": 5,
        "deleted_on": "2026-01-10",
        "signed_on": "2026-01-11",
    }
    return json.dumps(said | change)


def signed(court: Scene, text: str) -> str:
    value = base64.b64encode(KEY.sign(certify.signed_bytes(text, court.developer.number))).decode()
    return json.dumps(json.loads(text) | {"signature": {"kind": "ed25519", "key": PUBLIC, "value": value}})


def codes(view: certify.CertificationView) -> list[str]:
    return [defect.code for defect in view.certification.defects]


def test_a_sound_statement_under_a_registered_key_has_no_defect(court: Scene) -> None:
    certify.register_key(court.engines, ANNA, court.developer.number, PUBLIC)
    view = certify.submit(court.engines, ANNA, signed(court, document()), developer=court.developer.number)
    assert codes(view) == []
    assert certify.view(court.engines, view.certification.id) == view


def test_a_key_that_was_ended_signs_no_more(court: Scene) -> None:
    number = court.developer.number
    certify.register_key(court.engines, court.actor, number, PUBLIC)
    certify.end_key(court.engines, court.actor, number, PUBLIC)
    view = certify.submit(court.engines, ANNA, signed(court, document()), developer=number)
    assert codes(view) == ["signature_invalid"]
    certify.register_key(court.engines, court.actor, number, PUBLIC)
    assert certify.keys(court.engines, number) == [], "an ended key does not come back"


def test_a_name_typed_in_the_session_signs_and_one_carried_in_does_not(court: Scene) -> None:
    own = certify.submit(court.engines, court.actor, document(), typed="Jane Roe")
    assert codes(own) == []
    carried = certify.submit(court.engines, ANNA, document(), developer=court.developer.number, typed="Jane Roe")
    assert codes(carried) == ["signature_invalid"]


def test_people_are_counted_once_each_direct_and_indirect_apart(court: Scene) -> None:
    for wrong in ({"people_direct": 3}, {"people_indirect": 1}, {"records": 4}):
        view = certify.submit(court.engines, court.actor, document(**wrong), typed="Jane Roe")
        assert codes(view) == ["counts_differ"]


def test_a_bad_certificate_comes_in_and_is_kept_with_what_is_wrong(court: Scene) -> None:
    bad = json.dumps({"apps": ["quiz-1"], "raw": "Deleted from storage under my direct or influential control."})
    view = certify.submit(court.engines, ANNA, bad, developer=court.developer.number)
    assert codes(view) == [
        "unsigned",
        "signatory_unnamed",
        "undated",
        "raw_only",
        "no_derivatives",
        "no_backups",
        "no_recipients",
        "category_left_out",
        "counts_missing",
        "hedged",
    ]
    assert certify.view(court.engines, view.certification.id).certification.defects == view.certification.defects


def test_a_case_holds_the_certification_and_its_apps_set_the_scope(court: Scene) -> None:
    case = audit.open_case(court.engines, ANNA, court.developer.number, ["quiz-2"], [], "x").case.id
    text = document(apps=["quiz-2"], categories=[], people_direct=0, people_indirect=0, records=0)
    view = certify.submit(court.engines, court.actor, text, case=case, typed="Jane Roe")
    assert codes(view) == []
    held = audit.case_view(court.engines, case)
    assert held.certifications == (view.certification,)
    assert held.case.history[-1].evidence == (f"certification:{view.certification.id}",)


def test_a_closed_case_still_takes_a_certification_and_its_history_stays(court: Scene) -> None:
    case = audit.open_case(court.engines, ANNA, court.developer.number, ["quiz-1"], [], "x").case.id
    closed = audit.decide_verdict(court.engines, ANNA, case, "benign", "x").case
    view = certify.submit(court.engines, court.actor, document(), case=case, typed="Jane Roe")
    held = audit.case_view(court.engines, case)
    assert held.certifications == (view.certification,) and held.case == closed


def test_law_12_the_ledger_has_the_digest_of_what_was_signed(court: Scene) -> None:
    view = certify.submit(court.engines, court.actor, document(), typed="Jane Roe")
    (act,) = [a for a in court.engines.ledger.acts() if a.verb == "certification:receive"]
    assert act.details["sha256"] == view.sha256 and act.seq == view.certification.entry
    assert act.actor == str(court.actor)


def test_data_given_after_the_claimed_deletion_is_noticed(court: Scene) -> None:
    view = certify.submit(court.engines, court.actor, document(deleted_on="2025-12-31"), typed="Jane Roe")
    assert codes(view) == ["before_last_disclosure"]


def test_linting_keeps_nothing(court: Scene) -> None:
    size = court.engines.ledger.size()
    defects = certify.lint_document(court.engines, ANNA, document(records=1), developer=court.developer.number)
    assert [d.code for d in defects] == ["unsigned", "counts_differ"]
    assert court.engines.ledger.size() == size and certify.list_certifications(court.engines) == []


def test_a_developer_speaks_for_themself_only(court: Scene) -> None:
    other = court.house.developer("Other Ltd")
    case = audit.open_case(court.engines, ANNA, court.developer.number, ["quiz-1"], [], "x").case.id
    stranger = Actor(ActorKind.DEVELOPER, str(other.number))
    with pytest.raises(NotAllowed):
        certify.submit(court.engines, stranger, document(), developer=court.developer.number)
    with pytest.raises(NotFound):
        certify.submit(court.engines, stranger, document(), case=case)
    with pytest.raises(NotAllowed):
        certify.register_key(court.engines, stranger, court.developer.number, PUBLIC)
    with pytest.raises(NotAllowed):
        certify.submit(court.engines, Actor(ActorKind.PERSON, "1"), document(), developer=court.developer.number)
    with pytest.raises(NotFound):
        certify.submit(court.engines, ANNA, document())
    with pytest.raises(BadInput):
        certify.register_key(court.engines, ANNA, court.developer.number, "rubbish")
