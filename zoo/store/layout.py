"""Where everything in a store lies, and which layout this eai knows.

<root>/version                          the layout's number
       CACHEDIR.TAG                     backups may skip it: it can be fetched again
       objects/sha256/ab/abcdef…        the bytes, 0444; being here is being valid
       objects/sha256/ab/abcdef….json   the sidecar: what was true when they were verified; a cache
       objects/sha256/ab/abcdef….leaves the hashes of its leaves on IPFS; a cache
       objects/sha256/ab/….leaves-<cut>  the same, where it is cut as others do
       trees/<key>/                     unpacked builds, with their manifest
       views/<id>/<name>                relative links to objects
       ingest/<hex>/                    downloads under way
       roots/auto/, roots/run/          what a garbage collection must keep
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from zoo.digest import Digest
from zoo.errors import EaiError
from zoo.store import durable

VERSION = "1"
_TAG = b"Signature: 8a477f597d28d172789f06886806bc55\n# What is in here can be fetched again by eai.\n"
_HEX = 64


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of the store at `root`."""

    root: Path

    @property
    def objects(self) -> Path:
        """Where objects lie, by the first two digits of their digest."""
        return self.root / "objects" / "sha256"

    @property
    def trees(self) -> Path:
        """Where unpacked builds lie."""
        return self.root / "trees"

    @property
    def views(self) -> Path:
        """Where named links to objects lie."""
        return self.root / "views"

    @property
    def ingest(self) -> Path:
        """Where everything is made before it is moved to its place."""
        return self.root / "ingest"

    @property
    def auto_roots(self) -> Path:
        """Links to the projects that use this store."""
        return self.root / "roots" / "auto"

    @property
    def run_roots(self) -> Path:
        """What running processes use."""
        return self.root / "roots" / "run"

    def object(self, digest: Digest) -> Path:
        """The path of an object, whether it is there or not."""
        return self.objects / digest.hex[:2] / digest.hex

    def sidecar(self, digest: Digest) -> Path:
        """The path of an object's sidecar."""
        return self.objects / digest.hex[:2] / f"{digest.hex}.json"

    def leaves(self, digest: Digest, cut: str = "") -> Path:
        """The path of the hashes of an object's leaves on IPFS; a cache that follows from the digest.

        Args:
            digest: The object's.
            cut: How it is cut into leaves, where that is not as eai does it.
        """
        return self.objects / digest.hex[:2] / f"{digest.hex}.leaves{cut and f'-{cut}'}"

    def partial(self, key: str) -> Path:
        """The path of a download under way."""
        return self.ingest / key

    def digests(self) -> Iterator[Digest]:
        """Yield every object, sorted; files with other names are nobody's business."""
        for folder in sorted(self.objects.glob("[0-9a-f][0-9a-f]")):
            for path in sorted(folder.iterdir()):
                name = path.name
                if len(name) == _HEX and not set(name) - set("0123456789abcdef") and not path.is_symlink():
                    yield Digest.of_hex(name)

    def check(self) -> None:
        """Refuse a store that a newer eai laid out.

        Raises:
            EaiError: Its version is not known here.
        """
        try:
            found = (self.root / "version").read_text(encoding="ascii", errors="replace")[:20].strip()
        except FileNotFoundError:
            return
        if found != VERSION:
            raise EaiError(
                f"the store at {self.root} has layout {found or '(none)'!r}, and this eai knows {VERSION!r}",
                hint="use the eai that made it, or point EAI_HOME to another folder",
            )

    def prepare(self) -> None:
        """Make the folders, if they are not there yet."""
        if (self.root / "version").is_file():
            return
        for folder in (
            self.objects,
            self.trees,
            self.views,
            self.ingest,
            self.auto_roots,
            self.run_roots,
        ):
            folder.mkdir(parents=True, exist_ok=True)
        durable.write(self.root / "CACHEDIR.TAG", _TAG)
        durable.write(self.root / "version", f"{VERSION}\n".encode())
