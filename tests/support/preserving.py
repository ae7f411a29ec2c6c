"""Locks of models whose files a store holds, for those who preserve them."""

from __future__ import annotations

import random
from pathlib import Path

from support.locked import model, toolchain

from zoo.lock import toml
from zoo.lock.model import Artifact, File, Lock
from zoo.platform import current
from zoo.store import Store
from zoo.zoofile.model import Server as ServerTable

MIB = 1 << 20
FILES = {
    "m.gguf": random.Random(1).randbytes(5 * MIB + 12_345),
    "mmproj.gguf": random.Random(2).randbytes(300_000),
    "adapter.gguf": random.Random(3).randbytes(MIB),
    "mine.jinja": b"{{ messages[0].content }}",
}


def adopt(store: Store, folder: Path, name: str, data: bytes) -> File:
    (folder / name).write_bytes(data)
    return File(path=name, digest=store.adopt(folder / name)[0])


def lock(work: Path, **models: dict[str, tuple[File, ...]]) -> Path:
    """Write a lock of models, each with its files by their roles."""
    made = [
        model(name, *roles.pop("weights"), main=at == 0, **roles)
        for at, (name, roles) in enumerate(models.items())
    ]
    digests = {file.digest: file for each in made for file in each.files()}
    wheel = toolchain(current())
    artifacts = [
        Artifact(digest=digest, size=1, url=(f"https://example.org/{file.path}",))
        for digest, file in digests.items()
    ]
    pypi = Artifact(
        digest=next(wheel.builds[0].digests()), size=1, pypi=("pypi://xllamacpp@2026.10.11549/x.whl",)
    )
    locked = Lock(
        version=1,
        server=ServerTable(),
        model=tuple(made),
        toolchain=(wheel,),
        artifact=tuple(sorted((*artifacts, pypi), key=lambda artifact: artifact.digest)),
    )
    toml.write(work / "zoo.lock", locked)
    return work / "zoo.lock"
