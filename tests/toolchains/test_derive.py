from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec.structs import replace as replaced
from support import tiny_project
from support.tiny_project import CMAKE, FILES

import zoo
from zoo.digest import Digest
from zoo.errors import EaiError, EngineError, IntegrityError
from zoo.lock.model import Build, Recipe
from zoo.store import Store
from zoo.toolchains import derive, events, tools

ROOT = Path(zoo.__file__).parents[1]

pytestmark = pytest.mark.usefixtures("compilers")


@pytest.fixture(scope="session")
def compilers() -> None:
    tiny_project.require_tools()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def told() -> list[events.Event]:
    return []


@pytest.fixture
def workshop(told: list[events.Event]) -> derive.Workshop:
    return derive.Workshop(search=os.environ["PATH"], tell=told.append, jobs=lambda: 2)


@pytest.fixture
def tiny(tmp_path: Path, store: Store) -> Build:
    return tiny_project.build(store, tiny_project.archive(tmp_path / "tiny.tar.gz"))


def says(tree: Path, program: str = "tiny") -> list[str]:
    ran = subprocess.run([tree / program], capture_output=True, text=True, check=True, env={})
    return ran.stdout.splitlines()


def left(store: Store) -> list[Path]:
    """What a build left behind where everything is made."""
    return sorted(store.layout.ingest.iterdir())


def changed(tmp_path: Path, **files: str) -> Path:
    """The archive with other files: `CMakeLists` and `tiny`."""
    names = {"CMakeLists": "CMakeLists.txt", "tiny": "tiny.cpp"}
    return tiny_project.archive(
        tmp_path / "changed.tar.gz", {**FILES, **{names[name]: text for name, text in files.items()}}
    )


def test_source_code_becomes_a_program_once_and_says_how_far_it_is(
    tiny: Build, store: Store, workshop: derive.Workshop, told: list[events.Event]
) -> None:
    tree = derive.made(tiny, store, workshop)

    assert says(tree) == ["hello", "./tiny.cpp"]
    assert [type(event) for event in told] == [
        events.Unpacking,
        events.Configuring,
        *[events.Compiled] * 2,
        events.Made,
    ]
    assert told[-2] == events.Compiled(name="tiny", done=2, total=2)
    assert derive.made(tiny, store, workshop) == tree
    assert len(told) == 5
    assert left(store) == []


def test_what_made_a_build_and_what_came_out_is_written_down(
    tiny: Build, store: Store, workshop: derive.Workshop
) -> None:
    record = derive.record(derive.made(tiny, store, workshop))

    assert record.source == tiny.digest
    assert record.recipe == tiny.recipe
    assert record.builder == derive.BUILDER
    assert record.tools["cmake"].startswith("cmake version ")
    assert set(record.tools) == {"cmake", "ninja", "cc", "c++"}
    assert len(record.output) == 64
    assert store.verify().corrupt == ()


def test_flags_are_honoured_and_make_another_build(
    tmp_path: Path, tiny: Build, store: Store, workshop: derive.Workshop
) -> None:
    loud = tiny_project.build(store, tmp_path / "tiny.tar.gz", "TINY_LOUD=ON")

    assert says(derive.made(loud, store, workshop))[0] == "HELLO"
    assert says(derive.made(tiny, store, workshop))[0] == "hello"


def test_the_name_of_a_build_follows_from_all_that_goes_in(tiny: Build) -> None:
    assert tiny.recipe is not None
    others = [
        replaced(tiny, digest=Digest.of_hex("0" * 64)),
        replaced(tiny, variant="cuda"),
        replaced(tiny, platform="macos-arm64" if tiny.platform != "macos-arm64" else "linux-x86_64"),
        *(
            replaced(tiny, recipe=replaced(tiny.recipe, **change))
            for change in ({"folder": "x"}, {"flags": ("A=1",)}, {"targets": ("tiny", "x")})
        ),
    ]
    names = {derive.key(build) for build in (tiny, *others)}

    assert len(names) == 1 + len(others)
    assert derive.key(tiny) == derive.key(replaced(tiny))


def test_a_second_build_in_another_folder_has_the_same_bits(
    tiny: Build, store: Store, workshop: derive.Workshop
) -> None:
    assert derive.differing(tiny, store, workshop) == ()
    assert left(store) == []


def test_a_build_whose_bits_vary_is_found_out(
    tmp_path: Path, store: Store, workshop: derive.Workshop
) -> None:
    varying = 'string(RANDOM LENGTH 20 DICE)\nadd_compile_definitions(DICE="${DICE}")\n'
    program = FILES["tiny.cpp"].replace("__FILE__", "DICE")
    build = tiny_project.build(store, changed(tmp_path, CMakeLists=varying + CMAKE, tiny=program))

    assert derive.differing(build, store, workshop) == ("tiny",)


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
    build = tiny_project.build(store, changed(tmp_path, CMakeLists=CMAKE + folder + shows))

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
    build = tiny_project.build(store, changed(tmp_path, CMakeLists=CMAKE + asks + fails))

    derive.made(build, store, workshop)

    assert came == []


def test_what_the_compiler_said_of_a_mistake_is_shown_and_nothing_stays(
    tmp_path: Path, store: Store, workshop: derive.Workshop
) -> None:
    wrong = FILES["tiny.cpp"].replace("std::puts", "std::nowhere", 1)
    build = tiny_project.build(store, changed(tmp_path, tiny=wrong))

    with pytest.raises(EngineError, match="ninja ended with exit code 1") as caught:
        derive.made(build, store, workshop)

    assert "tiny.cpp:2" in caught.value.message
    assert "nowhere" in caught.value.message
    assert store.tree(derive.key(build)) is None
    assert left(store) == []


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


def test_another_platforms_build_is_not_tried(tiny: Build, store: Store, workshop: derive.Workshop) -> None:
    foreign = replaced(tiny, platform="windows-x86_64")

    with pytest.raises(EngineError, match="can only be built on such a machine"):
        derive.made(foreign, store, workshop)


def test_source_code_that_was_not_fetched_is_told(
    tmp_path: Path, tiny: Build, workshop: derive.Workshop
) -> None:
    with pytest.raises(EaiError, match="not in the store") as caught:
        derive.made(tiny, Store(tmp_path / "other"), workshop)

    assert caught.value.hint == "run `eai fetch`"


def test_an_archive_without_the_folder_builds_nothing(
    tmp_path: Path, store: Store, workshop: derive.Workshop
) -> None:
    build = tiny_project.build(store, tiny_project.archive(tmp_path / "a.tar.gz"), folder="elsewhere")

    with pytest.raises(IntegrityError, match="holds no folder elsewhere"):
        derive.made(build, store, workshop)

    assert left(store) == []


def test_of_two_builders_one_builds_and_the_other_waits(
    tiny: Build, store: Store, workshop: derive.Workshop, told: list[events.Event]
) -> None:
    first: list[events.Event] = []
    going = threading.Event()

    def tell(event: events.Event) -> None:
        first.append(event)
        if isinstance(event, events.Configuring):
            going.set()
            while not told:  # until the other one has said that it waits
                time.sleep(0.01)

    with ThreadPoolExecutor() as threads:
        other = threads.submit(derive.made, tiny, store, replace(workshop, tell=tell))
        assert going.wait(30)
        tree = derive.made(tiny, store, workshop)

        assert other.result() == tree
    assert told == [events.Waiting(name="tiny", process=os.getpid())]
    assert isinstance(first[-1], events.Made)


_ALONE = """
import sys
from pathlib import Path
from support import tiny_project
from zoo.store import Store
from zoo.toolchains import derive
store = Store(Path(sys.argv[1]))
derive.made(tiny_project.build(store, Path(sys.argv[2])), store, derive.Workshop.this())
"""


def test_a_killed_builder_takes_its_compilers_along_and_the_next_one_builds(
    tmp_path: Path, store: Store, workshop: derive.Workshop
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    hangs = f'execute_process(COMMAND sh -c "echo $$ > {fifo}; exec sleep 600")\n'
    path = changed(tmp_path, CMakeLists=CMAKE + hangs)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests")))}
    with subprocess.Popen([sys.executable, "-c", _ALONE, store.root, path], env=env) as process:
        sleeper = int(fifo.read_text())
        process.kill()
    deadline = time.monotonic() + 30
    while Path(f"/proc/{sleeper}").exists():
        assert time.monotonic() < deadline, "the compilers go on without eai"
        time.sleep(0.01)
    assert left(store) != []

    fine = tiny_project.build(store, tiny_project.archive(tmp_path / "tiny.tar.gz"))
    assert says(derive.made(fine, store, workshop))[0] == "hello"

    # Only who had the turn is still written down, and the next one to build that takes it over.
    assert [path.name for path in left(store)] == [derive.key(tiny_project.build(store, path))]


def test_what_was_built_cannot_be_changed(tiny: Build, store: Store, workshop: derive.Workshop) -> None:
    tree = derive.made(tiny, store, workshop)

    assert stat.S_IMODE((tree / "tiny").stat().st_mode) == 0o555
    assert stat.S_IMODE(tree.stat().st_mode) == 0o555
