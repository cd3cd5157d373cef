"""Several connections to one mail server: while one waits for an answer, another talks."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from beholden.backends.mail.smtp import SmtpMailer
from beholden.notices.campaign import Delivery
from beholden.notices.letter import Letter

LEAST_EACH = 20
"""Letters below which another connection costs more than it brings."""


class Lanes:
    """A Mailer over several mailers. A call ends when all have ended, so what a killed call leaves in doubt is still
    its own letters and no others."""

    def __init__(self, mailers: Sequence[SmtpMailer]) -> None:
        self._mailers = list(mailers)
        self._threads = ThreadPoolExecutor(len(self._mailers), "letters")

    @property
    def sender(self) -> str:
        """See Mailer."""
        return self._mailers[0].sender

    def deliver(self, letters: Sequence[Letter]) -> Sequence[Delivery]:
        """See Mailer. The letters are dealt out in runs, so that outcomes come back in order."""
        lanes = max(1, min(len(self._mailers), len(letters) // LEAST_EACH))
        size = -(-len(letters) // lanes) if letters else 0
        runs = [letters[start : start + size] for start in range(0, len(letters), size)] if letters else []
        done = self._threads.map(lambda lane: lane[0].deliver(lane[1]), zip(self._mailers, runs, strict=False))
        return [delivery for some in done for delivery in some]

    def close(self) -> None:
        """See Mailer."""
        self._threads.shutdown()
        for mailer in self._mailers:
            mailer.close()
