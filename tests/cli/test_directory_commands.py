"""`person`, `app`, `policy` and `operator`, as somebody types them."""

# ruff: noqa: E501 - a command and its sentence on one line is how these lists are read

import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from beholden.cli import main
from beholden.journeys import access
from beholden.model.act import ActorKind
from tests.certificates import Authority
from tests.conftest import EXAMPLES, House

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs one command on the house's data; its exit code and what it printed."""
    monkeypatch.setenv("BEHOLDEN_DATA", str(house.data))

    def command(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["beholden", *words])
        with pytest.raises(SystemExit) as ended:
            main.main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    assert command("operator", "add", "ines", "--name", "Ines", "--email", "ines@platform.example")[0] == 0
    return command


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text("outside_id,name,email\nanna,Anna,anna@x.example\nbert,Bert,\n", encoding="utf-8")
    return path


def test_people_are_imported_and_shown(run: Run, people: Path) -> None:
    assert run("person", "import", str(people)) == (0, "2 people read, 2 of them new.\n", "2 people written\n")
    assert json.loads(run("person", "import", str(people), "--json")[1]) == {"people": 2, "added": 0}
    shown = json.loads(run("person", "show", "anna", "--json")[1])
    assert (shown["number"], shown["apps"], shown["choices"]) == (1, [], [])
    assert "Person 2: Bert" in run("person", "show", "bert")[1]


def test_a_bad_import_names_every_line_and_exits_with_2(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("outside_id,name,email\nanna\nbert,Bert,\nx,,\n", encoding="utf-8")
    code, out, err = run("person", "import", str(path))
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "line 2: It has 1 columns instead of 3.",
        "line 4: The name must have 1 to 200 characters. Mend it.",
        "beholden: 2 lines cannot be used, the first is line 2: It has 1 columns instead of 3. Nothing was written. "
        "Mend them all.",
    ]
    assert run("person", "show", "bert")[0] == 2


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["person", "import", "none.csv"], 2, "none.csv cannot be read (No such file or directory)."),
        (["person", "import", "people.xml"], 2, "Say --format csv or jsonl."),
        (["person", "show", "nobody"], 2, "There is no person 'nobody'."),
        (["person", "choose", "nobody", "all", "--off", "--operator", "ines"], 2, "There is no person 'nobody'."),
        (["person", "erase", "nobody", "--operator", "ines", "--yes"], 2, "There is no person 'nobody'."),
        (["person", "erase", "--operator", "ines"], 2, "Name one person to erase, or say --finish."),
        (["app", "show", "nix"], 2, "There is no app 'nix'."),
        (["app", "add", "Quiz", "--developer", "7", "--redirect", "https://a.example/", "--need", "identity=p"], 2, "There is no developer 7."),
        (["app", "add", "Quiz", "--developer", "7", "--redirect", "https://a.example/", "--need", "identity"], 2, "'identity' is not CLUSTER=PURPOSE."),
        (["app", "developer", "add", "Acme", "nowhere"], 2, "cannot be used (not an address)"),
        (["app", "review", "approve", "review_nix", "--reason", "r", "--operator", "ines"], 2, "There is no review 'review_nix'."),
        (["app", "review", "approve", "review_nix", "--reason", "r", "--operator", "nobody"], 2, "There is no operator 'nobody'."),
        (["policy", "use", "none.yaml", "--operator", "ines"], 2, "none.yaml cannot be read"),
        (["policy", "check", "/dev/null"], 2, "The policy must be a mapping"),
        (["policy", "catalogue", "check", "/dev/null"], 2, "The catalogue must be a mapping"),
        (["operator", "add", "ines", "--name", "I", "--email", "i@p.example"], 1, "There is an operator 'ines' already."),
        (["operator", "link", "nobody"], 2, "There is no operator 'nobody'."),
        (["operator", "platform-key", "revoke", "key_nix"], 2, "No key 'key_nix' holds."),
    ],
)  # fmt: skip
def test_wrong_use_is_one_clear_sentence(run: Run, words: list[str], code: int, said: str) -> None:
    found, out, err = run(*words)
    assert (found, out) == (code, "")
    assert said in err
    assert len(err.strip().splitlines()) == 1
    assert "Traceback" not in err


def test_a_switch_is_turned_and_its_history_kept(run: Run, people: Path) -> None:
    run("person", "import", str(people))
    for word in ("--off", "--on"):
        assert run("person", "choose", "anna", "cluster", "likes", word, "--operator", "ines")[0] == 0
    history = json.loads(run("person", "choices", "anna", "--json")[1])
    assert [(c["scope"], c["target"], c["sharing"], c["origin"]) for c in history] == [
        ("cluster", "likes", False, "operator"),
        ("cluster", "likes", True, "operator"),
    ]
    assert run("person", "choices", "anna")[1].count("cluster likes") == 2
    assert len(json.loads(run("person", "show", "anna", "--json")[1])["choices"]) == 1


def test_a_person_is_erased_and_is_then_unknown(run: Run, people: Path) -> None:
    run("person", "import", str(people))
    (done,) = json.loads(run("person", "erase", "anna", "--operator", "ines", "--yes", "--json")[1])
    assert done["ticket"]
    assert run("person", "show", "anna")[0] == 2
    assert json.loads(run("person", "erase", "--finish", "--operator", "ines", "--json")[1]) == []


def test_an_app_goes_from_registration_over_review_to_contract(run: Run, tmp_path: Path) -> None:
    number = json.loads(run("app", "developer", "add", "Acme", "dev@acme.example", "--json")[1])["number"]
    words = ["--developer", str(number), "--redirect", "https://a.example/b", "--client-id", "quiz"]
    words += ["--need", "identity=log in", "--ask", "likes=a quiz", "--ask-through", "likes=a quiz"]
    made = json.loads(run("app", "add", "Quiz", *words, "--json")[1])
    assert [(a["cluster"], a["required"], a["through"]) for a in made["asks"]] == [
        ("identity", True, False),
        ("likes", False, False),
        ("likes", False, True),
    ]
    asked = run("app", "review", "request", "quiz", "likes", "a quiz", "--operator", "ines")[1].strip()
    assert run("app", "review", "approve", asked, "--reason", "fine", "--operator", "ines")[0] == 0
    (tmp_path / "terms.txt").write_text("You will not sell it.", encoding="utf-8")
    sign = ["--signatory", "A. Person", "--terms", str(tmp_path / "terms.txt"), "--operator", "ines"]
    assert run("app", "contract", "sign", "quiz", "likes", *sign)[0] == 0
    assert run("app", "verify", "quiz", "--operator", "ines")[0] == 0
    shown = json.loads(run("app", "show", "quiz", "--json")[1])
    assert shown["verified"]
    assert [r["state"] for r in shown["reviews"]] == ["approved"]
    assert [c["cluster"] for c in shown["contracts"]] == ["likes"]
    (view,) = json.loads(run("app", "review", "list", "--state", "approved", "--json")[1])
    assert (view["id"], view["signed"], view["decided_by"]) == (asked, True, "ines")
    assert run("app", "review", "refuse", asked, "--reason", "no longer", "--operator", "ines")[0] == 0
    assert json.loads(run("app", "review", "lapse", "--json")[1]) == []
    assert json.loads(run("app", "list", "--json")[1]) == [json.loads(run("app", "show", "quiz", "--json")[1])]
    for words in (["app", "list"], ["app", "show", "quiz"], ["app", "review", "list"], ["app", "developer", "list"]):
        code, out, _ = run(*words)
        assert code == 0
        assert "quiz" in out or "Acme" in out


def test_a_policy_is_checked_and_put_in_force_and_says_what_changes(run: Run) -> None:
    then = str(EXAMPLES / "policy-2014.yaml")
    assert json.loads(run("policy", "check", then, "--json")[1])["inactivity_days"] is None
    code, out, _ = run("policy", "use", then, "--operator", "ines")
    assert code == 0
    assert "In force: as of 2014." in out
    assert '  indirect: "opt_in" -> "opt_out"' in out
    assert json.loads(run("policy", "show", "--json")[1])["name"] == "as of 2014"
    assert "inactivity_days: null" in run("policy", "show")[1]


@pytest.mark.parametrize(
    ("which", "file"), [("catalogue", "catalogue"), ("policy", "policy-today"), ("policy-2014", "policy-2014")]
)
def test_the_examples_that_are_printed_are_the_ones_in_the_folder(run: Run, which: str, file: str) -> None:
    assert run("policy", "example", which) == (0, (EXAMPLES / f"{file}.yaml").read_text(encoding="utf-8"), "")


def test_the_catalogue_is_shown_and_checked_alike(run: Run) -> None:
    shown, checked = (
        run("policy", "catalogue", "show"),
        run("policy", "catalogue", "check", str(EXAMPLES / "catalogue.yaml")),
    )
    assert shown == checked
    assert "religion_politics" in shown[1]
    assert len(json.loads(run("policy", "catalogue", "show", "--json")[1])["clusters"]) == 7


def test_a_printed_link_signs_its_operator_in(run: Run, house: House) -> None:
    url = run("operator", "link", "ines")[1].strip()
    assert url.startswith(house.engines.url)
    found = access.redeem_link(house.engines, url.partition("?token=")[2])
    assert found is not None
    assert (found.kind, found.id) == (ActorKind.OPERATOR, "ines")


def test_a_platform_key_is_printed_once_and_works(run: Run, house: House) -> None:
    code, secret, told = run("operator", "platform-key", "add", "public api")
    assert code == 0
    assert "It is not kept" in told
    assert access.check_platform_key(house.engines, secret.strip()) == "public api"
    (listed,) = json.loads(run("operator", "platform-key", "list", "--json")[1])
    assert run("operator", "platform-key", "revoke", listed["id"])[0] == 0
    assert access.check_platform_key(house.engines, secret.strip()) is None
    assert "revoked" in run("operator", "platform-key", "list")[1]


def test_a_platform_key_is_rotated_and_listed_with_its_end_and_its_use(run: Run, house: House) -> None:
    old = run("operator", "platform-key", "add", "gateway")[1].strip()
    code, new, _ = run("operator", "platform-key", "rotate", "gateway", "--overlap-hours", "2")
    assert code == 0
    assert {access.check_platform_key(house.engines, key) for key in (old, new.strip())} == {"gateway"}
    first, second = json.loads(run("operator", "platform-key", "list", "--json")[1])
    assert {key["ends"] for key in (first, second)} == {"2026-01-01T02:00:00Z", None}
    assert all(key["holds"] and key["kind"] == "secret" and key["last_used"] for key in (first, second))
    house.clock.advance(timedelta(hours=2))
    listed = run("operator", "platform-key", "list")[1]
    assert "ended" in listed
    assert "holds" in listed
    assert access.check_platform_key(house.engines, old) is None


def test_a_certificate_is_registered_like_a_key(run: Run, house: House, tmp_path: Path) -> None:
    pair = Authority(tmp_path).issue("gateway")
    assert run("operator", "platform-key", "add", "gateway", "--certificate", str(pair.certificate))[0] == 0
    assert access.check_platform_certificate(house.engines, pair.certificate.read_bytes()) == "gateway"
    assert "certificate" in run("operator", "platform-key", "list")[1]


def test_operators_are_listed_and_removed(run: Run) -> None:
    assert run("operator", "remove", "ines")[0] == 0
    assert json.loads(run("operator", "list", "--json")[1])[0]["removed"]
    assert "removed" in run("operator", "list")[1]


@pytest.mark.parametrize(
    ("harm", "code", "said"),
    [
        (lambda data: (data / "store.db").write_bytes(b"Dear diary, " * 500), 1, "is damaged"),
        (lambda data: (data / "store.db").unlink(), 1, "has entries, but its database has nothing"),
        (lambda data: (data / "beholden.env").write_text("BEHOLDEN_CATALOGUE=none.yaml\n"), 2, "cannot be read"),
    ],
)
def test_a_damaged_data_folder_is_one_clear_sentence_and_no_traceback(
    house: House, harm: Callable[[Path], object], code: int, said: str
) -> None:
    access.add_operator(house.engines, "ines", "Ines", "ines@platform.example")
    house.engines.store.close()
    for beside in house.data.glob("store.db-*"):
        beside.unlink()
    harm(house.data)
    words = [str(Path(sys.executable).parent / "beholden"), "operator", "list", "--data", str(house.data)]
    for _ in range(2):  # the second start is not fooled by what the first one left
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        assert done.returncode == code
        assert said in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


def test_a_route_catalogue_is_checked_beside_the_data_catalogue(run: Run, tmp_path: Path) -> None:
    code, told, _ = run("policy", "routes", str(EXAMPLES / "gateways" / "routes.yaml"))
    assert code == 0
    assert re.search(r"GET +/profile +name, email, birthday for service \(in part\)", told)
    assert re.search(r"GET +/status +open", told)
    wrong = tmp_path / "routes.yaml"
    wrong.write_text("routes: [{path: /x, methods: [GET], person: granting, fields: [shoe_size], purpose: p}]")
    code, _, told = run("policy", "routes", str(wrong))
    assert (code, told) == (
        2,
        "beholden: route 1 (/x): the data catalogue has no field 'shoe_size'. Name what the route returns.\n",
    )


def test_a_route_catalogue_that_is_wrong_stops_every_command(run: Run, house: House) -> None:
    (house.data / "routes.yaml").write_text("routes: []")
    code, _, told = run("operator", "list")
    assert code == 2
    assert "'routes' must be a list" in told


def test_the_oauth_terms_of_an_app_are_shown_and_changed(run: Run, house: House, tmp_path: Path) -> None:
    house.app(client_id="quiz")
    assert json.loads(run("app", "oauth", "quiz", "--json")[1]) == {
        "push": False,
        "dpop": False,
        "manages": False,
        "keys": 0,
    }
    keys = tmp_path / "keys.json"
    public = ECKey.generate_key("P-256").as_dict(private=False)
    keys.write_text(json.dumps({"keys": [public]}), encoding="utf-8")
    said = run("app", "oauth", "quiz", "--push", "--dpop", "--grants", "--keys", str(keys), "--by", "ines")
    assert said[0] == 0 and said[1].splitlines() == [
        "Requests must be pushed.",
        "Tokens must be bound to a key.",
        "It may manage grants.",
        "It signs with one of 1 keys.",
    ]
    act = list(house.engines.ledger.acts())[-1]
    assert (act.verb, act.details["keys"]) == ("app:oauth", 1) and "ines" in act.actor
    changed = json.loads(run("app", "oauth", "quiz", "--no-dpop", "--no-keys", "--json")[1])
    assert changed == {"push": True, "dpop": False, "manages": True, "keys": 0}


def test_keys_that_cannot_be_used_change_nothing(run: Run, house: House, tmp_path: Path) -> None:
    house.app(client_id="quiz")
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": [ECKey.generate_key("P-256").as_dict(private=True)]}), encoding="utf-8")
    code, _, err = run("app", "oauth", "quiz", "--push", "--keys", str(keys))
    assert code == 2 and "without their private parts" in err
    assert run("app", "oauth", "nobody")[0] == 2
    assert run("app", "oauth", "quiz", "--keys", str(keys), "--no-keys")[0] == 2
    assert json.loads(run("app", "oauth", "quiz", "--json")[1])["push"] is False
