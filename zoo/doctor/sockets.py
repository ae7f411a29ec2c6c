"""Sockets: whether engines can listen where proxies put them, and what killed proxies left behind."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from zoo.doctor.finding import Finding
from zoo.serve import state
from zoo.serve.rundir import PREFIX, RunDir, sockets_base
from zoo.serve.spawn import SOCKET_PATH_MAX

# What stands behind the folder: one of tempfile's names, and a socket of an engine started late.
_BEHIND = f"/{PREFIX}12345678/999999.sock"
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Sockets:
    """Where engines listen.

    Attributes:
        base: The folder in which each proxy makes one of its own.
        runtime: XDG_RUNTIME_DIR, as it is set.
        writable: Whether this user may write to `base`.
        longest: Bytes of a path that a socket may have.
        left: Folders that no living proxy uses.
    """

    base: Path
    runtime: str | None
    writable: bool = True
    longest: int = SOCKET_PATH_MAX
    left: tuple[Path, ...] = ()


def look(runtime: str | None, runs: Path, unix: Path = Path("/proc/net/unix")) -> Sockets:
    """Look at where engines listen.

    Args:
        runtime: XDG_RUNTIME_DIR, where it is set.
        runs: The folder of all runs of this data folder.
        unix: Lists the sockets that somebody has open, where the kernel says so.
    """
    base = Path(sockets_base(runtime) or tempfile.gettempdir())
    return Sockets(
        base=base,
        runtime=runtime,
        writable=os.access(base, os.W_OK | os.X_OK),
        left=tuple(_left(base, runs, unix)),
    )


def _left(base: Path, runs: Path, unix: Path) -> Iterator[Path]:
    """Folders with sockets of which none is open, and which no living proxy has written down as its own."""
    seen = [found for folder in runs.glob("*/") if (found := state.read(RunDir(folder))) is not None]
    alive = {Path(each.sockets) for each in seen if state.is_alive(each)}
    try:
        opened = unix.read_text("utf-8", "replace")
    except OSError:
        opened = None  # as on macOS: then only what a dead proxy wrote down is known to be its own
    dead = {Path(each.sockets) for each in seen} - alive
    for folder in sorted(base.glob(f"{PREFIX}*")):
        ours = folder.is_dir() and not folder.is_symlink() and folder.stat().st_uid == os.getuid()
        if ours and folder not in alive and (folder in dead or _closed(folder, opened)):
            yield folder


def _closed(folder: Path, opened: str | None) -> bool:
    """Whether a folder holds sockets, nothing else, and nobody has any of them open."""
    try:
        inside = list(folder.iterdir())
    except OSError:
        return False
    return (
        opened is not None
        and bool(inside)
        and all(path.is_socket() for path in inside)
        and f"{folder}/" not in opened
    )


def checks(sockets: Sockets) -> Iterator[Finding]:
    """Find what keeps engines from listening, and what is left of those that did."""
    if not sockets.writable:
        yield Finding(
            "error",
            f"no engine can listen: this user may not write to {sockets.base}",
            "set TMPDIR to a folder of your own, with a short path",
        )
    if len(os.fsencode(sockets.base)) + len(_BEHIND) > sockets.longest:
        variable = "XDG_RUNTIME_DIR" if str(sockets.base) == sockets.runtime else "TMPDIR"
        yield Finding(
            "error",
            f"the path of {sockets.base} is too long for sockets, which may have {sockets.longest} bytes",
            f"set {variable} to a folder with a short path, such as {_short()}",
        )
    if sockets.left:
        few = [str(folder) for folder in sockets.left[:_MOST_NAMED]]
        more = len(sockets.left) - len(few)
        yield Finding(
            "note",
            f"killed proxies left {', '.join(few)}" + (f" and {more} more" if more else ""),
            f"`rm -r {' '.join(few)}`" + ("; `eai doctor --json` names them all" if more else ""),
        )


def _short() -> str:
    return "/tmp" if sys.platform == "darwin" else f"/run/user/{os.getuid()}"  # noqa: S108 - to be read
