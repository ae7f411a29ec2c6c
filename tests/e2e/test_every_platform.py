"""One zoofile for every platform and Jetson board: locked on one machine, and the same wherever it runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from models.chat import SENTENCE, write_chat
from support import index as indexed
from support import native, official, tiny_project
from support.github import GitHub
from support.shop import Shop, chat
from support.world import World

from zoo.lock import toml
from zoo.lock.model import Build, Toolchain
from zoo.platform import current
from zoo.toolchains.variants import BOARDS

pytestmark = pytest.mark.engine

TAG = "b11549"
PLATFORMS = ("linux-x86_64", "linux-aarch64", "macos-arm64", "macos-x86_64")
QUESTIONS = ("hello", "what is a lock?", "a" * 200, "snow: ❄, and a line\nmore")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """The source code of a llama.cpp that builds in a second and serves with the installed wheel."""
    return tiny_project.llama_cpp(tmp_path / "source.tar.gz", folder=f"llama.cpp-{TAG}")


@pytest.fixture
def project(tmp_path: Path, github: GitHub, archive: Path) -> Iterator[Shop]:
    github.release(official.LLAMA, TAG, *official.llama(TAG, b"#!"))
    github.tag(official.LLAMA, TAG, archive.read_bytes())
    made = _shop(tmp_path / "project", tmp_path / "home", **github.env)
    yield made
    made.eai("down", "--force")


def _shop(folder: Path, home: Path, **env: str) -> Shop:
    (folder / "models").mkdir(parents=True)
    write_chat(folder / "models" / "chat.gguf")
    return Shop(folder, home, env)


def _asks(
    shop: Shop,
    *variants: str,
    platforms: tuple[str, ...] = (),
    source: str = "github",
    version: str = "latest",
) -> None:
    shop.folder.joinpath("zoofile.toml").write_text(f"""\
[zoo]
platforms = {list(platforms or [current()])}

[toolchain.llama-cpp]
from = "{source}"
version = "{version}"
variant = {list(variants)}

[models.chat]
path = "models/chat.gguf"
context-length = 2048
""")


def _locked(shop: Shop) -> Toolchain:
    done = shop.eai("lock")
    assert done.returncode == 0, done.stderr
    return _toolchain(shop)


def _toolchain(shop: Shop) -> Toolchain:
    (toolchain,) = toml.load(shop.folder / "zoo.lock").toolchain
    return toolchain


def _made(toolchain: Toolchain) -> tuple[Build, ...]:
    return tuple(build for build in toolchain.builds if build.recipe is not None)


def test_one_zoofile_locks_every_platform_and_every_board(project: Shop, tmp_path: Path) -> None:
    _asks(project, "jetson", "cuda", "vulkan", "cpu", platforms=PLATFORMS)
    toolchain = _locked(project)

    has = {where: {b.variant for b in toolchain.builds if b.platform == where} for where in PLATFORMS}
    assert has == {
        "linux-x86_64": {"cpu", "vulkan", "cuda-13.4"},
        "linux-aarch64": {"cpu", "vulkan", "cuda-13.4", *BOARDS},
        "macos-arm64": {"metal"},
        "macos-x86_64": {"cpu"},
    }
    assert {build.variant for build in _made(toolchain)} == set(BOARDS)
    assert len({(build.digest, build.tree) for build in _made(toolchain)}) == 1

    path = project.folder / "zoo.lock"
    before = path.read_bytes()
    _locked(project)
    assert path.read_bytes() == before
    path.unlink()
    project.home = tmp_path / "another home"
    _locked(project)
    assert path.read_bytes() == before


def test_the_same_model_answers_alike_with_an_engine_from_anywhere(
    github: GitHub, world: World, tmp_path: Path
) -> None:
    """A wheel of the index, an official archive, a build of source code: all three are the real llama.cpp."""
    real = (native.tree(native.LLAMA_CPP) / "llama-server").read_bytes()
    version = native.version(native.LLAMA_CPP)
    github.release(official.LLAMA, version, official.here(version, real))
    name, content = native.sdist(native.LLAMA_CPP)
    source = indexed.Published(filename=name, content=content)
    with indexed.serving(indexed.Simple({"xllamacpp": [source]})) as index:
        env = {
            "pypi": {"PIP_INDEX_URL": world.env["PIP_INDEX_URL"]},
            "github": github.env,
            "source": {"PIP_INDEX_URL": f"{index.url}simple/"},
        }
        homes = {"pypi": world.home, "github": tmp_path / "home", "source": native.HOME}
        said = {
            kind: _answers(_shop(tmp_path / kind, homes[kind], **env[kind]), kind, version) for kind in env
        }

    assert said["pypi"][0] == SENTENCE
    assert said["pypi"] == said["github"] == said["source"]


def _answers(shop: Shop, source: str, version: str) -> list[str]:
    _asks(shop, "cpu", source=source, version=version)
    assert _locked(shop).version == version
    try:
        url = shop.up()
        return [
            chat(url, messages=[{"role": "user", "content": question}], temperature=0)
            for question in QUESTIONS
        ]
    finally:
        shop.eai("down", "--force")


def test_what_no_release_has_is_built_and_served_and_only_of_the_locked_tree(project: Shop) -> None:
    tiny_project.require_tools()
    if current() != "linux-x86_64":  # the one platform with such a build that needs no GPU
        _asks(project, "cpu-baseline")
        assert "no release of llama-cpp has a cpu-baseline build" in project.eai("lock").stderr
        return
    _asks(project, "cpu-baseline", "cpu")
    (build,) = _made(_locked(project))
    assert chat(project.up("--variant", "cpu-baseline")) == SENTENCE
    project.eai("down")

    path = project.folder / "zoo.lock"
    path.write_text(path.read_text().replace(str(build.tree), "ab" * 32))
    refused = project.eai("up", "-d", "--port", "0", "--frozen", "--variant", "cpu-baseline")
    assert refused.returncode == 4
    assert "unpacks to a tree that is not the locked one" in refused.stderr


def test_an_archive_that_github_packs_anew_is_refused_and_locked_again_as_the_same_source(
    github: GitHub, project: Shop, tmp_path: Path
) -> None:
    _asks(project, "jetson", platforms=("linux-aarch64",))
    before = _locked(project)
    again = tiny_project.llama_cpp(tmp_path / "again.tar.gz", folder=f"llama.cpp-{TAG}", level=9)
    github.tag(official.LLAMA, TAG, again.read_bytes())

    project.home = tmp_path / "another home"
    refused = project.eai("fetch", "--platform", "linux-aarch64")
    assert refused.returncode == 4
    assert "GitHub may have packed the same source code anew: `eai lock --upgrade-toolchain" in refused.stderr

    done = project.eai("lock", "--upgrade-toolchain", "llama-cpp")
    assert done.returncode == 0, done.stderr
    after = _toolchain(project)
    assert [build.tree for build in after.builds] == [build.tree for build in before.builds]
    assert {build.digest for build in after.builds}.isdisjoint({build.digest for build in before.builds})
    assert project.eai("fetch", "--platform", "linux-aarch64").returncode == 0


@pytest.mark.parametrize("kind", ["climbing", "absolute", "linking", "bomb"])
def test_hostile_source_code_is_not_even_locked(github: GitHub, project: Shop, kind: str) -> None:
    github.tag(official.LLAMA, TAG, official.hostile(kind, f"llama.cpp-{TAG}"))
    _asks(project, "jetson", platforms=("linux-aarch64",))

    refused = project.eai("lock")
    assert refused.returncode == 4
    assert "cannot be unpacked" in refused.stderr
    assert not (project.folder / "zoo.lock").exists()
    assert list((project.home / "store" / "trees").iterdir()) == []
    assert list((project.home / "store" / "ingest").iterdir()) == []
    assert not list(project.home.rglob("escaped"))
