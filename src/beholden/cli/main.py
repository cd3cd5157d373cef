"""`beholden`: one command, its groups loaded only when they are used.

Exit codes: 0 done; 1 the answer is no (contradicted, refused, does not verify); 2 wrong use; 3 could not.
"""

import importlib
import sys
from pathlib import Path

import click

from beholden import __version__
from beholden.model.errors import BadInput, BeholdenError, Conflict, Damaged, NotFound

_COMMANDS = {
    "serve": ("serve", "run the server: gate, OAuth, pages, the log's tiles"),
    "serve-grpc": ("serve_grpc", "run Envoy's gRPC ext_authz service, where HTTP is not to be had"),
    "follow": ("follow", "keep this host's decision table true"),
    "work": ("work", "do what is due: publish, watch, deadlines, expiry, notices"),
    "bench": ("bench", "measure the gate beside baselines and peers"),
    "demo": ("demo", "play the 2018 story at 1:1000, then leave the pages up"),
    "examine": ("examine", "search disks, databases, backups for people's data"),
    "trace": ("trace", "which app did a dump found in the wild come from"),
    "ledger": ("ledger", "verify, list, prove and export what was disclosed"),
    "watch": ("watch", "find apps that look suspicious"),
    "case": ("case", "hold an app to account: RFI, verdict, ban, appeal"),
    "app": ("app", "developers, apps, reviews and contracts"),
    "person": ("person", "enrol people, what they chose, erase one"),
    "notice": ("notice", "tell everyone impacted, once"),
    "signal": ("signal", "tell receivers and apps of revocations and bans"),
    "policy": ("policy", "show the policy and the catalogue, put another in force"),
    "operator": ("operator", "operators and their sign-in links"),
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command = importlib.import_module(f"beholden.cli.{_COMMANDS[cmd_name][0]}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.command(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="beholden")
def beholden() -> None:
    """Keeps third-party apps beholden to the people whose data they hold."""


def data_option(function: click.decorators.FC) -> click.decorators.FC:
    """`--data DIR`, on every command that touches what is kept."""
    return click.option(
        "--data",
        type=click.Path(path_type=Path, file_okay=False),
        envvar="BEHOLDEN_DATA",
        default=Path("beholden-data"),
        show_default=True,
        help="Folder of the store, ledger and keys.",
    )(function)


def json_option(function: click.decorators.FC) -> click.decorators.FC:
    """`--json`, on everything that a script would read."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


def exit_code(error: BeholdenError) -> int:
    """The exit code that says what kind of no it was."""
    if isinstance(error, BadInput | NotFound):
        return 2
    return 1 if isinstance(error, Conflict | Damaged) else 3


def main() -> None:
    """The console entry point."""
    try:
        sys.exit(beholden(standalone_mode=False))
    except click.exceptions.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(3)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except BeholdenError as error:
        click.echo(f"beholden: {error}", err=True)
        sys.exit(exit_code(error))
    except BrokenPipeError:
        sys.exit(3)
