"""docs/authzen.md does what it says: its files are read, its commands are run, its answers are the answers."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from beholden.journeys.access import add_platform_key
from beholden.journeys.evaluate import ResourceTypes
from beholden.model.app import Ask
from beholden.web import app as web_app
from tests.web.live import serving

PAGE = (Path(__file__).parents[2] / "docs" / "authzen.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
FILES = {"yaml": "types.yaml", "cedar": "policies.cedar", "entities": "entities.json"}


@pytest.fixture
def environment(house, tmp_path) -> Iterator[dict[str, str]]:
    """A gate with the page's policies and two people who granted the quiz their names."""
    from dataclasses import replace

    from beholden.backends.cedar import read_folder

    pytest.importorskip("cedarpy", reason="resource types of one's own need the extra `cedar`")
    (tmp_path / "cedar").mkdir()
    for kind, text in BLOCKS:
        if kind in FILES:
            (tmp_path / "cedar" / FILES[kind]).write_text(text, encoding="utf-8")
    quiz = house.app(client_id="quiz", asks=(Ask("identity", "service"),))
    for person in house.people(["u17", "u18"]):
        house.grant(person, quiz, ("name",))
    key = add_platform_key(house.engines, "docs").secret
    engines = replace(house.engines, resource_types=ResourceTypes([read_folder(tmp_path / "cedar")]))
    with serving(web_app.create(engines, house.settings)) as url:
        yield {"GATE": url, "KEY": key, "PATH": "/usr/bin:/bin:/usr/local/bin"}


def unstable(value: object) -> object:
    """What changes from run to run as the page writes it."""
    if isinstance(value, dict):
        return {k: "…" if k in {"valid_until", "next_token"} and v else unstable(v) for k, v in value.items()}
    return [unstable(one) for one in value] if isinstance(value, list) else value


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page's commands need curl")
def test_every_command_of_the_page_has_the_answer_that_stands_below_it(environment) -> None:
    commands = [n for n, (kind, _) in enumerate(BLOCKS) if kind == "sh"]
    assert len(commands) >= 6
    for n in commands:
        (_, command), (kind, answer) = BLOCKS[n], BLOCKS[n + 1]
        assert kind == "json"
        ran = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True, timeout=30)
        assert ran.returncode == 0, ran.stderr
        assert unstable(json.loads(ran.stdout)) == json.loads(answer), command
