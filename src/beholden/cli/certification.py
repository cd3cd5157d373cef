"""The commands of `beholden case` about certifications of deletion: take one in, lint one, keys, what to sign."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from beholden.cli.acting import NUMBER, open_as, operator_option, print_json
from beholden.cli.main import data_option, json_option
from beholden.journeys import certify
from beholden.model.errors import BadInput

_LONGEST_FILE = 400_000


def _document(file: Path) -> str:
    try:
        if file.stat().st_size > _LONGEST_FILE:
            raise BadInput(f"{file} is larger than {_LONGEST_FILE} bytes.", "A certification is a page or two.")
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{file} cannot be read ({error.strerror}).", "Check the path.") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{file} is not UTF-8.", "Save it as UTF-8.") from error


def _print_defects(defects: Sequence[certify.Defect]) -> None:
    for defect in defects:
        click.echo(f"{defect.code}: {defect.sentence}\n  ask: {defect.ask}")
    click.echo(f"{len(defects)} defects." if defects else "No defect: complete enough to be tested, proven by nothing.")


@click.command("certify")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--developer", type=NUMBER, help="Developer number; taken from the case when left out.")
@click.option("--case", help="The case that it belongs to.")
@operator_option
@data_option
@json_option
def certify_(
    file: Path,
    developer: int | None,
    case: str | None,
    operator: str,
    data: Path,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Take in a developer's certification of deletion (YAML or JSON) and keep it with its defects.

    Exit code 1 when it has any.
    """
    engines, actor = open_as(data, operator)
    view = certify.submit(engines, actor, _document(file), developer=developer, case=case)
    if as_json:
        print_json(asdict(view))
    else:
        click.echo(f"{view.certification.id}  sha256 {view.sha256}")
        _print_defects(view.certification.defects)
    if view.certification.defects:
        click.get_current_context().exit(1)


@click.command("lint")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--developer", type=NUMBER, help="Developer number; taken from the case when left out.")
@click.option("--case", help="The case that it belongs to.")
@operator_option
@data_option
@json_option
def lint(
    file: Path,
    developer: int | None,
    case: str | None,
    operator: str,
    data: Path,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Say what is wrong with a certification, and keep nothing. Exit code 1 when there is anything."""
    engines, actor = open_as(data, operator)
    defects = certify.lint_document(engines, actor, _document(file), developer=developer, case=case)
    if as_json:
        print_json([asdict(defect) for defect in defects])
    else:
        _print_defects(defects)
    if defects:
        click.get_current_context().exit(1)


@click.command("key")
@click.argument("key")
@click.option("--developer", required=True, type=NUMBER, help="Developer number.")
@click.option("--end", is_flag=True, help="No longer accept it.")
@operator_option
@data_option
def key_(key: str, developer: int, end: bool, operator: str, data: Path) -> None:  # noqa: FBT001
    """Register (or end) a developer's Ed25519 public key, 32 bytes in base64, shown to an operator in person."""
    engines, actor = open_as(data, operator)
    if end:
        certify.end_key(engines, actor, developer, key)
    else:
        certify.register_key(engines, actor, developer, key)
    click.echo("Ended." if end else "Registered.")


@click.command("signing-text")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--developer", required=True, type=NUMBER, help="Developer number.")
def signing_text(file: Path, developer: int) -> None:
    """Write the exact bytes that a developer's key must sign for a document to standard output."""
    click.echo(certify.signed_bytes(_document(file), developer), nl=False)


COMMANDS = (certify_, lint, key_, signing_text)
