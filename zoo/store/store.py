"""The store as the other rooms see it; the modules beside this one do the work."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from zoo.digest import Digest
from zoo.store import ingest, objects, roots, space, trees, views
from zoo.store.durable import disk_errors
from zoo.store.layout import Layout
from zoo.store.partial import PIECE, Write, held
from zoo.store.verify import Checked, Report, damage, verify


class Store:
    """The store at a folder; it is made when something is first put into it.

    Args:
        root: The folder.
        piece: How many bytes of a download are kept or lost together when it is interrupted.
        pwrite: Writes bytes at an offset of a file that is being filled.

    Raises:
        EaiError: A newer eai made it. Also raised by every method where the disk refuses.
        NoSpace: By every method that writes, where the disk is full.
    """

    def __init__(self, root: Path, *, piece: int = PIECE, pwrite: Write = os.pwrite) -> None:
        self.layout = Layout(root.absolute())
        self._piece, self._pwrite = piece, pwrite
        with disk_errors(root):
            self.layout.check()

    @property
    def root(self) -> Path:
        """The store's folder."""
        return self.layout.root

    def has(self, digest: Digest) -> bool:
        """Whether the object is there and valid: as its sidecar says, or hashed again.

        One that turns out to be corrupt is set aside.
        """
        with disk_errors(self.root):
            return objects.present(self.layout, digest)

    def intact(self, digest: Digest) -> bool:
        """Whether the object is there and its bytes are right: all of it is read again.

        One that turns out to be corrupt is set aside.
        """
        with disk_errors(self.root):
            return damage(self.layout, digest) is None and self.layout.object(digest).is_file()

    def blake3(self, digest: Digest) -> str | None:
        """The BLAKE3 that an object had when it was verified; None if nobody knows it any more."""
        with disk_errors(self.root):
            return objects.known(self.layout, digest)

    def object(self, digest: Digest) -> Path:
        """The path of an object, which may not be there."""
        return self.layout.object(digest)

    def corrupt(self, digest: Digest) -> Path | None:
        """The bytes that were set aside because they were not the object's, if there are any."""
        aside = objects.aside(self.layout, digest)
        return aside if aside.exists() else None

    def sizes(self) -> dict[Digest, int]:
        """Every object with its size in bytes, by digest."""
        sizes: dict[Digest, int] = {}
        with disk_errors(self.root):
            for digest in self.layout.digests():
                try:
                    sizes[digest] = self.layout.object(digest).stat().st_size
                except FileNotFoundError:
                    continue  # taken away by another process since it was listed
        return sizes

    def adopt(self, path: Path) -> tuple[Digest, int]:
        """Copy a local file into the store, verified and durable: its digest and size in bytes.

        Raises:
            EaiError: It can't be read, or changed meanwhile.
        """
        with disk_errors(path):
            self.layout.prepare()
            return objects.adopt(self.layout, path)

    def view(self, files: Mapping[str, Digest]) -> Path:
        """Give a folder in which these objects have these names; made whole, and only once.

        Raises:
            EaiError: A name is not clean, or two are one.
        """
        with disk_errors(self.root):
            self.layout.prepare()
            return views.make(self.layout, files)

    def tree(self, key: str) -> Path | None:
        """The tree of a key (a digest may be one), if it is there."""
        path = self.tree_path(key)
        return path if path.is_dir() else None

    def tree_path(self, key: str) -> Path:
        """The path of a tree, which may not be there."""
        return trees.path_of(self.layout, key)

    def trees(self) -> list[Path]:
        """Every tree, sorted."""
        return list(trees.every(self.layout))

    def add_tree(self, key: str, fill: Callable[[Path], None]) -> Path:
        """Make a tree by filling an empty folder, unless it is there; whole or not at all.

        Files become 0444, or 0555 if they can be run, and folders 0555.

        Raises:
            EaiError: Something in it links out of it.
        """
        with disk_errors(self.root):
            self.layout.prepare()
            return trees.add(self.layout, key, fill)

    def verify(self, progress: Callable[[Checked], None] = lambda _: None) -> Report:
        """Read everything again, and set aside what isn't what it was."""
        with disk_errors(self.root):
            return verify(self.layout, progress)

    def require(self, needed: int) -> None:
        """See that so many bytes fit on the disk.

        Raises:
            NoSpace: They don't.
        """
        with disk_errors(self.root):
            self.layout.prepare()
            space.check(self.root, needed)

    def held(self, digest: Digest, size: int) -> int:
        """How many bytes of an object a partial download holds."""
        return held(self.layout.partial(digest.hex), size, self._piece)

    def tidy(self) -> None:
        """Remove what processes that died left half made; partial downloads stay."""
        with disk_errors(self.root):
            self.layout.prepare()
            ingest.sweep(self.layout)

    def claim(self, key: str, size: int | None) -> ingest.Ingest | ingest.Held:
        """Take hold of a download: new, or where anyone's left off; or say whose it is.

        Args:
            key: The hex digits of a digest, or any other name that can be a file's.
            size: In bytes, if it is known.
        """
        with disk_errors(self.root):
            self.layout.prepare()
            return ingest.claim(self.layout, key, size, piece=self._piece, pwrite=self._pwrite)

    def hold(self, project: Path, needs: Mapping[str, Path]) -> None:
        """Let a project need these objects and trees, and nothing else from now on; see `zoo.store.roots`.

        Raises:
            EaiError: The project's folder or the store can't be written to.
        """
        with disk_errors(project):
            self.layout.prepare()
            roots.hold(self.layout, project, needs)

    def projects(self) -> list[Path]:
        """The folders of the projects that need something of it, or did before they were deleted."""
        with disk_errors(self.root):
            return list(roots.projects(self.layout))

    @contextmanager
    def running(self, needs: Iterable[Path]) -> Iterator[None]:
        """Keep these paths of the store for as long as this process is at it."""
        with ExitStack() as stack:
            with disk_errors(self.root):
                self.layout.prepare()
                stack.enter_context(roots.running(self.layout, needs))
            yield
