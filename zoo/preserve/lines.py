"""CIDs into the lock: one line for each artifact, and no other byte of the file changes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from zoo.digest import Digest
from zoo.errors import LockError
from zoo.ipfs.cid import Cid
from zoo.lock import toml
from zoo.lock.check import validate
from zoo.lock.model import Artifact, Lock


def load(path: Path) -> tuple[Lock, bytes]:
    """Read a lock that lines can be added to; give it and its bytes.

    Raises:
        LockError: It cannot be read, or not every byte of it is as `eai lock` writes it: then adding
            a line would change others.
    """
    content = toml.read(path)
    text = toml.decode(content, name=path.name)
    lock = toml.loads(text, name=path.name)
    validate(lock, name=path.name)
    if toml.dumps(lock) != text:
        raise LockError(
            f"{path.name} is not as eai writes it, so that adding CIDs would change more than that",
            hint="run `eai lock`: it writes the same lock canonically",
        )
    return lock, content


def add(path: Path, cids: Mapping[Digest, Cid]) -> bool:
    """Add the CID of each artifact to a lock, which is read anew: others may have changed it.

    Artifacts that it does not have by now are left out.

    Returns:
        Whether there was a line to add.

    Raises:
        LockError: As `load` does.
        EaiError: It cannot be written.
    """
    while True:
        lock, seen = load(path)
        artifacts = tuple(_with(artifact, cids.get(artifact.digest)) for artifact in lock.artifact)
        try:
            return toml.write(path, replace(lock, artifact=artifacts), seen=seen)
        except LockError:
            if toml.read(path) == seen:
                raise


def without(path: Path, cids: Mapping[Digest, Cid]) -> tuple[Digest, ...]:
    """Give the artifacts whose CID a lock does not have: others took them away meanwhile.

    Raises:
        LockError: It cannot be read.
    """
    artifacts = toml.load(path).artifacts()
    return tuple(
        digest
        for digest, cid in cids.items()
        if digest not in artifacts or f"ipfs://{cid}" not in artifacts[digest].ipfs
    )


def _with(artifact: Artifact, cid: Cid | None) -> Artifact:
    if cid is None or (uri := f"ipfs://{cid}") in artifact.ipfs:
        return artifact
    return replace(artifact, ipfs=(*artifact.ipfs, uri))
