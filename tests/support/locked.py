"""Locks of tiny models, with their artifacts in a store, as `eai lock` and `eai fetch` leave them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
from support.engine import Models, write_wheel

from zoo.digest import Digest
from zoo.lock.model import Artifact, Build, Facts, File, Lock, Model, Settings, Toolchain, ToolchainRequest
from zoo.platform import Platform, current
from zoo.store import Store
from zoo.toolchains.choose import choose
from zoo.toolchains.machine import Machine
from zoo.zoofile.model import Request, Sampling, Server

FACTS = Facts(
    architecture="llama",
    quantisation="F32",
    context_length=4096,
    embedding=False,
    chat_template=True,
    mmproj=False,
    kv_token=512,
)
SETTINGS = Settings(
    task="chat",
    main=True,
    context_length=1024,
    parallel=2,
    batch=256,
    gpu_layers="all",
    cache_ram=0,
    sampling=Sampling(seed=42, temperature=0.5),
)
WHEEL = Digest.of_hex("ab" * 32)


def model(name: str, *weights: File, main: bool = False, **changes: object) -> Model:
    """A locked model; changes are those of its settings, or whole fields of its own."""
    own = {key: changes.pop(key) for key in tuple(changes) if key in Model.__struct_fields__}
    settings = msgspec.structs.replace(SETTINGS, main=main, **changes)
    made = Model(
        name=name, request=Request(path="x.gguf"), facts=FACTS, settings=settings, memory=1, weights=weights
    )
    return msgspec.structs.replace(made, **own)


def toolchain(*platforms: Platform, wheel: Digest = WHEEL) -> Toolchain:
    """llama-cpp, with the same wheel for each platform."""
    builds = tuple(
        Build(platform=platform, variant="cpu", program="xllamacpp", digest=wheel) for platform in platforms
    )
    request = ToolchainRequest(version="latest", source="pypi", variant="cpu")
    return Toolchain(name="llama-cpp", request=request, version="b11549", builds=builds)


def lock(
    *models: Model, wheel: Digest = WHEEL, ipfs: str | None = None, server: Server | None = None
) -> Lock:
    """A lock of these models, for this platform and another one."""
    digests = {file.digest for each in models for file in each.files()}
    artifacts = [
        Artifact(digest=digest, size=1, path=("path:x.gguf",), ipfs=(ipfs,) if ipfs else ())
        for digest in sorted(digests)
    ]
    artifacts.append(Artifact(digest=wheel, size=1, pypi=("pypi://xllamacpp@2026.10.11549/x.whl",)))
    return Lock(
        version=1,
        server=server or Server(),
        model=models,
        toolchain=(toolchain("macos-arm64", current(), wheel=wheel),),
        artifact=tuple(artifacts),
    )


def chosen(locked: Lock, platform: Platform | None = None) -> Mapping[str, Build]:
    """The builds that a machine takes which has all that the ones without a GPU need."""
    return choose(locked, platform or current(), Machine(macos="15.0", glibc="2.40"))


@dataclass(frozen=True, slots=True)
class Stocked:
    """A store with the tiny models and the wheel in it."""

    store: Store
    wheel: Digest
    chat: File
    endless: File
    shards: tuple[File, ...]
    lora: File
    template: File


def stock(folder: Path) -> Stocked:
    """Put everything into a store in the folder."""
    models = Models.write(folder)
    store = Store(folder / "store")
    template = folder / "mine.jinja"
    template.write_text("{{ messages[0].content }}")

    def file(path: Path) -> File:
        return File(path=path.name, digest=store.adopt(path)[0])

    return Stocked(
        store=store,
        wheel=store.adopt(write_wheel(folder / "engine.whl"))[0],
        chat=file(models.chat),
        endless=file(models.endless),
        shards=tuple(file(shard) for shard in models.shards),
        lora=file(models.lora),
        template=file(template),
    )
