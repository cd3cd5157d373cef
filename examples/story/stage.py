"""The stage: the data folder, the clock, the processes, and the two operators' own access to the house."""

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from beholden import bootstrap, settings
from beholden.backends.host.clock import FileClock
from beholden.journeys import access, enrol
from beholden.journeys.ports import Engines
from beholden.model.act import Actor, ActorKind
from examples.platform.world import World, world, world_of_graph
from examples.story.processes import ROOT, Processes, free_port

OPENING = datetime(2014, 6, 1, 9, tzinfo=UTC)
MARKER = "this-is-a-demo"
PASSWORD = "synthetic"  # noqa: S105 - the password of everybody who is made up
INES = Actor(ActorKind.OPERATOR, "ines")
OMAR = Actor(ActorKind.OPERATOR, "omar")


class CannotStart(Exception):
    """Something is in the way; says what to do."""


@dataclass(frozen=True)
class Plan:
    """What the command line asked for."""

    data: Path
    people: int
    installers: int
    seed: int
    graph: Path | None
    port: int = 8400


@dataclass
class Stage:
    """Everything that the beats act with."""

    plan: Plan
    world: World
    clock: FileClock
    engines: Engines
    processes: Processes
    beholden: str
    platform: str
    mail: Path
    figures: dict[str, Any] = field(default_factory=dict)

    def command(self, *arguments: str, expect: tuple[int, ...] = (0,)) -> str:
        """Run a `beholden` command on the demo's data; its output. Any other exit code than expected is an error."""
        done = subprocess.run(
            [sys.executable, "-m", "beholden", *arguments, "--data", str(self.plan.data)],
            cwd=ROOT,
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode not in expect:
            raise RuntimeError(f"beholden {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
        return done.stdout

    def json_of(self, *arguments: str, expect: tuple[int, ...] = (0,)) -> Any:
        """The JSON that a `beholden` command prints last."""
        return json.loads(self.command(*arguments, "--json", expect=expect).strip().splitlines()[-1])

    def later(self, **step: float) -> datetime:
        """Move the simulated clock on; nothing sleeps."""
        return self.clock.advance(timedelta(**step))

    def close(self) -> None:
        """End the processes; the data stays."""
        self.processes.stop()
        bootstrap.close(self.engines)


def set_up(plan: Plan, say: Callable[[str], None]) -> Stage:
    """A fresh data folder, people enrolled, two operators, and three processes that listen."""
    here = world_of_graph(plan.seed, plan.graph) if plan.graph else world(plan.seed, plan.people)
    if not 1 <= plan.installers <= here.people // 2:
        raise CannotStart(f"--installers must be from 1 to {here.people // 2}, half of the people.")
    data = _fresh(plan.data)
    clock = FileClock(data / "clock")
    clock.set(OPENING)
    ports = {name: free_port(preferred) for name, preferred in (("beholden", plan.port), ("platform", 0), ("mail", 0))}
    _write_settings(data, ports)
    engines = bootstrap.embedded(settings.read({}, data=data))
    processes = Processes(data / "logs")
    beholden, platform = (f"http://127.0.0.1:{ports[name]}" for name in ("beholden", "platform"))
    stage = Stage(plan, here, clock, engines, processes, beholden, platform, data / "mail.log")
    try:
        _start(stage, ports)
        _enrol(stage, say)
        for name, port in ports.items():
            processes.await_port(name, port)
    except BaseException:
        stage.close()
        raise
    return stage


def _fresh(data: Path) -> Path:
    """An empty folder; an earlier demo's is emptied, anybody else's is left alone."""
    if data.exists() and any(data.iterdir()):
        if not (data / MARKER).exists():
            raise CannotStart(f"{data} is not empty and not a demo's. Name another folder with --data.")
        shutil.rmtree(data)
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    (data / MARKER).write_text("Synthetic people, made by `beholden demo`; a new demo empties this folder.\n")
    return data.resolve()


def _write_settings(data: Path, ports: dict[str, int]) -> None:
    shutil.copy(ROOT / "examples" / "catalogue.yaml", data / "catalogue.yaml")
    lines = {
        "BEHOLDEN_CLOCK": data / "clock",
        "BEHOLDEN_PORT": ports["beholden"],
        "BEHOLDEN_SMTP_PORT": ports["mail"],
        "BEHOLDEN_OIDC_ISSUER": f"http://127.0.0.1:{ports['platform']}",
        "BEHOLDEN_OIDC_CLIENT_ID": "beholden",
    }
    (data / "beholden.env").write_text("".join(f"{name}={value}\n" for name, value in lines.items()))


def _enrol(stage: Stage, say: Callable[[str], None]) -> None:
    for actor, name in ((INES, "Ines"), (OMAR, "Omar")):
        access.add_operator(stage.engines, actor.id, name, f"{actor.id}@platform.example")
    listing = stage.plan.data / "people.csv"
    with listing.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("outside_id", "name", "email"))
        writer.writerows(stage.world.directory())
    with listing.open("rb") as file:
        enrol.import_people(stage.engines, file, "csv", INES)
    listing.unlink()
    say(f"{stage.world.people:,} synthetic people enrolled; two operators, Ines and Omar.")


def _start(stage: Stage, ports: dict[str, int]) -> None:
    key = access.add_platform_key(stage.engines, "example-platform").secret
    data = str(stage.plan.data.resolve())
    stage.processes.start("mail", ["-m", "examples.mail_sink", "--port", str(ports["mail"]), "--out", str(stage.mail)])
    stage.processes.start("beholden", ["-m", "beholden", "serve", "--data", data], _environment())
    graph = ["--graph", str(stage.plan.graph.resolve())] if stage.plan.graph else []
    platform = [
        *("-m", "examples.platform", "--port", str(ports["platform"]), "--beholden", stage.beholden),
        *("--people", str(stage.world.people), "--seed", str(stage.plan.seed), "--password", PASSWORD),
        *("--clock", str(stage.plan.data.resolve() / "clock"), *graph),
    ]
    stage.processes.start("platform", platform, {"PLATFORM_KEY": key})


def _environment() -> dict[str, str]:
    """Ours without settings of another installation, which would win over the folder's own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("BEHOLDEN_")}
