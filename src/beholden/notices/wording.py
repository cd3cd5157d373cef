"""The words of a notice: the same on paper and on the page, so that either can be checked against the other.

Content after GDPR Art. 34(2) with 33(3)(b) to (d): what happened, which data, by which path and when, what may come of
it, what was done, what the person can do, whom to ask. Plain sentences; no friend is ever named, for that somebody
uses an app is that somebody's own datum. The words are constants of this module: a stage opens no files, and a change
of a sentence is then a change that a review and the golden files see.
"""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from beholden.model.catalogue import Catalogue, FieldClass
from beholden.model.ids import AppNumber
from beholden.notices.audience import Share
from beholden.notices.letter import clean, unlinked

_WIDTH = 76
_MONTHS = (  # written out: no locale changes them
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_CONSEQUENCES = {
    FieldClass.BASIC: (
        "With your name, your photo or your address somebody can write to you and pretend to know you, or pretend to "
        "be you."
    ),
    FieldClass.SENSITIVE: (
        "From what you like, where you live and whom you know somebody can guess what you think and feel, and try to "
        "influence you with messages made for you."
    ),
    FieldClass.RESTRICTED: (
        "Some of this data is intimate. Somebody could use it to treat you unfairly, to embarrass you or to press you."
    ),
}


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, paragraphs, and points below them."""

    title: str
    paragraphs: tuple[str, ...]
    points: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Words:
    """A notice in words, without the greeting."""

    subject: str
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class AppWords:
    """What a letter calls an app and the developer behind it. Both names come from outside."""

    name: str
    developer: str


@dataclass(frozen=True, slots=True)
class Told:
    """What an operator tells everybody, whatever their part: what happened, what was done, whom to ask.

    `inbox` is the address of the page where the notice can be read. `reference` names the campaign.
    """

    happened: str
    measures: str
    contact: str
    inbox: str
    reference: str


def notice(told: Told, shares: Sequence[Share], apps: Mapping[AppNumber, AppWords], catalogue: Catalogue) -> Words:
    """The words for one cohort."""
    names = _listed([f"“{unlinked(apps[share.app].name)}”" for share in shares])
    plural = len(shares) > 1
    return Words(
        f"Your data was given to the app{'s' if plural else ''} {names}",
        (
            _happened(told, shares, apps, plural=plural),
            Section("What data, how, and when", (), tuple(_share(s, apps[s.app], catalogue) for s in shares)),
            Section("What can come of it", consequences(shares, catalogue)),
            Section("What we did", (told.measures,)),
            _remedies(told),
            Section("Whom to ask", (f"Write to {told.contact}. The reference is {told.reference}.",)),
        ),
    )


def _happened(told: Told, shares: Sequence[Share], apps: Mapping[AppNumber, AppWords], *, plural: bool) -> Section:
    makers = list(dict.fromkeys(unlinked(apps[share.app].developer) for share in shares))
    who = f"{'Apps' if plural else 'An app'} made by {_listed([f'“{m}”' for m in makers])} received data about you."
    return Section("What happened", (who, told.happened))


def _share(share: Share, app: AppWords, catalogue: Catalogue) -> str:
    fields = ", ".join(labels(share.fields, catalogue))
    return f"“{unlinked(app.name)}”: {path(share)} It received: {fields}. This was {when(share)}."


def path(share: Share) -> str:
    """How the data got to the app, in a sentence that names nobody."""
    if not share.indirect:
        return "you connected this app yourself."
    if not share.direct:
        return "somebody who has you as a contact connected this app, and your data went through them."
    return "you connected this app yourself, and your data also went through somebody who has you as a contact."


def when(share: Share) -> str:
    """`on 3 June 2014`, or `between 3 June 2014 and 9 June 2014`; days are in UTC."""
    if share.first_day == share.last_day:
        return f"on {day(share.first_day)}"
    return f"between {day(share.first_day)} and {day(share.last_day)}"


def day(value: date) -> str:
    """`3 June 2014`."""
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


def labels(fields: Sequence[str], catalogue: Catalogue) -> tuple[str, ...]:
    """Fields in the catalogue's words and order; one that it no longer has keeps its name."""
    known = tuple(label for name, label in catalogue.labels.items() if name in fields)
    return known + tuple(sorted(clean(f) for f in fields if f not in catalogue.labels))


def consequences(shares: Sequence[Share], catalogue: Catalogue) -> tuple[str, ...]:
    """What may follow, by the classes of what was given (Art. 33(3)(c)). An unknown field counts as restricted."""
    fields = {field for share in shares for field in share.fields}
    clusters = [catalogue.by_field.get(field) for field in fields]
    classes = {cluster.field_class if cluster else FieldClass.RESTRICTED for cluster in clusters}
    return tuple(sentence for field_class, sentence in _CONSEQUENCES.items() if field_class in classes)


def _remedies(told: Told) -> Section:
    return Section(
        "What you can do",
        (
            "Be careful with messages from strangers who know these things about you. We never ask for your password.",
            "Do not trust links in letters, this one included. Sign in yourself, as you always do. You find there:",
        ),
        (
            f"your inbox ({told.inbox}): this notice is in it. If it is not, the letter is not from us.",
            "your apps: what each of them was given. You can remove an app, and ask it to delete what it has.",
            "your choices: stop sharing with all apps, with one app, or through people who have you as a contact.",
        ),
    )


def plain(words: Words) -> str:
    """The words as a text of short lines, for a letter."""
    return "\n\n".join(_plain_section(section) for section in words.sections)


def _plain_section(section: Section) -> str:
    blocks = [section.title.upper()]
    for paragraph in section.paragraphs:
        blocks.extend(_wrapped(line) for line in paragraph.splitlines() if line.strip())
    blocks.extend(_wrapped(point, "- ", "  ") for point in section.points)
    return "\n".join(blocks)


def _wrapped(text: str, first: str = "", later: str = "") -> str:
    return textwrap.fill(
        text, _WIDTH, initial_indent=first, subsequent_indent=later, break_long_words=False, break_on_hyphens=False
    )


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
