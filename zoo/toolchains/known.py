"""The builds that eai knows of: toolchains/llama-cpp.toml, as values."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

import msgspec

from zoo.errors import EaiError
from zoo.platform import Platform

_HERE = Path(__file__).parent
LLAMA_CPP = "llama-cpp"


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


class LlamaCpp(Table, frozen=True, kw_only=True):
    """All that is known of llama.cpp's builds.

    Attributes:
        libraries: How a person gets a shared library that a build needs.
    """

    pypi: Pypi
    libraries: dict[str, str]


def require(name: str) -> None:
    """See that a toolchain is one that there are builds of.

    Raises:
        EaiError: It is not.
    """
    if name != LLAMA_CPP:
        raise EaiError(f"eai knows no toolchain {name!r}", hint=f"write [toolchain.{LLAMA_CPP}]")


@cache
def llama_cpp() -> LlamaCpp:
    """Read what there is to know of llama.cpp."""
    return msgspec.convert(tomllib.loads(data("llama-cpp.toml")), LlamaCpp)


def data(name: str) -> str:
    """The text of a data file: packed into the wheel of eai, or at the root of its repository."""
    packed = _HERE / "data"
    folder = packed if packed.is_dir() else _HERE.parents[1] / "toolchains"
    return (folder / name).read_text("utf-8")
