"""A build by cmake sees nothing but what it is given."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec.structs import replace as replaced
from support import tiny_project
from support.tiny_project import CMAKE, FILES

from zoo.errors import EngineError
from zoo.lock.model import Build, Recipe
from zoo.store import Store
from zoo.toolchains import derive, tools

pytestmark = pytest.mark.usefixtures("compilers")


def test_a_build_sees_nothing_of_the_users_environment(
    tmp_path: Path, store: Store, workshop: derive.Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "CXXFLAGS": "-DLOUD_BY_ENVIRONMENT",
        "CMAKE_BUILD_TYPE": "Debug",
        "CMAKE_PREFIX_PATH": "/nowhere",
        "LD_PRELOAD": "",
        "HF_TOKEN": "secret",
    }.items():
        monkeypatch.setenv(name, value)
    folder = 'file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/bin")\n'
    shows = 'execute_process(COMMAND env OUTPUT_FILE "${CMAKE_BINARY_DIR}/bin/env.so")\n'
    build = tiny_project.build(store, tiny_project.changed(tmp_path, CMakeLists=CMAKE + folder + shows))

    seen = (derive.made(build, store, workshop) / "env.so").read_text().splitlines()
    names = {line.partition("=")[0] for line in seen}
    env = dict(line.split("=", 1) for line in seen)

    # The first four are what CMake itself sets.
    assert names - {"LC_MESSAGES", "MAKE", "CC", "CXX", "PWD"} == {
        *("PATH", "LANG", "LC_ALL", "TZ", "HOME", "TMPDIR", "SOURCE_DATE_EPOCH", "NINJA_STATUS", "GIT_DIR"),
        *("CCACHE_DISABLE", "CFLAGS", "CXXFLAGS", "OBJCFLAGS", "OBJCXXFLAGS", "ASMFLAGS", "HIPFLAGS"),
        *("CUDAFLAGS", "http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "ALL_PROXY"),
    }
    assert "LOUD_BY_ENVIRONMENT" not in env["CXXFLAGS"]
    assert env["HOME"].startswith(str(store.root))


def test_a_build_reaches_no_network(
    tmp_path: Path, store: Store, workshop: derive.Workshop, listener: tuple[int, list[object]]
) -> None:
    port, came = listener
    asks = f'file(DOWNLOAD "http://127.0.0.1:{port}/x" "${{CMAKE_BINARY_DIR}}/x" STATUS got TIMEOUT 5)\n'
    fails = 'list(GET got 0 code)\nif(code EQUAL 0)\n message(FATAL_ERROR "fetched")\nendif()\n'
    build = tiny_project.build(store, tiny_project.changed(tmp_path, CMakeLists=CMAKE + asks + fails))

    derive.made(build, store, workshop)

    assert came == []


def test_what_the_compiler_said_of_a_mistake_is_shown_and_nothing_stays(
    tmp_path: Path, store: Store, workshop: derive.Workshop
) -> None:
    wrong = FILES["tiny.cpp"].replace("std::puts", "std::nowhere", 1)
    build = tiny_project.build(store, tiny_project.changed(tmp_path, tiny=wrong))

    with pytest.raises(EngineError, match="ninja ended with exit code 1") as caught:
        derive.made(build, store, workshop)

    assert "tiny.cpp:2" in caught.value.message
    assert "nowhere" in caught.value.message
    assert store.tree(derive.key(build)) is None
    assert tiny_project.left(store) == []


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("there is no such backend", None),
        ("c++: fatal error: Killed signal terminated program cc1plus", "2 compilers took more memory"),
        ("cannot write: No space left on device", "make room on the disk"),
    ],
)
def test_why_cmake_ended_is_shown_with_what_can_be_done(
    tmp_path: Path, store: Store, workshop: derive.Workshop, said: str, hint: str | None
) -> None:
    wrong = f'message(FATAL_ERROR "{said}")\n'
    build = tiny_project.build(store, tiny_project.changed(tmp_path, CMakeLists=CMAKE + wrong))

    with pytest.raises(EngineError, match="cmake ended with exit code 1") as caught:
        derive.made(build, store, workshop)

    assert " ".join(said.split()[:4]) in caught.value.message
    assert (caught.value.hint or "").startswith(hint or "")
    assert (caught.value.hint is None) == (hint is None)


def test_a_recipe_that_makes_no_program_is_told(
    tmp_path: Path, tiny: Build, store: Store, workshop: derive.Workshop
) -> None:
    assert tiny.recipe is not None
    build = replaced(tiny, program="other", recipe=replaced(tiny.recipe, targets=("tiny",)))

    with pytest.raises(EngineError, match=r"made no other"):
        derive.made(build, store, workshop)


def test_an_unknown_target_is_told_with_ninjas_own_words(
    tmp_path: Path, store: Store, workshop: derive.Workshop
) -> None:
    build = tiny_project.build(store, tiny_project.archive(tmp_path / "a.tar.gz"), targets=("none",))

    with pytest.raises(EngineError, match="unknown target 'none'"):
        derive.made(build, store, workshop)


def test_all_missing_tools_are_named_with_the_command_that_gets_them(
    tmp_path: Path, store: Store, workshop: derive.Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = tiny_project.build(store, tiny_project.archive(tmp_path / "a.tar.gz"), "GGML_CUDA=ON")
    monkeypatch.setattr(tools, "FOLDERS", ())

    with pytest.raises(EngineError, match="needs cmake, ninja, cc, c\\+\\+, nvcc") as caught:
        derive.made(build, store, replace(workshop, search=str(tmp_path)))

    assert caught.value.hint is not None
    assert "apt-get install cmake ninja-build gcc g++" in caught.value.hint
    assert "CUDA" in caught.value.hint


def test_a_compiler_cache_is_passed_over(tmp_path: Path) -> None:
    cached = tmp_path / "cache"
    cached.mkdir()
    (cached / "ccache").write_text("#!/bin/sh\nexit 1\n")
    (cached / "ccache").chmod(0o755)
    (cached / "cc").symlink_to("ccache")

    found = tools.find(Recipe(folder="", flags=(), targets=()), f"{cached}:{os.environ['PATH']}")

    assert found.programs["cc"].parent != cached


def test_a_toolkit_that_the_environment_names_is_looked_into(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    nvcc = tmp_path / "bin" / "nvcc"
    nvcc.write_text("#!/bin/sh\necho release 13.2\n")
    nvcc.chmod(0o755)

    search = tools.places({"PATH": os.environ["PATH"], "CUDA_HOME": str(tmp_path)})
    found = tools.find(Recipe(folder="", flags=("GGML_CUDA=ON",), targets=()), search)

    assert found.programs["nvcc"] == nvcc
    assert str(nvcc.parent) in found.path.split(os.pathsep)
    assert found.versions()["nvcc"] == "release 13.2"
