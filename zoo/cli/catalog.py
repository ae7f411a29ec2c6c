"""`eai catalog`: the featured models, listed and searched."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, get_args

from msgspec import to_builtins

from zoo import catalog
from zoo.catalog import Entry
from zoo.cli.output import Output
from zoo.cli.text import size
from zoo.serve import units
from zoo.zoofile.model import Task

if TYPE_CHECKING:
    from rich.table import Table

_TASKS = get_args(Task)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments and examples."""
    parser.add_argument("words", metavar="WORD", nargs="*", help="show only what all words fit")
    parser.add_argument("--task", choices=_TASKS, help="show only models for this")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.epilog = "examples:\n  eai catalog qwen3 coder\n  eai catalog --task embed"


def run(args: argparse.Namespace, out: Output) -> int:
    """List what fits."""
    words = " ".join(args.words)
    found = [entry for entry in catalog.search(words) if args.task in {None, entry.task}]
    if args.json:
        out.json([{**to_builtins(entry), "supported": entry.supported} for entry in found])
        return 0
    if not found:
        near = ", ".join(f"`{name}`" for name in catalog.near(words))
        out.say("nothing in the catalogue fits" + (f"; did you mean {near}?" if near else ""))
        return 0
    out.show(_table(found, narrow=out.data.isatty()))
    out.say("`eai add NAME` adds one; sizes are rough, memory is at 32768 tokens of context")
    return 0


def _table(entries: Sequence[Entry], *, narrow: bool) -> Table:
    """Lay the models out in columns; only a terminal may break the last one."""
    from rich.table import Table  # noqa: PLC0415 - 30 ms that only this table needs

    rows = [(e.name, e.task, _told(e.size, size), _told(e.ram, units.spell), _where(e)) for e in entries]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = Table(box=None, pad_edge=False)
    for title, width in zip(("name", "task", "size", "memory"), widths, strict=False):
        table.add_column(title, min_width=width, no_wrap=True)
    table.add_column("where", min_width=None if narrow else widths[-1], overflow="fold")
    for entry, row in zip(entries, rows, strict=True):
        table.add_row(*row, style=None if entry.supported else "dim")
    return table


def _told(stated: str | None, spell: Callable[[int], str]) -> str:
    """Say what the catalogue states as everything else is said: files in GB, memory in GiB."""
    return "-" if stated is None else spell(units.size(stated))


def _where(entry: Entry) -> str:
    if not entry.supported:
        return f"needs {entry.backend}, which this eai does not have"
    place = entry.request.hf or f"ipfs://{entry.request.ipfs}"
    return f"{place} ({entry.request.pattern})" if entry.request.pattern else place
