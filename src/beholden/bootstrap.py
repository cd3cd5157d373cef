"""The one place that wires backends to journeys."""

from pathlib import Path

from beholden.backends.host.clock import FileClock, SystemClock
from beholden.journeys.ports import Clock
from beholden.model import catalogue as catalogues
from beholden.model.errors import BadInput
from beholden.settings import Settings


def clock(settings: Settings) -> Clock:
    """The system's clock, or the simulated one where a file is named."""
    return FileClock(Path(settings.clock)) if settings.clock else SystemClock()


def catalogue(settings: Settings) -> catalogues.Catalogue:
    """The platform's catalogue; raises BadInput when the file is missing or wrong."""
    try:
        text = settings.catalogue_file.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(
            f"The catalogue {settings.catalogue_file} cannot be read ({error.strerror}).",
            "Write one; `beholden policy example` prints a start.",
        ) from error
    except UnicodeDecodeError as error:
        raise BadInput(f"The catalogue {settings.catalogue_file} is not UTF-8.", "Save it as UTF-8.") from error
    return catalogues.read(text)
