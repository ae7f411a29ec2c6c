"""Folders for sockets, and what dead proxies left in them."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from zoo.doctor import sockets
from zoo.doctor.sockets import Sockets, checks
from zoo.serve.state import RunState, born


@pytest.fixture
def runtime() -> Iterator[Path]:
    """A folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="d") as folder:
        yield Path(folder)


def _socket(path: Path) -> socket.socket:
    path.parent.mkdir()
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(path))
    return made


def _run(runs: Path, name: str, folder: Path, **changes: object) -> None:
    state = RunState(
        pid=os.getpid(),
        born=born(),
        host="127.0.0.1",
        port=1,
        overrides={},
        environment="e",
        project="/p",
        sockets=str(folder),
        secret="s",
    )
    (runs / name).mkdir(parents=True)
    changed = msgspec.structs.replace(state, **changes)
    (runs / name / "state.json").write_bytes(msgspec.json.encode(changed))


def test_a_runtime_folder_is_used_where_it_can_be(runtime: Path) -> None:
    seen = sockets.look(str(runtime), runtime / "run")
    assert (seen.base, seen.writable, seen.left) == (runtime, True, ())
    assert list(checks(seen)) == []
    assert sockets.look(str(runtime / "none"), runtime / "run").base == Path(tempfile.gettempdir())


def test_folders_of_dead_proxies_are_found_and_those_of_living_ones_left_alone(runtime: Path) -> None:
    runs, unix = runtime / "run", runtime / "unix"
    _socket(runtime / "eai-dead/0.sock").close()
    _socket(runtime / "eai-killed/0.sock").close()
    (runtime / "eai-idle").mkdir()  # perhaps of a proxy of another data folder, whose engines sleep
    (runtime / "eai-mine").mkdir()
    (runtime / "eai-files").mkdir()
    (runtime / "eai-files/notes.txt").touch()
    (runtime / "eai-link").symlink_to("eai-dead")
    with closing(_socket(runtime / "eai-other/0.sock")):
        unix.write_text(f"Num RefCount\n0000: 00000002 0 0001 01 123 {runtime}/eai-other/0.sock\n")
        _run(runs, "a", runtime / "eai-mine")
        _run(runs, "b", runtime / "eai-killed", born=1.0)

        seen = sockets.look(str(runtime), runs, unix)

    assert seen.left == (runtime / "eai-dead", runtime / "eai-killed")


def test_where_the_kernel_lists_no_sockets_only_what_is_known_to_be_dead_is_named(runtime: Path) -> None:
    _socket(runtime / "eai-dead/0.sock").close()
    _socket(runtime / "eai-killed/0.sock").close()
    _run(runtime / "run", "b", runtime / "eai-killed", born=1.0)
    seen = sockets.look(str(runtime), runtime / "run", runtime / "none")
    assert seen.left == (runtime / "eai-killed",)


def test_what_was_left_is_only_mentioned() -> None:
    left = tuple(Path(f"/tmp/eai-{number}") for number in range(5))
    (found,) = checks(Sockets(base=Path("/tmp"), runtime=None, left=left[:1]))
    assert (found.level, found.what, found.remedy) == (
        "note",
        "killed proxies left /tmp/eai-0",
        "`rm -r /tmp/eai-0`",
    )
    (found,) = checks(Sockets(base=Path("/tmp"), runtime=None, left=left))
    assert found.what.endswith("/tmp/eai-2 and 2 more")


@pytest.mark.parametrize(("runtime", "variable"), [("/r" * 45, "XDG_RUNTIME_DIR"), (None, "TMPDIR")])
def test_a_path_that_is_too_long_for_sockets_is_refused_before_an_engine_is(
    runtime: str | None, variable: str
) -> None:
    seen = Sockets(base=Path("/r" * 45), runtime=runtime)
    (found,) = checks(seen)
    assert found.level == "error"
    assert found.remedy is not None
    assert variable in found.remedy
    assert list(checks(replace(seen, base=Path("/run/user/1000")))) == []


def test_a_folder_nobody_may_write_to_holds_no_sockets() -> None:
    (found,) = checks(Sockets(base=Path("/tmp"), runtime=None, writable=False))
    assert "no engine can listen" in found.what
