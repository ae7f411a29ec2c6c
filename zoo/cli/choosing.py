"""Chooses the builds that this machine runs, and says why it took those."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from zoo.cli.output import Output
from zoo.lock.model import Build, Lock
from zoo.platform import current

if TYPE_CHECKING:
    from zoo.toolchains.choose import Choice


def add_variant_option(parser: argparse.ArgumentParser) -> None:
    """Add `--variant NAME`, for those who know better which build to take."""
    parser.add_argument(
        "--variant",
        metavar="NAME",
        help="take the locked build of this variant, such as vulkan, even if this machine seems unfit for it",
    )


def chosen(lock: Lock, out: Output, *, insist: str | None = None) -> Mapping[str, Build]:
    """The build of each toolchain that this machine runs; where there was a choice, how it fell is said.

    Raises:
        EaiError: There is none for this platform, or none that it can run.
    """
    from zoo.toolchains.choose import choices  # noqa: PLC0415 - a stale lock, and `--help`, need none of this
    from zoo.toolchains.machine import look  # noqa: PLC0415 - as above

    found = choices(lock, current(), look(), insist=insist)
    for choice in found.values():
        for line in lines(choice):
            out.say(line)
        for obstacle in choice.taken.obstacles:
            out.warn(f"{choice.toolchain}: {choice.taken.build.variant} {obstacle}")
    return {name: choice.taken.build for name, choice in found.items()}


def lines(choice: Choice) -> Iterator[str]:
    """Say which build was taken and what first kept better ones out; nothing where there was only one."""
    if not choice.several:
        return
    yield f"{choice.toolchain} {choice.version}: takes {choice.taken.build.variant}"
    for judged in choice.passed:
        yield f"  not {judged.build.variant}: it {judged.obstacles[0]}"
