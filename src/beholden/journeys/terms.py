"""Terms: what a developer signs before an app of theirs may be given more than basic data (R8).

They say what Beholden holds an app to anyway, with the numbers of the policy in force. They are made from the app, the
catalogue and the policy alone, so that the text of a signature can be made again and its SHA-256 compared. A platform
with a contract of its own has that one signed, and writes it down with `beholden app contract sign --terms FILE`.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from beholden.model.app import App, Developer
from beholden.model.catalogue import Catalogue, Cluster, FieldClass
from beholden.model.errors import BadInput
from beholden.model.policy import Policy


@dataclass(frozen=True, slots=True)
class Terms:
    """The whole text for one cluster of one app, and its SHA-256 in hex."""

    cluster: str
    text: str
    sha256: str


def compose(platform: str, developer: Developer, app: App, cluster: str, catalogue: Catalogue, policy: Policy) -> Terms:
    """The terms as they stand now; raises BadInput for a cluster that the app does not ask for."""
    found = catalogue.by_name.get(cluster)
    asks = [ask for ask in app.asks if ask.cluster == cluster]
    if found is None or not asks:
        raise BadInput(f"The app does not ask for {cluster[:80]!r}.", "Choose a kind of data that it asks for.")
    if found.field_class is FieldClass.BASIC:
        raise BadInput(f"The kind of data {cluster!r} is basic and needs no contract.", "A person's consent is enough.")
    purposes = sorted({ask.purpose for ask in asks})
    whose = ["people who allowed it"] + ["their contacts who allowed that"] * any(ask.through for ask in asks)
    title = f"Terms for the data “{found.name}”: {', '.join(field.label for field in found.fields)}"
    parties = f"Between the platform at {platform} and {developer.name}, for the app {app.name} ({app.client_id})."
    articles = [*_given(found, whose, purposes), *_duties(policy)]
    numbered = "\n".join(f"{number}. {article}" for number, article in enumerate(articles, 1))
    text = f"{title}\n{parties}\n\n{numbered}\n"
    return Terms(cluster, text, hashlib.sha256(text.encode()).hexdigest())


def _given(cluster: Cluster, whose: Iterable[str], purposes: Iterable[str]) -> Iterator[str]:
    fields = ", ".join(field.label for field in cluster.fields)
    yield f"The app may be given, of {' and of '.join(whose)}: {fields}."
    yield f"It is used for this and nothing else: {'; '.join(purposes).rstrip('.')}."
    yield "It is passed on to nobody, neither as it is nor as anything made from it."


def _duties(policy: Policy) -> Iterator[str]:
    if policy.inactivity_days is not None:
        yield (
            f"A person who has not used the app for {policy.inactivity_days} days is given no more; what is held of "
            "them is then deleted."
        )
    yield (
        "What is held of a person, with copies, backups and all that was made from it, is deleted when they ask for "
        "it, when the access of the app ends, and when the platform says so. The deletion is certified in writing."
    )
    yield (
        f"Requests for information are answered within {policy.rfi_days} days, every question. Silence is a refusal; "
        "whoever refuses is banned, with all apps."
    )
    yield "Where the platform has reason to doubt a deletion, it may have the systems that held the data examined."
    if policy.permission_unused_days is not None:
        yield f"A permission that is not used for {policy.permission_unused_days} days lapses."
