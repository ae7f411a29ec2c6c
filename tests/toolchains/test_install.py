"""A locked build becomes a program in the store, and is run only unchanged."""

from __future__ import annotations

import os
import subprocess
import zipfile
from pathlib import Path

import pytest
from msgspec.structs import replace as replaced
from support import tiny_project
from support.engine import native_server
from support.official import tar, unix

from zoo.errors import EaiError, EngineError, IntegrityError
from zoo.lock.model import Build, File
from zoo.store import Store, trees
from zoo.toolchains import install as installing
from zoo.toolchains.install import install, tree_key, unpacked


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

    installed = install(build, store)

    assert installed == install(build, store)
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
    install(build, store)
    assert build.digest is not None
    tree = store.tree(build.digest)
    assert tree is not None
    changed = tree / "xllamacpp" / "__init__.py"
    changed.chmod(0o644)
    changed.write_text("print('something else')\n")

    with pytest.raises(IntegrityError, match=r"xllamacpp/__init__.py has changed"):
        install(build, store)


def test_a_build_that_was_not_fetched_is_told(tmp_path: Path, store: Store) -> None:
    build = _wheel(tmp_path, store)

    with pytest.raises(EaiError, match="not in the store") as caught:
        install(build, Store(tmp_path / "other"))

    assert caught.value.hint == "run `eai fetch`"


def test_a_build_without_its_program_is_refused(tmp_path: Path, store: Store) -> None:
    with pytest.raises(IntegrityError, match="holds no program other"):
        install(_adopted(tmp_path, store, "other"), store)


def test_no_build_can_write_or_start_what_is_outside_of_its_tree(tmp_path: Path, store: Store) -> None:
    build = _adopted(tmp_path, store)
    escaping = tuple(File(path="../escaped", digest=file.digest) for file in build.files[:1])

    for hostile in (replaced(build, program="../../bin/sh"), replaced(build, files=escaping)):
        with pytest.raises(EaiError, match="no clean relative path"):
            install(hostile, store)


def _archives(tmp_path: Path, store: Store, **changes: object) -> Build:
    digests = []
    for number, content in enumerate(
        (unix("b1", b"#!", "lib"), tar({"libcudart.so.13": b"c"}, top="cudart"))
    ):
        path = tmp_path / f"archive-{number}"
        path.write_bytes(content)
        digests.append(store.adopt(path)[0])
    made = Build(
        platform="linux-x86_64",
        variant="cuda-13.4",
        program="llama-server",
        digest=digests[0],
        beside=(digests[1],),
    )
    return replaced(made, **changes)


def test_archives_beside_each_other_become_one_tree(tmp_path: Path, store: Store) -> None:
    build = _archives(tmp_path, store)
    program = Path(install(build, store).program[-1])

    assert (program.parent / "libcudart.so.13").read_bytes() == b"c"
    assert (program.parent / "libllama.so").read_bytes() == b"lib"
    assert program.parent != Path(install(replaced(build, beside=()), store).program[-1]).parent


def test_a_tree_that_is_not_the_locked_one_is_refused(tmp_path: Path, store: Store) -> None:
    build = _archives(tmp_path, store)
    tree = trees.digest(unpacked(build, store))

    assert install(replaced(build, tree=tree), store) == install(build, store)
    with pytest.raises(IntegrityError, match="is not the locked one"):
        install(replaced(build, tree="ab" * 32), store)


def test_the_same_archive_is_the_same_tree_in_every_store(tmp_path: Path, store: Store) -> None:
    other = Store(tmp_path / "other")
    (tmp_path / "work").mkdir()
    found = [
        trees.digest(unpacked(_archives(folder, each), each))
        for folder, each in ((tmp_path, store), (tmp_path / "work", other))
    ]

    assert found[0] == found[1]
    assert len(found[0]) == 64


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
