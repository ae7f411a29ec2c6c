"""What a build needs of a machine, and whether that has it: asked before a byte of it is downloaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace
from packaging.version import InvalidVersion, Version

from zoo.lock.model import Build, Toolchain
from zoo.platform import Platform
from zoo.toolchains import known, official, variants
from zoo.toolchains.gpus import Gpu
from zoo.toolchains.machine import Machine

_GPUS: dict[str, Literal["any", "nvidia", "amd"]] = {"cuda": "nvidia", "rocm": "amd", "vulkan": "any"}
_BOARDS = {"orin": "Orin", "orin-nano": "Orin of at most 8 GB", "thor": "Thor", "xavier": "Xavier"}
_VENDORS = {"nvidia": "NVIDIA", "amd": "AMD", "intel": "Intel"}


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a machine can't run a build.

    Attributes:
        what: What it needs, and what there is instead.
        remedy: What a person can do about it; None where nothing helps but another build.
    """

    what: str
    remedy: str | None = None

    def __str__(self) -> str:
        return self.what if self.remedy is None else f"{self.what} ({self.remedy})"


def of(toolchain: Toolchain, build: Build) -> known.Needs:
    """What a locked build needs; nothing where nobody knows it."""
    if build.recipe is not None:
        return of_source(toolchain.name, build.platform, build.variant)
    if build.files:
        return known.Needs()
    if toolchain.request.source == "pypi":
        return of_wheel(build.platform)
    if toolchain.request.source == "github" and toolchain.name in known.NAMES:
        return of_release(known.github(toolchain.name), build.platform, build.variant)
    return known.Needs()


def of_source(name: str, platform: Platform, variant: str) -> known.Needs:
    """What a build that is made on the machine needs to run there."""
    if name not in known.NAMES:
        return known.Needs()
    needs = known.source(name).needs(platform, variant)
    gpu = _GPUS.get(variant.partition("-")[0])
    return replace(needs, gpu=gpu, board=variants.board(variant))


def of_request(name: str, platform: Platform, variant: str) -> known.Needs:
    """What is needed by the build that would be locked where an official release is asked for a variant."""
    data = known.github(name)
    if official.is_built(data, known.source(name), variant):
        return of_source(name, platform, variant)
    return of_release(data, platform, variant)


def of_wheel(platform: Platform) -> known.Needs:
    """What llama.cpp's wheel for a platform needs."""
    wheel = known.llama_cpp().pypi.wheels.get(platform)
    return replace(known.Needs() if wheel is None else wheel.needs, stable_abi=True)


def of_release(data: known.Github, platform: Platform, variant: str) -> known.Needs:
    """What the build of a release for a platform needs."""
    for asset in data.assets:
        number = variants.number(asset.variant, variant)
        if asset.platform == platform and number is not None:
            return _numbered(data, asset, number)
    return known.Needs()


def _numbered(data: known.Github, asset: known.Asset, number: str) -> known.Needs:
    """Add what follows from the version of CUDA or ROCm in a variant's name; without one, from the newest."""
    if asset.variant == "cuda":
        newest = max(data.cuda, key=int)
        cuda = data.cuda.get(number.partition(".")[0], data.cuda[newest])
        return replace(asset.needs, driver=cuda.driver, compute=cuda.compute)
    if asset.variant == "rocm":
        return replace(asset.needs, rocm=number or None)
    return asset.needs


def obstacles(needs: known.Needs, machine: Machine) -> tuple[Obstacle, ...]:
    """List everything that a machine lacks of what a build needs."""
    return tuple(_obstacles(needs, machine))


def _obstacles(needs: known.Needs, machine: Machine) -> Iterator[Obstacle]:
    if needs.stable_abi and machine.free_threaded:
        yield Obstacle(
            "cannot be loaded by a free-threaded Python, and eai runs on one",
            "install eai with an ordinary Python",
        )
    yield from _gpu(needs, machine)
    for name, least, found in (
        ("glibc", needs.glibc, machine.glibc),
        ("macOS", needs.macos, machine.macos),
        ("ROCm", needs.rocm, machine.rocm),
    ):
        if least is not None and not _reaches(found, least):
            yield Obstacle(f"needs {name} {least} or newer, and this machine has {found or f'no {name}'}")
    if machine.cpu is not None and (lacking := sorted(set(needs.cpu) - machine.cpu)):
        yield Obstacle(f"needs a processor with {', '.join(lacking)}, and this machine's has none")
    for library in needs.libraries:
        if not machine.loads(library):
            yield Obstacle(f"needs {library}, which this machine lacks", remedy(library))


def _gpu(needs: known.Needs, machine: Machine) -> Iterator[Obstacle]:
    if needs.gpu is None:
        return
    if (machine.jetson or machine.board) is not None and not needs.jetson:
        yield Obstacle(
            "has no code for the GPU of a Jetson",
            '`variant = "jetson"` builds it on the board',
        )
        return
    if needs.board is not None and not _suits(needs.board, machine.board):
        yield _other_board(needs.board, machine)
        return
    fitting = [gpu for gpu in machine.gpus() if needs.gpu in {"any", gpu.kind}]
    if not fitting:
        whose = _VENDORS.get(needs.gpu)
        yield Obstacle(f"needs {f'an {whose}' if whose else 'a'} GPU, and none is seen on this machine")
    elif needs.gpu == "nvidia":
        yield from _nvidia(needs, fitting)


def _suits(wanted: str, board: str | None) -> bool:
    """Whether a build for one board runs on another; what an Orin of 8 GB can do, so can a larger one."""
    return wanted == board or (wanted, board) == ("orin-nano", "orin")


def _other_board(wanted: str, machine: Machine) -> Obstacle:
    what = f"is for a Jetson {_BOARDS[wanted]}"
    if machine.board is not None:
        return Obstacle(f"{what}, and this is a Jetson {_BOARDS[machine.board]}")
    if machine.jetson is None:
        return Obstacle(f"{what}, and this machine is none")
    return Obstacle(
        f"{what}, and which Jetson this is cannot be seen: /proc/device-tree does not say",
        f"`--variant cuda-{wanted}` takes it anyway",
    )


def _nvidia(needs: known.Needs, gpus: list[Gpu]) -> Iterator[Obstacle]:
    """What the best of the GPUs lacks; one driver serves them all."""
    driver = gpus[0].driver
    if needs.driver is not None and not _reaches(driver, needs.driver):
        yield Obstacle(
            f"needs NVIDIA's driver {needs.driver} or newer, and this machine has {driver or 'none'}",
            "install a newer driver",
        )
    stated = [gpu.compute for gpu in gpus if gpu.compute is not None]
    best = max(stated, key=Version, default=None)
    if needs.compute is not None and best is not None and not _reaches(best, needs.compute):
        yield Obstacle(
            f"needs a GPU of compute capability {needs.compute} or more, and this machine's has {best}"
        )


def remedy(library: str) -> str | None:
    """How a person gets a shared library."""
    return known.llama_cpp().libraries.get(library)


def _reaches(found: str | None, least: str) -> bool:
    try:
        return found is not None and Version(found) >= Version(least)
    except InvalidVersion:
        return False
