from __future__ import annotations

import os
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec.structs import replace as replaced
from support import tiny_project
from support.engine import native_server

from zoo.errors import EaiError, EngineError, IntegrityError
from zoo.lock.model import Build, File
from zoo.store import Store
from zoo.toolchains import install as installing
from zoo.toolchains import needs
from zoo.toolchains.install import install, tree_key

MACHINE = needs.Machine("2.36", "14.0", None, lambda _: True)


def _wheel(tmp_path: Path, store: Store) -> Build:
    path = tmp_path / "wheel.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("xllamacpp/__init__.py", "print('hello from the wheel')\n")
    digest, _ = store.adopt(path)
    return Build(platform="linux-x86_64", variant="cpu", program="xllamacpp", digest=digest)


def _adopted(tmp_path: Path, store: Store, program: str = "llama-server") -> Build:
    path = native_server(tmp_path / "llama-server", tmp_path)
    library = tmp_path / "libllama.so"
    library.write_text("a library")
    files = tuple(File(path=each.name, digest=store.adopt(each)[0]) for each in (path, library))
    return Build(platform="linux-x86_64", variant="cpu", program=program, files=files)


def test_a_wheel_is_unpacked_once_and_run_by_the_launcher(tmp_path: Path, store: Store) -> None:
    build = _wheel(tmp_path, store)

    installed = install(build, store, machine=lambda: MACHINE)

    assert installed == install(build, store, machine=lambda: MACHINE)
    assert installed.program[-2:] == ("-m", "launcher")
    command = (*installed.program[:-2], "-c", "import xllamacpp, sys; print(sys.path)")
    ran = subprocess.run(command, env=dict(installed.env), capture_output=True, text=True, check=True)
    assert ran.stdout.startswith("hello from the wheel\n")
    assert "site-packages" not in ran.stdout


def test_a_program_gets_its_right_to_run_and_its_libraries(tmp_path: Path, store: Store) -> None:
    build = _adopted(tmp_path, store)

    installed = install(build, store)
    program = Path(installed.program[-1])

    assert installed.program[-3:-1] == ("-m", "launcher.warden")
    assert os.access(program, os.X_OK)
    assert not os.access(program.with_name("libllama.so"), os.X_OK)
    assert installed.env["LD_LIBRARY_PATH"] == str(program.parent)


def test_a_changed_tree_is_not_run(tmp_path: Path, store: Store) -> None:
    build = _wheel(tmp_path, store)
    install(build, store, machine=lambda: MACHINE)
    assert build.digest is not None
    tree = store.tree(build.digest)
    assert tree is not None
    changed = tree / "xllamacpp" / "__init__.py"
    changed.chmod(0o644)
    changed.write_text("print('something else')\n")

    with pytest.raises(IntegrityError, match=r"xllamacpp/__init__.py has changed"):
        install(build, store, machine=lambda: MACHINE)


def test_a_build_that_was_not_fetched_is_told(tmp_path: Path, store: Store) -> None:
    build = _wheel(tmp_path, store)

    with pytest.raises(EaiError, match="not in the store") as caught:
        install(build, Store(tmp_path / "other"), machine=lambda: MACHINE)

    assert caught.value.hint == "run `eai fetch`"


def test_a_machine_that_lacks_a_library_is_told_before_anything_starts(tmp_path: Path, store: Store) -> None:
    build = _wheel(tmp_path, store)
    lacking = replace(MACHINE, loads=lambda name: name != "libgomp.so.1")

    with pytest.raises(EngineError, match="no libgomp"):
        install(build, store, machine=lambda: lacking)


def test_a_build_without_its_program_is_refused(tmp_path: Path, store: Store) -> None:
    with pytest.raises(IntegrityError, match="holds no program other"):
        install(_adopted(tmp_path, store, "other"), store)


def test_no_build_can_write_or_start_what_is_outside_of_its_tree(tmp_path: Path, store: Store) -> None:
    build = _adopted(tmp_path, store)
    escaping = tuple(File(path="../escaped", digest=file.digest) for file in build.files[:1])

    for hostile in (replaced(build, program="../../bin/sh"), replaced(build, files=escaping)):
        with pytest.raises(EaiError, match="no clean relative path"):
            install(hostile, store)


def test_a_configuration_of_the_machine_that_would_be_obeyed_is_refused(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.ini"
    config.write_text("[*]\nctx-size = 1\n")
    monkeypatch.setattr(installing, "SYSTEM_CONFIG", config)

    with pytest.raises(EngineError, match="would change how llama-server behaves"):
        install(_adopted(tmp_path, store), store)


def test_a_build_of_source_code_is_made_when_it_is_first_needed(tmp_path: Path, store: Store) -> None:
    tiny_project.require_tools()
    build = tiny_project.build(store, tiny_project.archive(tmp_path / "tiny.tar.gz"))

    installed = install(build, store)

    tree = store.tree(tree_key(build))
    assert tree is not None
    assert installed.program[-1] == str(tree / "tiny")
    assert installed == install(build, store)


def test_a_machine_that_could_not_run_a_build_does_not_begin_it(tmp_path: Path, store: Store) -> None:
    build = tiny_project.build(store, tiny_project.archive(tmp_path / "tiny.tar.gz"))
    assert build.recipe is not None
    server = replaced(build, platform="linux-x86_64", program="llama-server")
    old = replace(MACHINE, cpu=frozenset({"sse4_2"}), free_threaded=True)

    with pytest.raises(EngineError, match="needs a processor with avx2"):
        install(server, store, machine=lambda: old)
