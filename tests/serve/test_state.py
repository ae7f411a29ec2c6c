"""What is running, as other processes see it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from zoo.errors import EaiError
from zoo.serve import state
from zoo.serve.rundir import RunDir, run_dir, sockets_dir
from zoo.serve.state import RunState


def a_state(**other: object) -> RunState:
    facts: dict[str, object] = {
        "pid": os.getpid(),
        "born": state.born(),
        "host": "127.0.0.1",
        "port": 8080,
        "overrides": {"port": 8080},
        "environment": "e" * 64,
        "project": "/p",
        "sockets": "/nonexistent/eai-x",
        "secret": "s",
    }
    return RunState(**{**facts, **other})  # type: ignore[arg-type] - as the class has them


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    made = run_dir(tmp_path, tmp_path / "project")
    made.prepare()
    return made


def test_what_is_written_is_read(run: RunDir) -> None:
    state.write(run, a_state())
    assert state.running(run) == a_state()
    assert not list(run.path.glob("*.new"))


def test_a_process_that_only_has_the_same_number_is_not_it(run: RunDir) -> None:
    state.write(run, a_state(born=state.born() - 100))
    assert state.read(run) is not None
    assert state.running(run) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}'])
def test_what_cannot_be_read_is_nothing(run: RunDir, text: str) -> None:
    run.state.write_text(text)
    assert state.running(run) is None


def test_a_project_is_claimed_once_and_can_be_again(run: RunDir) -> None:
    with state.claimed(run, Path("/p")):
        state.write(run, a_state())
        again = state.claimed(run, Path("/p"))
        with pytest.raises(EaiError, match=r"/p is being served already at http://127\.0\.0\.1:8080"), again:
            pytest.fail("claimed twice")
    assert not run.state.exists()
    with state.claimed(run, Path("/p")):
        pass


def test_the_sockets_of_a_dead_run_are_removed(run: RunDir, tmp_path: Path) -> None:
    left = sockets_dir(str(tmp_path))
    (left / "0.sock").touch()
    state.write(run, a_state(sockets=str(left), born=0.0))
    with state.claimed(run, Path("/p")):
        assert not left.exists()


def test_a_folder_that_is_not_ours_is_never_removed(run: RunDir, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    state.write(run, a_state(sockets=str(precious), born=0.0))
    with state.claimed(run, Path("/p")):
        assert precious.exists()


def test_a_place_where_nothing_can_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file")
    with pytest.raises(EaiError, match="cannot make"):
        run_dir(tmp_path, tmp_path).prepare()


def test_sockets_fall_back_to_the_folder_for_temporary_files(tmp_path: Path) -> None:
    for runtime in (None, str(tmp_path / "missing")):
        made = sockets_dir(runtime)
        assert made.stat().st_mode & 0o777 == 0o700
        made.rmdir()


@pytest.mark.parametrize("name", ["a", "../../etc/passwd", "A/B", ".hidden", "x" * 300, "über", "a b"])
def test_a_log_is_a_file_of_the_run_whatever_the_models_name(run: RunDir, name: str) -> None:
    path = run.engine_log(name).path
    assert path.parent == run.path
    path.touch()


def test_logs_of_different_names_are_different(run: RunDir) -> None:
    assert run.engine_log("a/b").path != run.engine_log("a_b").path


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:1"),
        ("0.0.0.0", "http://127.0.0.1:1"),
        ("::1", "http://[::1]:1"),
        ("::", "http://[::1]:1"),
        ("localhost", "http://localhost:1"),
    ],
)
def test_the_url_is_one_that_this_machine_reaches(host: str, url: str) -> None:
    assert state.url(host, 1) == url
