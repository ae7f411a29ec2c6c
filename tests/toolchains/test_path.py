"""No native llama-server can be had in a test: a script called so stands in."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from support.engine import native_server

from zoo.errors import EaiError, NotThere
from zoo.lock.model import Artifact, Toolchain, ToolchainRequest
from zoo.platform import Platform, current
from zoo.toolchains.path import PathProvider
from zoo.zoofile.model import Own


def _lock(
    base: Path, path: str = "bin/llama-server", platforms: tuple[Platform, ...] | None = None
) -> tuple[Toolchain, tuple[Artifact, ...]]:
    request = ToolchainRequest(version="latest", source=Own(path=path), variant="cpu")
    return PathProvider(base).lock("llama-cpp", request, platforms)


def _program(base: Path, script: str | None = None) -> Path:
    folder = base / "bin"
    folder.mkdir()
    path = native_server(folder / "llama-server", base)
    if script is not None:
        path.write_text(script)
    return path


def test_a_program_is_adopted_with_the_libraries_beside_it(tmp_path: Path) -> None:
    program = _program(tmp_path)
    for name in ("libllama.so.0.6.0", "libggml.dylib", "notes.txt", "libllama.a"):
        (program.parent / name).write_text(name)
    (program.parent / "libllama.so").symlink_to("libllama.so.0.6.0")

    toolchain, artifacts = _lock(tmp_path)
    (build,) = toolchain.builds
    names = {file.path: file.digest for file in build.files}

    assert (toolchain.version, build.platform, build.program) == ("b11549", current(), "llama-server")
    assert sorted(names) == ["libggml.dylib", "libllama.so", "libllama.so.0.6.0", "llama-server"]
    assert names["libllama.so"] == names["libllama.so.0.6.0"]
    assert {artifact.digest for artifact in artifacts} == set(names.values())
    assert len(artifacts) == 3
    (adopted,) = (each for each in artifacts if each.digest == names["llama-server"])
    assert adopted.path == ("path:bin/llama-server",)
    assert adopted.digest.hex == hashlib.sha256(program.read_bytes()).hexdigest()


def test_a_program_above_the_zoofile_keeps_its_relative_path(tmp_path: Path) -> None:
    _program(tmp_path)
    (tmp_path / "project").mkdir()

    _, (artifact,) = _lock(tmp_path / "project", "../bin/llama-server")

    assert artifact.path == ("path:../bin/llama-server",)


def test_a_build_without_a_number_is_of_unknown_version(tmp_path: Path) -> None:
    script = "#!/bin/sh\necho 'version: 0.6.0-dev (build 0, commit unknown)'\necho 'built with gcc for x'\n"
    _program(tmp_path, script)

    assert _lock(tmp_path)[0].version == "unknown"


def test_the_build_number_is_found_where_newer_ones_write_it(tmp_path: Path) -> None:
    script = "#!/bin/sh\necho 'version: 0.6.0 (build 12345, commit abc)'\necho 'built with gcc for x'\n"
    _program(tmp_path, script)

    assert _lock(tmp_path)[0].version == "b12345"


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("#!/bin/sh\necho 'curl 8.0'\n", "exit code 0 and 'curl 8.0'"),
        ("#!/bin/sh\necho 'version: 1 (x)'; echo 'built with x'; exit 3\n", "exit code 3"),
        ("#!/none/sh\n", "cannot be started"),
        ("#!/bin/sh\n", "'nothing'"),
    ],
)
def test_what_is_no_llama_server_is_told(tmp_path: Path, script: str, says: str) -> None:
    _program(tmp_path, script)
    with pytest.raises(EaiError, match=says):
        _lock(tmp_path)


def test_it_is_asked_in_an_environment_that_holds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLAMA_API_KEY", "secret")
    script = (
        '#!/bin/sh\n[ -z "$LLAMA_API_KEY" ] || exit 9\n'
        "echo 'version: 7 (abc)'\necho 'built with gcc for x'\n"
    )
    _program(tmp_path, script)

    assert _lock(tmp_path)[0].version == "b7"


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotThere, match="no program bin/llama-server"):
        _lock(tmp_path)


def test_it_is_for_this_platform_only(tmp_path: Path) -> None:
    _program(tmp_path)
    other: Platform = "windows-arm64"
    with pytest.raises(EaiError, match="windows-arm64 must be locked too"):
        _lock(tmp_path, platforms=(current(), other))


def test_an_sd_server_is_adopted_under_its_commit(tmp_path: Path) -> None:
    script = "#!/bin/sh\necho 'stable-diffusion.cpp version unknown, commit 97d2990'\n"
    _program(tmp_path, script)
    request = ToolchainRequest(version="latest", source=Own(path="bin/llama-server"), variant="cpu")

    toolchain, _ = PathProvider(tmp_path).lock("stable-diffusion-cpp", request, None)

    assert toolchain.version == "97d2990"
    with pytest.raises(EaiError, match="is no llama-server"):
        _lock(tmp_path)
