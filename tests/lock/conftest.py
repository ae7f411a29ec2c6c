"""Locks to test with: one written out by hand, and any that hypothesis can think of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from zoo.digest import Digest
from zoo.lock.model import (
    VERSION,
    Artifact,
    Build,
    Facts,
    File,
    Lock,
    Model,
    Part,
    PartRole,
    Settings,
    Toolchain,
    ToolchainRequest,
)
from zoo.platform import PLATFORMS, Platform
from zoo.zoofile.model import Image, Origin, Own, Request, Sampling, Server

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def digest(number: int) -> Digest:
    """Make a digest that sorts as the number does, and whose first digits show it."""
    return Digest.of_hex(f"{number:08x}{0:056x}")


def artifact(number: int, **sources: object) -> Artifact:
    return Artifact(
        digest=digest(number),
        size=1000 + number,
        **(sources or {"hf": (f"hf://o/r@{COMMIT}/{number}.gguf",)}),
    )


def facts(**changes: object) -> Facts:
    given = {
        "architecture": "llama",
        "quantisation": "Q4_0",
        "context_length": 131072,
        "embedding": False,
        "chat_template": True,
        "mmproj": False,
        "kv_token": 131072,
    }
    return Facts(**{**given, **changes})


def settings(**changes: object) -> Settings:
    given = {
        "task": "chat",
        "main": False,
        "context_length": 32768,
        "parallel": 1,
        "batch": 512,
        "gpu_layers": "all",
        "cache_ram": 0,
        "sampling": Sampling(seed=42),
    }
    return Settings(**{**given, **changes})


def model(name: str, *numbers: int, main: bool = False, **changes: object) -> Model:
    given = {
        "name": name,
        "request": Request(hf="o/r", revision="main", file=f"{name}.gguf"),
        "facts": facts(),
        "settings": settings(main=main),
        "memory": 4096,
        "weights": tuple(File(path=f"{number}.gguf", digest=digest(number)) for number in numbers),
    }
    return Model(**{**given, **changes})


def drawing(name: str, number: int, *parts: tuple[int, PartRole], **changes: object) -> Model:
    """A model that draws, the main one, with parts."""
    given = {
        "request": Request(path=f"{name}.gguf", kind="image"),
        "facts": facts(
            architecture="flux", context_length=0, kv_token=0, overhead=100, pixel=10, whole=False
        ),
        "settings": settings(
            main=True,
            task="image-generation",
            context_length=0,
            batch=0,
            sampling=Sampling(),
            image=Image(steps=4, size="64x64", seed=42),
        ),
        "parts": tuple(Part(path=f"{each}.st", digest=digest(each), role=role) for each, role in parts),
    }
    return model(name, number, **{**given, **changes})


def toolchain(*numbers: int, name: str = "llama-cpp", **changes: object) -> Toolchain:
    given = {
        "name": name,
        "request": ToolchainRequest(version="latest", source="pypi", variant="cpu"),
        "version": "b11549",
        "builds": tuple(
            Build(platform=platform, variant="cpu", program="llama-server", digest=digest(number))
            for platform, number in zip(PLATFORMS, numbers, strict=False)
        ),
    }
    return Toolchain(**{**given, **changes})


def lock(*models: Model, toolchains: tuple[Toolchain, ...] = (), **changes: object) -> Lock:
    """Make a lock with an artifact for every digest that is named."""
    named = {file.digest for model in models for file in model.files()}
    named |= {digest for tool in toolchains for build in tool.builds for digest in build.digests()}
    given = {
        "version": VERSION,
        "server": Server(),
        "model": models,
        "toolchain": toolchains,
        "artifact": tuple(artifact(int(digest.hex[:8], 16)) for digest in sorted(named)),
    }
    return Lock(**{**given, **changes})


class Make:
    """The builders above, for tests that ask for `make`."""

    digest = staticmethod(digest)
    artifact = staticmethod(artifact)
    facts = staticmethod(facts)
    settings = staticmethod(settings)
    model = staticmethod(model)
    drawing = staticmethod(drawing)
    toolchain = staticmethod(toolchain)
    lock = staticmethod(lock)


@pytest.fixture
def make() -> Make:
    return Make()


@pytest.fixture
def golden() -> str:
    return (Path(__file__).parent / "data" / "v1.lock").read_text(encoding="utf-8")


# Any text that can be written; surrogates are half characters.
_NAMES = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._+-]{0,8}[A-Za-z0-9])?", fullmatch=True)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_WORD = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=8)
_NUMBER = st.integers(0, 2**40)
_FLOAT = st.floats(allow_nan=False, allow_infinity=False)
_DIGESTS = st.integers(0, 12).map(digest)


def _optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def _tuples(strategy: st.SearchStrategy[Any], *, least: int = 0, most: int = 3) -> st.SearchStrategy[Any]:
    return st.lists(strategy, min_size=least, max_size=most).map(tuple)


def _samplings() -> st.SearchStrategy[Sampling]:
    return st.builds(
        Sampling,
        temperature=_optional(st.floats(0, 1e300)),
        top_k=_optional(st.integers(0, 2**31 - 1)),
        min_p=_optional(st.floats(0, 1)),
        presence_penalty=_optional(_FLOAT),
        seed=_optional(st.integers(-1, 2**32 - 2)),
    )


def _requests() -> st.SearchStrategy[Request]:
    origin = {"hf": _TEXT, "revision": _optional(_TEXT)}
    return st.builds(
        Request, **origin, pattern=_optional(_TEXT), lora=_tuples(st.builds(Origin, **origin), most=2)
    )


def _facts() -> st.SearchStrategy[Facts]:
    return st.builds(
        Facts,
        architecture=_TEXT,
        quantisation=_TEXT,
        context_length=_NUMBER,
        embedding=st.booleans(),
        chat_template=st.booleans(),
        mmproj=st.booleans(),
        kv_token=_NUMBER,
        task=_optional(st.sampled_from(["chat", "rerank"])),
        sampling=_samplings(),
    )


@st.composite
def _models(draw: st.DrawFn, name: str, *, main: bool) -> Model:
    paths = draw(st.lists(_WORD, min_size=1, max_size=4, unique=True))
    files = [File(path=path, digest=draw(_DIGESTS)) for path in paths]
    cut = draw(st.integers(1, len(files)))
    scales = tuple(draw(_FLOAT) for _ in files[cut:])
    return Model(
        name=name,
        request=draw(_requests()),
        facts=draw(_facts()),
        settings=settings(
            main=main, lora_scales=scales, args=draw(_tuples(_TEXT)), sampling=draw(_samplings())
        ),
        memory=draw(_NUMBER),
        weights=tuple(files[:cut]),
        lora=tuple(files[cut:]),
    )


@st.composite
def _toolchains(draw: st.DrawFn, name: str) -> Toolchain:
    platforms = draw(st.lists(st.sampled_from(PLATFORMS), min_size=1, max_size=3, unique=True))
    variant = draw(_TEXT | st.dictionaries(_TEXT, _TEXT, max_size=2))
    return Toolchain(
        name=name,
        request=ToolchainRequest(
            version=draw(_TEXT),
            source=draw(st.just("pypi") | st.builds(Own, path=_TEXT)),
            variant=variant,
        ),
        version=draw(_TEXT),
        builds=tuple(draw(_builds(platform)) for platform in platforms),
    )


@st.composite
def _builds(draw: st.DrawFn, platform: Platform) -> Build:
    if draw(st.booleans()):
        return Build(platform=platform, variant=draw(_NAMES), program="bin/x", digest=draw(_DIGESTS))
    paths = draw(st.lists(_WORD, min_size=1, max_size=2, unique=True))
    files = tuple(File(path=path, digest=draw(_DIGESTS)) for path in paths)
    return Build(platform=platform, variant=draw(_NAMES), program=paths[0], files=files)


@st.composite
def _locks(draw: st.DrawFn) -> Lock:
    names = draw(st.lists(_NAMES, max_size=4, unique_by=str.casefold))
    names = [name for name in names if name.isascii()] or names[:1]
    main = draw(st.sampled_from(names)) if names else ""
    models = tuple(draw(_models(name, main=name == main)) for name in names)
    tools = tuple(draw(_toolchains(name)) for name in draw(st.lists(_WORD, max_size=2, unique=True)))
    whole = lock(*models, toolchains=tools)
    return Lock(
        version=VERSION,
        server=draw(
            st.builds(
                Server, host=st.sampled_from(["127.0.0.1", "::1", "zoo.lan"]), port=st.integers(1, 65535)
            )
        ),
        model=models,
        toolchain=tools,
        artifact=tuple(draw(_artifacts(each)) for each in whole.artifact),
    )


@st.composite
def _artifacts(draw: st.DrawFn, plain: Artifact) -> Artifact:
    urls = draw(st.lists(_WORD.map("https://example.org/{}".format), max_size=3, unique=True))
    bundled = draw(st.lists(_WORD.map("bundled:{}".format), min_size=not urls, max_size=2, unique=True))
    return Artifact(digest=plain.digest, size=plain.size, bundled=tuple(bundled), url=tuple(urls))


st.register_type_strategy(Lock, _locks())
