"""Source code becomes a tree in the store, once and the same each time."""

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
from zoo.lock.model import Build
from zoo.store import Store
from zoo.toolchains import derive, events

ROOT = Path(zoo.__file__).parents[1]

pytestmark = pytest.mark.usefixtures("compilers")


def test_source_code_becomes_a_program_once_and_says_how_far_it_is(
    tiny: Build, store: Store, workshop: derive.Workshop, told: list[events.Event]
) -> None:
    tree = derive.made(tiny, store, workshop)

    assert tiny_project.says(tree) == ["hello", "./tiny.cpp"]
    assert [type(event) for event in told] == [
        events.Unpacking,
        events.Configuring,
        *[events.Compiled] * 2,
        events.Made,
    ]
    assert told[-2] == events.Compiled(name="tiny", done=2, total=2)
    assert derive.made(tiny, store, workshop) == tree
    assert len(told) == 5
    assert tiny_project.left(store) == []


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


def test_where_the_tree_is_locked_it_must_be_that_and_the_packing_does_not_matter(
    tmp_path: Path, tiny: Build, store: Store, workshop: derive.Workshop, told: list[events.Event]
) -> None:
    locked = replaced(tiny, tree=derive.source_tree(tiny, store))
    tree = derive.made(locked, store, workshop)
    assert tiny_project.says(tree)[0] == "hello"
    assert derive.key(locked) != derive.key(tiny)

    again = tiny_project.archive(tmp_path / "again.tar.gz", dict(reversed(FILES.items())))
    repacked = replaced(tiny_project.build(store, again), tree=locked.tree)
    told.clear()
    assert repacked.digest != tiny.digest
    assert (derive.made(repacked, store, workshop), told) == (tree, [])

    other = tiny_project.build(store, tiny_project.changed(tmp_path, tiny=FILES["tiny.cpp"] + "// "))
    with pytest.raises(IntegrityError, match="unpacks to a tree that is not the locked one"):
        derive.made(replaced(other, tree="ab" * 32), store, workshop)
    assert tiny_project.left(store) == []


def test_flags_are_honoured_and_make_another_build(
    tmp_path: Path, tiny: Build, store: Store, workshop: derive.Workshop
) -> None:
    loud = tiny_project.build(store, tmp_path / "tiny.tar.gz", "TINY_LOUD=ON")

    assert tiny_project.says(derive.made(loud, store, workshop))[0] == "HELLO"
    assert tiny_project.says(derive.made(tiny, store, workshop))[0] == "hello"


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
    assert tiny_project.left(store) == []


def test_a_build_whose_bits_vary_is_found_out(
    tmp_path: Path, store: Store, workshop: derive.Workshop
) -> None:
    varying = 'string(RANDOM LENGTH 20 DICE)\nadd_compile_definitions(DICE="${DICE}")\n'
    program = FILES["tiny.cpp"].replace("__FILE__", "DICE")
    build = tiny_project.build(
        store, tiny_project.changed(tmp_path, CMakeLists=varying + CMAKE, tiny=program)
    )

    assert derive.differing(build, store, workshop) == ("tiny",)


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

    assert tiny_project.left(store) == []


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
    path = tiny_project.changed(tmp_path, CMakeLists=CMAKE + hangs)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests")))}
    with subprocess.Popen([sys.executable, "-c", _ALONE, store.root, path], env=env) as process:
        sleeper = int(fifo.read_text())
        process.kill()
    deadline = time.monotonic() + 30
    while Path(f"/proc/{sleeper}").exists():
        assert time.monotonic() < deadline, "the compilers go on without eai"
        time.sleep(0.01)
    assert tiny_project.left(store) != []

    fine = tiny_project.build(store, tiny_project.archive(tmp_path / "tiny.tar.gz"))
    assert tiny_project.says(derive.made(fine, store, workshop))[0] == "hello"

    # Only who had the turn is still written down, and the next one to build that takes it over.
    assert [path.name for path in tiny_project.left(store)] == [derive.key(tiny_project.build(store, path))]


def test_what_was_built_cannot_be_changed(tiny: Build, store: Store, workshop: derive.Workshop) -> None:
    tree = derive.made(tiny, store, workshop)

    assert stat.S_IMODE((tree / "tiny").stat().st_mode) == 0o555
    assert stat.S_IMODE(tree.stat().st_mode) == 0o555
