"""Publishing: tiles, bundles and checkpoint as static files, each durable before what depends on it.

The order is the promise: every tile and bundle is on disk before the checkpoint that needs it is signed; the signed
note is kept beside the signing key before it is shown (`public/checkpoint`). A checkpoint is signed only where the tree
grows from the one that was signed last; kept with the key, that is known even where the log itself was put back from an
old copy.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from beholden.backends.segments import disk
from beholden.ledger import checkpoint as checkpoints
from beholden.ledger import tile, tree
from beholden.ledger.checkpoint import Checkpoint
from beholden.ledger.verify import Published
from beholden.model.errors import Damaged

Entries = Callable[[int, int], Iterator[bytes]]
"""The log's entries from one place to before another."""


def folder_reader(folder: Path) -> Published:
    """The published half in a folder, such as a mirror's copy."""

    def read(path: str) -> bytes | None:
        return disk.read(folder / path)

    def paths() -> Iterator[str]:
        for found in sorted((folder / "tile").rglob("*")):
            if not found.is_dir() and ".new-" not in found.name:  # what a publisher is just writing
                yield found.relative_to(folder).as_posix()

    return Published(read, paths)


class Publisher:
    """The published half of one log, in `folder/public`; `signed` is the file of the note that was signed last."""

    def __init__(self, folder: Path, origin: str, key: Ed25519PrivateKey, signed: Path) -> None:
        self._folder = folder / "public"
        self._signed_path = signed
        self._lock = folder / "publish.lock"
        self._origin = origin
        self._key = key
        self.verifier = checkpoints.verifier_key(origin, key)
        self.published = folder_reader(self._folder)

    def signed(self) -> str | None:
        """The note that was signed last."""
        data = disk.read(self._signed_path)
        try:
            return None if data is None else data.decode()
        except UnicodeDecodeError:
            raise Damaged(f"{self._signed_path} is damaged.", "Restore it from a backup.") from None

    def signed_size(self) -> int:
        """How many entries were ever published; raises Damaged when that cannot be told."""
        head = self._last()
        return 0 if head is None else head.size

    def _last(self) -> Checkpoint | None:
        note = self.signed()
        if note is None:
            return None
        try:
            return checkpoints.verify(note, self.verifier)
        except Damaged as error:
            raise Damaged(f"{self._signed_path}: {error.message}", "Restore it from a backup.") from None

    def snapshot(self) -> tuple[Published, str | None]:
        """The published half as of now, and the note that was signed last: neither moves on while it is verified."""
        with disk.locked(self._lock):
            shown, signed = self.published.read(tile.CHECKPOINT), self.signed()
        read = self.published.read
        return Published(lambda path: shown if path == tile.CHECKPOINT else read(path), self.published.paths), signed

    def publish(self, size: Callable[[], int], entries: Entries) -> str:
        """Publish all entries that there are and return the signed note.

        Raises Damaged, and signs nothing, when the tree is not one that grew from the tree that was signed last.
        """
        with disk.locked(self._lock), disk.failing("The ledger cannot be published"):
            last, count = self._last(), size()
            if last is not None and count < last.size:
                raise Damaged(
                    f"The log holds {count} entries, but {last.size} were signed before.", "Restore the segments."
                )
            edge = self._edge(last, entries)
            if last is None or count > last.size:
                note = self._grow(edge, count, entries)
            else:
                note = self.signed() or ""
            if self.published.read(tile.CHECKPOINT) != note.encode():  # a crash came between the two, or a hand
                disk.replace(self._folder / tile.CHECKPOINT, note.encode())
                disk.sync_folder(self._folder)
            return note

    def _edge(self, last: Checkpoint | None, entries: Entries) -> tile.Edge:
        """The right edge of the tree that was signed last, from its files; from the segments where there are none."""
        if last is None:
            return tile.Edge()
        if (self._folder / "tile").is_dir() or last.size == 0:
            edge = tile.edge(self.published.read, last.size)
            before = list(entries(last.size - len(edge.entries), last.size))
            if before != edge.entries:
                raise Damaged("The segments hold other entries than those that were published last.", tile.MEND)
        else:
            edge = tile.Edge()
            self._write(edge.extend(entries(0, last.size)))
            self._write(edge.partial())
        if edge.root() != last.root:
            raise Damaged("The tree is not the one that was signed last; nothing was signed.", tile.MEND)
        return edge

    def _grow(self, edge: tile.Edge, count: int, entries: Entries) -> str:
        start = edge.size
        self._write(edge.extend(entries(start, count)))
        self._write(edge.partial())
        if edge.size != count:
            raise Damaged(f"The segments hold {edge.size} entries instead of {count}.", "Run `beholden ledger verify`.")
        note = checkpoints.sign(Checkpoint(self._origin, count, edge.root() if count else tree.EMPTY), self._key)
        self._folder.mkdir(parents=True, exist_ok=True)
        disk.replace(self._signed_path, note.encode(), 0o600)
        disk.sync_folder(self._signed_path.parent)
        self._drop_partial(start, count)
        return note

    def _write(self, files: Iterable[tile.File]) -> None:
        """Write files, some hundred at a time, and make them and their folders durable."""
        remaining = iter(files)
        while some := list(islice(remaining, 512)):
            folders: set[Path] = set()
            for file in some:
                path = self._folder / file.path
                if path.parent not in folders:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    folders.update(p for p in (path.parent, *path.parent.parents) if p.is_relative_to(self._folder))
                disk.replace(path, file.content)
            for folder in folders:
                disk.sync_folder(folder)
            disk.sync_folder(self._folder.parent)

    def _drop_partial(self, start: int, count: int) -> None:
        """Remove the partial files that became full on the way from `start` to `count` (tlog-tiles allows it)."""
        for level in range(tile.ENTRIES, tile.MAX_LEVEL + 1):
            number = start >> (8 * (max(level, 0) + 1))
            if tile.width(level, number, start) and tile.width(level, number, count) == tile.WIDTH:
                folder = self._folder / f"{tile.path(level, number)}.p"
                for path in folder.glob("*"):
                    path.unlink(missing_ok=True)
                if folder.is_dir():
                    folder.rmdir()
