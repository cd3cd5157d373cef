"""The teller: each beat in a sentence, progress while it runs, its seconds at the end."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class Teller:
    """Writes to standard error, so that standard output holds the numbers alone."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._interactive = sys.stderr.isatty()
        self.seconds: dict[str, float] = {}

    @contextmanager
    def beat(self, key: str, title: str, sentence: str) -> Iterator[None]:
        """One beat of the story; its time is kept under `key`."""
        self._console.print(f"\n[bold]{len(self.seconds) + 1}. {title}[/bold]\n   {sentence}")
        began = time.monotonic()
        yield
        self.seconds[key] = round(time.monotonic() - began, 2)
        self._console.print(f"   [dim]{self.seconds[key]:.1f} s[/dim]")

    def say(self, text: str) -> None:
        """A line within a beat; never broken, since a link that is broken cannot be followed."""
        self._console.print(f"   {text}", soft_wrap=True)

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator["Bar"]:
        """A bar on a terminal; on anything else a line each tenth."""
        with Progress(
            TextColumn("   {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._interactive,
        ) as shown:
            yield Bar(self, shown, what, total)


class Bar:
    """How far something has come."""

    def __init__(self, teller: Teller, shown: Progress, what: str, total: int) -> None:
        self._teller, self._shown, self._what, self._total = teller, shown, what, max(total, 1)
        self._task = shown.add_task(what, total=total)
        self._tenth = 0

    def to(self, done: int) -> None:
        """It has come to `done`."""
        self._shown.update(self._task, completed=done)
        tenth = 10 * done // self._total
        if self._shown.disable and tenth > self._tenth:
            self._tenth = tenth
            self._teller.say(f"[dim]{self._what}: {done:,} of {self._total:,}[/dim]")
