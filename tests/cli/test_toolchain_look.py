"""`eai toolchain ls`, `show` and `try`, and what is said of old engines, with a local GitHub."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from models.chat import write_chat
from support import official, tiny_project
from support.engine import write_wheel
from support.github import GitHub
from support.locked import lock, model
from support.shop import ZOOFILE, Shop

from zoo.lock.model import File
from zoo.lock.render import render
from zoo.platform import current
from zoo.store import Store

RELEASES = f"""\
[zoo]
platforms = ["{current()}", "windows-arm64"]

[toolchain.llama-cpp]
from = "github"
variant = ["cuda", "cpu"]

[models.chat]
path = "models/chat.gguf"
context-length = 1024
"""

PROGRAM = """\
#!/bin/sh
[ "$1" = --version ] && { echo "version: 11549 (abcdef012)"; echo "built with sh"; exit; } >&2
echo "$@"
pwd
export
IFS= read -r line && echo "read $line"
exit 7
"""


@pytest.fixture
def released(tmp_path: Path, github: GitHub, native_engine: bytes) -> Shop:
    """A project that has locked an official release with known faults."""
    made = Shop(tmp_path / "project", tmp_path / "home", dict(github.env))
    (made.folder / "models").mkdir(parents=True)
    write_chat(made.folder / "models" / "chat.gguf")
    (made.folder / "zoofile.toml").write_text(RELEASES)
    github.release(official.LLAMA, "b8000", *official.llama("b8000", native_engine))
    locked = made.eai("lock")
    assert locked.returncode == 0, locked.stderr
    assert "llama-cpp b8000 has known faults that b8908 has not" in locked.stderr
    return made


@pytest.fixture
def wheel(tmp_path: Path) -> Shop:
    """A project whose lock has a real wheel for this platform, which is in the store already."""
    made = Shop(tmp_path / "project", tmp_path / "home")
    made.folder.mkdir()
    store = Store(made.home / "store")
    write_chat(tmp_path / "chat.gguf")
    weights = File(path="chat.gguf", digest=store.adopt(tmp_path / "chat.gguf")[0])
    digest = store.adopt(write_wheel(tmp_path / "engine.whl"))[0]
    (made.folder / "zoo.lock").write_text(render(lock(model("chat", weights, main=True), wheel=digest)))
    return made


def _done(ran: subprocess.CompletedProcess[str]) -> str:
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_an_old_engine_is_warned_of_until_it_is_upgraded(
    released: Shop, github: GitHub, native_engine: bytes
) -> None:
    doctor = released.eai("doctor")
    assert "llama-cpp b8000 has CVE-2026-27940, which b8146 has not" in doctor.stdout
    assert "remedy: `eai lock --upgrade-toolchain llama-cpp` pins a newer build" in doctor.stdout
    assert "  CVE-2026-27940, until b8146: " in _done(released.eai("toolchain", "ls"))

    github.release(official.LLAMA, "b11549", *official.llama("b11549", native_engine))
    assert "has known faults" in released.eai("lock").stderr  # which keeps what is locked
    upgraded = released.eai("lock", "--upgrade-toolchain", "llama-cpp")

    assert upgraded.returncode == 0, upgraded.stderr
    assert "known faults" not in upgraded.stderr
    assert "CVE" not in released.eai("doctor").stdout
    assert "CVE" not in _done(released.eai("toolchain", "ls"))


def test_the_list_says_what_is_pinned_and_what_this_machine_takes(released: Shop) -> None:
    (toolchain,) = json.loads(_done(released.eai("toolchain", "ls", "--json")))
    builds = {(build["platform"], build["variant"]): build for build in toolchain["builds"]}

    assert (toolchain["name"], toolchain["version"], toolchain["from"]) == ("llama-cpp", "b8000", "github")
    assert {platform for platform, _ in builds} == {current(), "windows-arm64"}
    (taken,) = (build for build in toolchain["builds"] if build["here"])
    assert (taken["platform"], taken["state"], taken["obstacles"]) == (current(), "not here", [])
    assert not builds["windows-arm64", "cpu"]["obstacles"]  # who knows what such a machine has

    lines = _done(released.eai("toolchain", "ls")).splitlines()
    assert lines[0] == "llama-cpp b8000, from github"
    assert sum("this machine takes it" in line for line in lines) == 1


def test_an_official_build_is_fetched_and_tried(released: Shop) -> None:
    tried = released.eai("toolchain", "try", "llama-cpp", "--", "--version")
    assert tried.returncode == 0, tried.stderr
    assert "version: 11549" in tried.stderr  # where llama-server says it
    (toolchain,) = json.loads(_done(released.eai("toolchain", "ls", "--json")))
    assert [build["state"] for build in toolchain["builds"] if build["here"]] == ["ready"]


def test_trying_offline_says_what_is_missing(released: Shop) -> None:
    tried = released.eai("toolchain", "try", "--offline", "--", "--version")
    assert tried.returncode == 5
    assert "llama-b8000-bin" in tried.stderr


def test_the_wheel_is_tried_through_the_launcher(wheel: Shop) -> None:
    tried = wheel.eai("toolchain", "try", "--", "--version")
    assert tried.returncode == 0, tried.stderr
    assert tried.stdout.startswith("xllamacpp 20")

    refused = wheel.eai("toolchain", "try", "--", "--no-such-flag", "llama-cpp")
    assert refused.returncode == 1
    assert "cannot honour --no-such-flag" in refused.stderr


def test_all_of_a_wheel_is_shown(wheel: Shop) -> None:
    said = _done(wheel.eai("toolchain", "show"))
    assert "  licence    MIT" in said
    assert "  source     pypi://xllamacpp@2026.10.11549/x.whl" in said
    assert "  needs      stable abi" in said
    assert not [
        line for line in said.splitlines() if line.startswith("  needs") and "'" in line
    ]  # Python's quotes

    shown = json.loads(_done(wheel.eai("toolchain", "show", "llama-cpp", "--json")))
    (here,) = (build for build in shown["builds"] if build["here"])
    assert (here["state"], here["tree"], here["record"], shown["licence"]) == (
        "in the store",
        None,
        None,
        "MIT",
    )


def test_what_is_source_code_is_built_to_be_tried_and_its_record_is_shown(source: Shop) -> None:
    before = _done(source.eai("toolchain", "show"))
    assert "  flag       " in before
    assert "made with" not in before

    tried = source.eai("toolchain", "try", "--", "--version")
    assert tried.returncode == 0, tried.stderr
    assert "building llama-cpp from source" in tried.stderr
    assert tried.stdout.startswith("xllamacpp ")

    after = json.loads(_done(source.eai("toolchain", "show", "--json")))["builds"][0]
    assert after["state"] == "ready"
    assert after["record"]["tools"].keys() == {*tiny_project.NEEDED}
    assert "  made with  " in _done(source.eai("toolchain", "show"))


def test_doctor_names_the_tools_that_a_source_build_lacks(source: Shop) -> None:
    source.extra["PATH"] = str(Path(sys.executable).parent / "none")
    done = source.eai("doctor")
    assert done.returncode == 1
    assert "error: llama-cpp b12000: building from source needs cmake, ninja, " in done.stdout
    assert "apt-get install cmake ninja-build gcc g++" in done.stdout


@pytest.fixture
def program(tmp_path: Path) -> Shop:
    """A project with a program of its own, which tells how it was started."""
    made = Shop(tmp_path / "project", tmp_path / "home", {"LLAMA_ARG_PORT": "1", "LD_PRELOAD": ""})
    for name in ("bin", "models"):
        (made.folder / name).mkdir(parents=True)
    for name in ("chat", "endless"):
        write_chat(made.folder / "models" / f"{name}.gguf")
    script = made.folder / "bin" / "llama-server"
    script.write_text(PROGRAM)
    script.chmod(0o755)
    (made.folder / "zoofile.toml").write_text(ZOOFILE)
    _done(made.eai("lock"))
    return made


def test_the_program_gets_its_words_and_its_input_and_nothing_of_this_machine(program: Shop) -> None:
    ran = subprocess.run(
        (sys.executable, "-m", "zoo", "toolchain", "try", "--", "-q", "a b", "--", "llama-cpp"),
        cwd=program.folder,
        env=program.env(),
        input="from a pipe\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 7, ran.stderr
    words, folder, *rest = ran.stdout.splitlines()
    assert words == "-q a b -- llama-cpp"
    assert Path(folder).is_relative_to(program.home / "store" / "trees")
    assert rest[-1] == "read from a pipe"
    assert not any("LLAMA_ARG_PORT" in line or "EAI_HOME" in line for line in rest)
    assert sum("PATH=" in line and "LIBRARY" not in line and "PYTHON" not in line for line in rest) == 1


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("try", "whisper", "--", "x"), 1, "the lock has no toolchain whisper"),
        (("show", "whisper"), 1, "it has llama-cpp"),
        (("try", "--variant", "cuda", "--", "x"), 2, "no build of variant cuda is locked"),
        (("ls", "--", "x"), 2, "nothing can stand behind --: x"),
    ],
)
def test_what_is_not_there_is_refused(program: Shop, words: tuple[str, ...], code: int, said: str) -> None:
    done = program.eai("toolchain", *words)
    assert done.returncode == code
    assert said in done.stderr
