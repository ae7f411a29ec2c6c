"""`eai toolchain ls`: lists the engines that a lock pins."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from zoo.cli.output import Output
from zoo.cli.pinned import Pinned, every, provider
from zoo.cli.project import Project, add_project_option, open_store
from zoo.cli.text import size
from zoo.lock.model import Toolchain
from zoo.lock.toml import load
from zoo.toolchains.advisories import open_in
from zoo.toolchains.machine import look


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments, its description and an example."""
    parser.description = (
        "List the builds that zoo.lock pins: their size, whether they are in the store, and which one this "
        "machine takes, or what keeps it from the others."
    )
    parser.epilog = "example:\n  eai toolchain ls --json | jq '.[].builds[] | select(.here)'"
    add_project_option(parser)
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace, out: Output) -> int:
    """Do it; the exit code, 0 when done."""
    lock = load(Project.of(args).require_lock())
    store, machine = open_store(), look()
    found = {each.name: tuple(every(lock, each, store, machine)) for each in lock.toolchain}
    if args.json:
        out.json([plain(each, found[each.name]) for each in lock.toolchain])
        return 0
    for toolchain in lock.toolchain:
        for line in lines(toolchain, found[toolchain.name]):
            out.print(line)
    return 0


def lines(toolchain: Toolchain, builds: Sequence[Pinned]) -> Iterator[str]:
    """Say it to a person."""
    yield f"{toolchain.name} {toolchain.version}, from {provider(toolchain)}"
    platforms = max((len(each.build.platform) for each in builds), default=0)
    variants = max((len(each.build.variant) for each in builds), default=0)
    for each in builds:
        build = each.build
        head = f"  {build.platform:<{platforms}}  {build.variant:<{variants}}  {size(each.size):>10}"
        yield f"{head}  {each.state:<12}  {_here(each)}".rstrip()
    for fault in open_in(toolchain.name, toolchain.version):
        yield f"  {fault.id}, until {fault.fixed}: {fault.what}"


def _here(each: Pinned) -> str:
    if each.here:
        return "this machine takes it"
    return f"not on this machine: it {each.obstacles[0].what}" if each.obstacles else ""


def plain(toolchain: Toolchain, builds: Sequence[Pinned]) -> dict[str, Any]:
    """Say it to a program; sizes are bytes."""
    return {
        "name": toolchain.name,
        "version": toolchain.version,
        "from": provider(toolchain),
        "faults": [fault.id for fault in open_in(toolchain.name, toolchain.version)],
        "builds": [
            {
                "platform": each.build.platform,
                "variant": each.build.variant,
                "size": each.size,
                "state": each.state,
                "here": each.here,
                "obstacles": [asdict(obstacle) for obstacle in each.obstacles],
            }
            for each in builds
        ],
    }
