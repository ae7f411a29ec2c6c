"""The builds that eai knows of: toolchains/*.toml, as values."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

import msgspec

from zoo.errors import EaiError
from zoo.platform import Platform

_HERE = Path(__file__).parent
LLAMA_CPP = "llama-cpp"
STABLE_DIFFUSION_CPP = "stable-diffusion-cpp"


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the data."""


class Needs(Table, frozen=True, kw_only=True):
    """What a build needs of the machine that runs it.

    Attributes:
        glibc: The oldest version of the GNU C library.
        macos: The oldest version of macOS.
        cpu: Features of an x86_64 processor, as /proc/cpuinfo spells them.
        libraries: Shared libraries of the system, by their sonames.
    """

    glibc: str | None = None
    macos: str | None = None
    cpu: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()


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
    """All that is known of stable-diffusion.cpp's builds."""

    source: Source


class LlamaCpp(Table, frozen=True, kw_only=True):
    """All that is known of llama.cpp's builds.

    Attributes:
        libraries: How a person gets a shared library that a build needs.
    """

    pypi: Pypi
    source: Source
    libraries: dict[str, str]


def require(name: str) -> None:
    """See that a toolchain is one that there are builds of.

    Raises:
        EaiError: It is not.
    """
    if name != LLAMA_CPP:
        raise EaiError(f"eai knows no toolchain {name!r}", hint=f"write [toolchain.{LLAMA_CPP}]")


def source(name: str) -> Source:
    """How a toolchain is built from source.

    Raises:
        EaiError: There is none of that name.
    """
    if name == LLAMA_CPP:
        return llama_cpp().source
    if name == STABLE_DIFFUSION_CPP:
        return stable_diffusion_cpp().source
    raise EaiError(
        f"eai knows no toolchain {name!r}",
        hint=f"write [toolchain.{LLAMA_CPP}] or [toolchain.{STABLE_DIFFUSION_CPP}]",
    )


def source_of(program: str) -> Source | None:
    """How a program is built from source; None for one that eai has no recipe for."""
    every = (source(name) for name in (LLAMA_CPP, STABLE_DIFFUSION_CPP))
    return next((each for each in every if each.program == program), None)


@cache
def llama_cpp() -> LlamaCpp:
    """Read what there is to know of llama.cpp."""
    return msgspec.convert(tomllib.loads(data("llama-cpp.toml")), LlamaCpp)


@cache
def stable_diffusion_cpp() -> StableDiffusionCpp:
    """Read what there is to know of stable-diffusion.cpp."""
    return msgspec.convert(tomllib.loads(data("stable-diffusion-cpp.toml")), StableDiffusionCpp)


def data(name: str) -> str:
    """The text of a data file: packed into the wheel of eai, or at the root of its repository."""
    packed = _HERE / "data"
    folder = packed if packed.is_dir() else _HERE.parents[1] / "toolchains"
    return (folder / name).read_text("utf-8")
