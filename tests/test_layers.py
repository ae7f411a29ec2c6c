"""Imports between the rooms go one way, and the lock opens no connection."""

from __future__ import annotations

import ast
import graphlib
import itertools
from collections.abc import Iterator
from pathlib import Path

import zoo

ROOT = Path(zoo.__file__).parent

# A room may import from those of the rows above its own, and from those before it in its own row.
ROWS = (
    ("errors", "digest", "platform"),
    ("ipfs", "zoofile", "catalog", "lock", "config"),
    ("store",),
    ("sources", "toolchains"),
    ("fetch", "resolve", "preserve"),
    ("environment",),
    ("serve",),
    ("share",),
    ("doctor",),
    ("cli",),
)
RANK = {room: rank for rank, room in enumerate(itertools.chain.from_iterable(ROWS))}

NETWORK = {
    "aiohttp",
    "asyncio",
    "http",
    "httpx2",
    "huggingface_hub",
    "pypi_simple",
    "socket",
    "ssl",
    "urllib",
}


def _room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def _imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names if node.module == "zoo")
    return names


def _modules() -> list[Path]:
    return [path for path in sorted(ROOT.rglob("*.py")) if _room(path) not in {"__init__", "__main__"}]


def test_every_room_has_its_place_in_the_order() -> None:
    assert {_room(path) for path in _modules()} <= set(RANK)


def test_imports_go_one_way() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in _modules()
        for name in sorted(_imported(path))
        if name.startswith("zoo.")
        and name.split(".")[1] in RANK
        and RANK[name.split(".")[1]] > RANK[_room(path)]
    ]
    assert wrong == []


def test_the_lock_touches_no_network() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in _modules()
        if _room(path) == "lock"
        for name in sorted(_imported(path))
        if name.split(".")[0] in NETWORK
    ]
    assert wrong == []


def test_the_proxy_knows_nothing_of_sources() -> None:
    wrong = [
        path.name for path in _modules() if _room(path) == "serve" and "zoo.sources" in str(_imported(path))
    ]
    assert wrong == []


def test_only_the_command_line_prints() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in _modules()
        if _room(path) != "cli"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert wrong == []


def _module(path: Path) -> str:
    return ".".join(("zoo", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")


def _at_once(node: ast.AST) -> Iterator[str]:
    """What is imported when a module is: not in functions, and not for types only."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ImportFrom) and child.module and not child.level:
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        elif isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        elif not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _at_once(child)


def test_no_module_needs_itself() -> None:
    needs: dict[str, set[str]] = {_module(path): set() for path in ROOT.rglob("*.py")}
    for path in ROOT.rglob("*.py"):
        for name in _at_once(ast.parse(path.read_text(encoding="utf-8"))):
            found = name if name in needs else name.rpartition(".")[0]
            if found in needs:
                needs[_module(path)].add(found)
    graphlib.TopologicalSorter(needs).prepare()  # which names the modules of a cycle
