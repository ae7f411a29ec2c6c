"""`eai toolchain build`, and `eai up` of what is built from source: with a real compiler, of one file."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from models.chat import SENTENCE
from support import tiny_project
from support.serving import WAIT, until
from support.shop import Shop, chat

pytestmark = pytest.mark.engine


def test_what_is_locked_as_source_code_is_built_by_up_and_answers(source: Shop) -> None:
    done = source.eai("up", "-d", "--port", "0")

    assert done.returncode == 0, done.stderr
    assert "building llama-cpp from source" in done.stderr
    assert "llama-server: 6 of 6 steps" in done.stderr
    assert "llama-server: built in " in done.stderr
    assert chat(done.stdout.strip()) == SENTENCE

    source.eai("down")
    again = source.eai("up", "-d", "--port", "0", "--offline")
    assert again.returncode == 0, again.stderr
    assert "building" not in again.stderr


def test_a_build_can_be_made_before_it_is_needed_and_checked(source: Shop) -> None:
    built = source.eai("toolchain", "build")

    assert built.returncode == 0, built.stderr
    tree = Path(built.stdout.strip())
    assert os.access(tree / "llama-server", os.X_OK)
    assert json.loads((tree / ".eai-build.json").read_bytes())["tools"].keys() == {*tiny_project.NEEDED}

    checked = source.eai("toolchain", "build", "llama-cpp", "--check")
    assert checked.returncode == 0, checked.stderr
    assert "llama-cpp: built again in another folder, it is the same to the last bit" in checked.stderr
    assert checked.stdout.strip() == str(tree)
    assert source.eai("-q", "toolchain", "build").stderr == ""


def test_a_build_whose_bits_vary_exits_with_4_and_names_the_files(source: Shop) -> None:
    varying = 'string(RANDOM LENGTH 20 DICE)\nfile(WRITE "${CMAKE_BINARY_DIR}/bin/dice.so" "${DICE}")\n'
    files = {
        "CMakeLists.txt": tiny_project.LLAMA_CMAKE + varying,
        "tools/server/server.cpp": "int main() {}\n",
    }
    tiny_project.archive(source.folder / "engine.tar.gz", files, folder="llama.cpp-b12000")
    assert source.eai("lock", "--upgrade-toolchain", "llama-cpp").returncode == 0

    ran = source.eai("toolchain", "build", "--check")

    assert ran.returncode == 4
    assert "llama-cpp, built again, differs in\n  dice.so\n" in ran.stderr
    assert "cmake version" in ran.stderr


def test_a_compilers_mistake_is_one_clear_error_with_its_own_words(source: Shop) -> None:
    tiny_project.llama_cpp(source.folder / "engine.tar.gz", broken=True)
    assert source.eai("lock", "--upgrade-toolchain", "llama-cpp").returncode == 0

    ran = source.eai("up", "-d")

    assert ran.returncode == 1
    assert "error: building llama-server from source failed: ninja ended with exit code 1" in ran.stderr
    assert "nowhere" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_missing_tools_are_named_before_anything_begins(source: Shop, tmp_path: Path) -> None:
    source.extra["PATH"] = str(tmp_path)

    ran = source.eai("up", "-d")

    assert ran.returncode == 1
    assert "building from source needs cmake, ninja, cc, c++, and this machine has none" in ran.stderr
    assert "hint: apt-get install cmake ninja-build gcc g++" in ran.stderr


def test_fetch_gets_the_source_code_and_says_that_it_will_be_built(source: Shop) -> None:
    ran = source.eai("fetch")

    assert ran.returncode == 0, ran.stderr
    assert "`eai up` builds llama-cpp from source, or `eai toolchain build` now" in ran.stderr
    assert not any((source.home / "store" / "trees").iterdir())


def test_interrupted_it_ends_the_compilers_and_leaves_nothing(source: Shop, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    hangs = f'execute_process(COMMAND sh -c "echo $$ > {fifo}; exec sleep 600")\n'
    files = {"CMakeLists.txt": tiny_project.LLAMA_CMAKE + hangs, "tools/server/server.cpp": ""}
    tiny_project.archive(source.folder / "engine.tar.gz", files, folder="llama.cpp-b12000")
    assert source.eai("lock", "--upgrade-toolchain", "llama-cpp").returncode == 0

    with source.start("toolchain", "build") as process:
        sleeper = Path("/proc", fifo.read_text().strip())
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=WAIT)

    assert process.returncode == 130
    assert said.endswith("interrupted\n")
    until(lambda: not sleeper.exists())
    assert list((source.home / "store" / "ingest").iterdir()) == []


def test_what_the_lock_has_not_as_source_code_cannot_be_built(shop: Shop) -> None:
    for words, said in (
        (("build", "vllm"), "the lock has no toolchain vllm"),
        (("build",), "the lock has no build of any toolchain from source"),
    ):
        ran = shop.eai("toolchain", *words)
        assert ran.returncode == 1
        assert said in ran.stderr
        assert "hint:" in ran.stderr
