"""Settings come from the data folder and the environment, and a mistake in either is one clear error."""

from dataclasses import fields
from pathlib import Path

import pytest

from beholden import settings
from beholden.model.errors import BadInput
from beholden.settings import Settings


def test_without_anything_the_embedded_default_holds(tmp_path: Path) -> None:
    read = settings.read({}, data=tmp_path)
    assert read == Settings(data=tmp_path)
    assert read.database_url == f"sqlite:///{tmp_path}/store.db"
    assert read.public_url == "http://127.0.0.1:8400"


def test_the_environment_wins_over_the_folder_and_the_command_line_over_both(tmp_path: Path) -> None:
    (tmp_path / "beholden.env").write_text("# ours\nBEHOLDEN_PORT=9000\nBEHOLDEN_SMTP_PORT = 2525\n")
    read = settings.read({"BEHOLDEN_PORT": "9100", "BEHOLDEN_DATA": "/elsewhere"}, data=tmp_path)
    assert (read.port, read.smtp_port, read.data) == (9100, 2525, tmp_path)


@pytest.mark.parametrize(
    ("environment", "file", "message"),
    [
        ({"BEHOLDEN_PORT": "80a"}, "", "BEHOLDEN_PORT='80a' is not a port number"),
        ({"BEHOLDEN_PORT": "70000"}, "", "is not a port number"),
        ({"BEHOLDEN_APP_BURST": "-1"}, "", "BEHOLDEN_APP_BURST='-1' is not a number"),
        ({"BEHOLDEN_GRANT_PER_SECOND": "9" * 30}, "", "is not a number"),
        ({"BEHOLDEN_URL": "ftp://x"}, "", "BEHOLDEN_URL='ftp://x' is not an http(s) address"),
        ({"BEHOLDEN_URL": "https://x.example/?a=b"}, "", "has a query or a fragment"),
        ({"BEHOLDEN_URL": "https://x.example/#top"}, "", "has a query or a fragment"),
        ({}, "BEHOLDEN_PROT=1", "line 1: 'BEHOLDEN_PROT' is not a setting"),
        ({}, "BEHOLDEN_DATA=/x", "line 1: 'BEHOLDEN_DATA' is not a setting"),
        ({}, "\nnonsense", "line 2: 'nonsense' is not a setting"),
    ],
)
def test_a_mistake_is_one_clear_error(tmp_path: Path, environment: dict[str, str], file: str, message: str) -> None:
    (tmp_path / "beholden.env").write_text(file)
    with pytest.raises(BadInput, match=r"[.]") as error:
        settings.read(environment, data=tmp_path)
    assert message in str(error.value)


def test_every_setting_is_in_the_reference() -> None:
    reference = (Path(__file__).parents[1] / "docs" / "reference.md").read_text(encoding="utf-8")
    for setting in fields(Settings):
        assert f"| `BEHOLDEN_{setting.name.upper()}` | {setting.metadata['help']}" in reference
