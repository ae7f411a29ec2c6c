"""`eai toolchain show`: everything about one engine that a lock pins."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from zoo.cli import toolchain_ls
from zoo.cli.output import Output
from zoo.cli.pinned import Pinned, every, find, provider
from zoo.cli.project import Project, add_project_option, open_store
from zoo.cli.text import size
from zoo.lock.model import Artifact, Build, Toolchain
from zoo.lock.toml import load
from zoo.store import Store
from zoo.toolchains import derive, known, needs
from zoo.toolchains.advisories import open_in
from zoo.toolchains.install import tree_key
from zoo.toolchains.machine import look

_WIDTH = 11

Fact = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A build with all that is known of it.

    Attributes:
        pinned: The build, and how it stands with this machine.
        needs: What it needs of a machine.
        artifacts: What it is made from.
        tree: Where it is ready to be started; None where it is not.
        record: What was written down when it was built here from source.
    """

    pinned: Pinned
    needs: known.Needs
    artifacts: tuple[Artifact, ...]
    tree: str | None
    record: derive.Record | None


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments, its description and an example."""
    parser.description = (
        "Show all that is known of a pinned engine: what each build needs, where its bytes come from, how it "
        "is built from source, and what was written down when it was."
    )
    parser.epilog = "example:\n  eai toolchain show llama-cpp"
    add_project_option(parser)
    parser.add_argument("name", nargs="?", metavar="NAME", help="which, where the lock has several")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(args: argparse.Namespace, out: Output) -> int:
    """Do it; the exit code, 0 when done."""
    lock = load(Project.of(args).require_lock())
    toolchain, store = find(lock, args.name), open_store()
    artifacts = lock.artifacts()
    builds = [
        _whole(toolchain, pinned, tuple(artifacts[digest] for digest in pinned.build.digests()), store)
        for pinned in every(lock, toolchain, store, look())
    ]
    if args.json:
        out.json(_plain(toolchain, builds))
        return 0
    for line in lines(toolchain, builds):
        out.print(line)
    return 0


def _whole(toolchain: Toolchain, pinned: Pinned, artifacts: tuple[Artifact, ...], store: Store) -> Whole:
    build = pinned.build
    tree = store.tree(tree_key(build))
    return Whole(
        pinned=pinned,
        needs=needs.of(toolchain, build),
        artifacts=artifacts,
        tree=None if tree is None else str(tree),
        record=derive.record(tree) if tree is not None and build.recipe is not None else None,
    )


def lines(toolchain: Toolchain, builds: list[Whole]) -> Iterator[str]:
    """Say it to a person."""
    yield f"{toolchain.name} {toolchain.version}"
    head = [
        ("asked for", f"{toolchain.request.version}, from {provider(toolchain)}"),
        ("licence", known.licence(toolchain.name) or "unknown"),
        *(("fault", f"{it.id}, until {it.fixed}: {it.what}") for it in open_in(*_pin(toolchain))),
    ]
    yield from _told(head)
    for whole in builds:
        build = whole.pinned.build
        yield ""
        yield f"{build.platform}, {build.variant}"
        yield from _told(_facts(whole))


def _pin(toolchain: Toolchain) -> tuple[str, str]:
    return toolchain.name, toolchain.version


def _told(facts: list[Fact]) -> Iterator[str]:
    for name, value in facts:
        yield f"  {name:<{_WIDTH}}{value}"


def _facts(whole: Whole) -> list[Fact]:
    pinned = whole.pinned
    state = f"{pinned.state}{', and this machine takes it' if pinned.here else ''}"
    facts = [("program", pinned.build.program), ("state", state)]
    facts += [("obstacle", str(obstacle)) for obstacle in pinned.obstacles]
    facts += [("needs", value) for value in _needs(whole.needs)]
    for artifact in whole.artifacts:
        facts.append(("bytes", f"{artifact.digest}, {size(artifact.size)}"))
        facts += [("source", uri) for _, uri in artifact.sources()]
    if pinned.build.tree is not None:
        facts.append(("contents", f"blake3:{pinned.build.tree}"))
    if whole.tree is not None:
        facts.append(("tree", whole.tree))
    return [*facts, *_recipe(pinned.build), *_record(whole.record)]


def _needs(needs: known.Needs) -> Iterator[str]:
    """What a build needs, one thing a line; what is as by default needs no word."""
    for name, value in msgspec.to_builtins(_some(needs)).items():
        told = ", ".join(value) if isinstance(value, list | tuple) else value
        yield name.replace("_", " ") if value is True else f"{name} {told}"


def _some(needs: known.Needs) -> dict[str, Any]:
    usual = known.Needs()
    return {
        field: value
        for field in needs.__struct_fields__
        if (value := getattr(needs, field)) != getattr(usual, field) and value is not False
    }


def _recipe(build: Build) -> list[Fact]:
    if build.recipe is None:
        return []
    return [
        ("folder", build.recipe.folder or "."),
        ("targets", " ".join(build.recipe.targets)),
        *(("flag", flag) for flag in build.recipe.flags),
    ]


def _record(record: derive.Record | None) -> list[Fact]:
    if record is None:
        return []
    return [
        ("built in", f"{record.seconds:,} s"),
        ("output", f"blake3:{record.output}"),
        *(("made with", version) for version in record.tools.values()),
    ]


def _plain(toolchain: Toolchain, builds: list[Whole]) -> dict[str, Any]:
    said = toolchain_ls.plain(toolchain, [whole.pinned for whole in builds])
    for each, whole in zip(said["builds"], builds, strict=True):
        build = whole.pinned.build
        each |= {
            "program": build.program,
            "needs": msgspec.to_builtins(_some(whole.needs)),
            "artifacts": [
                {
                    "digest": str(artifact.digest),
                    "size": artifact.size,
                    "sources": [uri for _, uri in artifact.sources()],
                }
                for artifact in whole.artifacts
            ],
            "contents": build.tree,
            "tree": whole.tree,
            "recipe": None if build.recipe is None else msgspec.to_builtins(build.recipe),
            "record": None if whole.record is None else msgspec.to_builtins(whole.record),
        }
    return {**said, "licence": known.licence(toolchain.name), "asked": toolchain.request.version}
