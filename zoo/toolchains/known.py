"""The builds that eai knows of: toolchains/*.toml, as values."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from zoo.errors import EaiError
from zoo.platform import Platform

_HERE = Path(__file__).parent
LLAMA_CPP = "llama-cpp"
STABLE_DIFFUSION_CPP = "stable-diffusion-cpp"
NAMES = (LLAMA_CPP, STABLE_DIFFUSION_CPP)


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the data."""


class Needs(Table, frozen=True, kw_only=True):
    """What a build needs of the machine that runs it.

    Attributes:
        glibc: The oldest version of the GNU C library.
        macos: The oldest version of macOS.
        cpu: Features of an x86_64 processor, as /proc/cpuinfo spells them.
        libraries: Shared libraries of the system, by their sonames.
        gpu: Whose GPU; `any` where it computes on everybody's.
        driver: The oldest version of NVIDIA's driver.
        compute: The least compute capability of an NVIDIA GPU, such as `7.5`.
        rocm: The oldest version of AMD's ROCm.
        jetson: Whether it has code for the GPU of a Jetson board.
        board: The Jetson board that it is for, as machines are asked for theirs; None for any machine.
        stable_abi: Whether eai's Python loads it, and so must not be a free-threaded one.
    """

    glibc: str | None = None
    macos: str | None = None
    cpu: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    gpu: Literal["any", "nvidia", "amd", "intel"] | None = None
    driver: str | None = None
    compute: str | None = None
    rocm: str | None = None
    jetson: bool = True
    board: str | None = None
    stable_abi: bool = False


class Wheel(Table, frozen=True, kw_only=True):
    """The wheel for one platform: its platform tag, what it computes on, and what it needs."""

    tag: str
    variant: str
    needs: Needs = Needs()


class Pypi(Table, frozen=True, kw_only=True):
    """A project of a package index whose wheels hold the engine.

    Attributes:
        program: The package in the wheel that the launcher serves with.
        version: The pattern of its versions; its group `build` is llama.cpp's own number.
        oldest: The first such number that the launcher can run.
        python: The interpreter and ABI tags of the wheel to take.
    """

    project: str
    program: str
    version: str
    oldest: int
    python: str
    wheels: dict[Platform, Wheel]


class Asset(Table, frozen=True, kw_only=True):
    """A file of a release that is a build: for one platform and variant, or for one of each number.

    Attributes:
        variant: What it computes on. Where `file` has a group `number`, that is part of the locked name:
            `cuda` is locked as `cuda-12.8`.
        file: The pattern of its name; `{tag}` and the groups of the tag's pattern stand for what they are.
        beside: The patterns of the files that belong with it; there, `{number}` is that of `file`.
        program: What is started, once all is unpacked.
    """

    platform: Platform
    variant: str
    file: str
    program: str
    beside: tuple[str, ...] = ()
    needs: Needs = Needs()


class Pointer(Table, frozen=True, kw_only=True):
    """A release without builds, one of whose files holds the tag of a release that has them.

    Attributes:
        tag: The pattern of its own tag.
    """

    tag: str
    file: str


class Cuda(Table, frozen=True, kw_only=True):
    """What builds with one major version of CUDA need: an NVIDIA driver, and a GPU of an age."""

    driver: str
    compute: str


class Bad(Table, frozen=True, kw_only=True):
    """Releases that do not work, by the numbers in their tags, and why."""

    first: int
    last: int
    why: str


class Github(Table, frozen=True, kw_only=True):
    """A repository whose releases are builds of the engine.

    Attributes:
        tag: The pattern of the tags of such releases; its group `number` tells which is newer.
        pointer: What a version that people know leads over.
        lacks: What the source archive that GitHub makes of a tag lacks, so that nothing is built of it; None
            where it is whole, so that variants which no release has are built of it.
        cuda: By the major version.
    """

    repository: str
    tag: str
    assets: tuple[Asset, ...]
    pointer: Pointer | None = None
    lacks: str | None = None
    cuda: dict[str, Cuda] = {}
    bad: tuple[Bad, ...] = ()


class Kind(Table, frozen=True, kw_only=True):
    """What a build from source computes on.

    Attributes:
        platforms: Where there is such a build.
        flags: CMake's, beside those of every build and of the platform.
        needs: What it needs of the machine, where that is not what the platform's others do.
    """

    platforms: tuple[Platform, ...]
    flags: tuple[str, ...] = ()
    needs: Needs | None = None


class Host(Table, frozen=True, kw_only=True):
    """A platform that is built for.

    Attributes:
        variant: What `cpu`, which is asked for where nothing is said, means where there is no such build.
        flags: CMake's, for all builds there.
        needs: What a build needs of the machine.
    """

    variant: str = "cpu"
    flags: tuple[str, ...] = ()
    needs: Needs = Needs()


class Source(Table, frozen=True, kw_only=True):
    """A project of a package index whose source archives hold an engine's, and how that is built.

    Attributes:
        version: The pattern of its versions; its group `build`, if it has one, is the engine's own number.
        oldest: The first version that the recipes were written for.
        folder: Where the engine's source is, below the archive's one folder.
        marker: A file in there, by which that folder is found in an archive of somebody's own.
        program: What is started.
        targets: What is built.
        flags: CMake's, for all builds; `{build}` stands for the engine's number.
        platforms: What is particular to each platform.
        variants: Each kind of build.
    """

    project: str
    version: str
    oldest: str
    folder: str
    marker: str
    program: str
    targets: tuple[str, ...]
    flags: tuple[str, ...]
    platforms: dict[Platform, Host]
    variants: dict[str, Kind]

    def needs(self, platform: Platform, variant: str) -> Needs:
        """What a build needs of the machine that runs it."""
        kind = self.variants.get(variant)
        if kind is not None and kind.needs is not None:
            return kind.needs
        return self.platforms[platform].needs if platform in self.platforms else Needs()


class StableDiffusionCpp(Table, frozen=True, kw_only=True):
    """All that is known of stable-diffusion.cpp's builds; `licence` is the engine's own, as SPDX names it."""

    licence: str
    github: Github
    source: Source


class LlamaCpp(Table, frozen=True, kw_only=True):
    """All that is known of llama.cpp's builds.

    Attributes:
        licence: The engine's own, as SPDX names it.
        libraries: How a person gets a shared library that a build needs.
    """

    licence: str
    pypi: Pypi
    github: Github
    source: Source
    libraries: dict[str, str]


def require(name: str) -> None:
    """See that a toolchain is one that there are builds of.

    Raises:
        EaiError: It is not.
    """
    if name not in {LLAMA_CPP, STABLE_DIFFUSION_CPP}:
        hint = f"write [toolchain.{LLAMA_CPP}] or [toolchain.{STABLE_DIFFUSION_CPP}]"
        raise EaiError(f"eai knows no toolchain {name!r}", hint=hint)


def github(name: str) -> Github:
    """The releases of a toolchain.

    Raises:
        EaiError: There is none of that name.
    """
    return _of(name).github


def source(name: str) -> Source:
    """How a toolchain is built from source.

    Raises:
        EaiError: There is none of that name.
    """
    return _of(name).source


def _of(name: str) -> LlamaCpp | StableDiffusionCpp:
    if name == LLAMA_CPP:
        return llama_cpp()
    if name == STABLE_DIFFUSION_CPP:
        return stable_diffusion_cpp()
    raise EaiError(
        f"eai knows no toolchain {name!r}",
        hint=f"write [toolchain.{LLAMA_CPP}] or [toolchain.{STABLE_DIFFUSION_CPP}]",
    )


def licence(name: str) -> str | None:
    """The licence of a toolchain, as SPDX names it; None where nobody knows."""
    if name == LLAMA_CPP:
        return llama_cpp().licence
    return stable_diffusion_cpp().licence if name == STABLE_DIFFUSION_CPP else None


@cache
def llama_cpp() -> LlamaCpp:
    """Read what is known of llama.cpp."""
    return msgspec.convert(tomllib.loads(data("llama-cpp.toml")), LlamaCpp)


@cache
def stable_diffusion_cpp() -> StableDiffusionCpp:
    """Read what is known of stable-diffusion.cpp."""
    return msgspec.convert(tomllib.loads(data("stable-diffusion-cpp.toml")), StableDiffusionCpp)


def data(name: str) -> str:
    """The text of a data file: packed into the wheel of eai, or at the root of its repository."""
    packed = _HERE / "data"
    folder = packed if packed.is_dir() else _HERE.parents[1] / "toolchains"
    return (folder / name).read_text("utf-8")
