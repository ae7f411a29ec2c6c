"""What locking gets into the store, and how seldom."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import tiny_project
from support.github import File, GitHub, serving
from support.official import unix

from zoo.errors import SourceError
from zoo.lock.model import Artifact, Build, Recipe
from zoo.lock.uri import SOURCE_ARCHIVE
from zoo.resolve.fetcher import Fetcher
from zoo.resolve.shelf import Shelf
from zoo.sources.github import uri
from zoo.sources.registry import sources
from zoo.store import Store, trees

REPO, NAME = "ggml-org/llama.cpp", "llama-b1-bin-ubuntu-x64.tar.gz"
URI = uri(REPO, "b1", NAME)
CONTENT = unix("b1", b"#!", "x")


@pytest.fixture
def github() -> Iterator[GitHub]:
    with serving() as made:
        made.release(REPO, "b1", File(name=NAME, content=CONTENT), File(name="big.txt", content=bytes(5000)))
        made.release(REPO, "v1.0.0", File(name="nightly-tag.txt", content=b"b1\n"))
        yield made


def _shelf(github: GitHub, store: Store, *known: Artifact) -> Shelf:
    found = sources(base=Path(), env=github.env, offline=False)
    return Shelf(Fetcher(found, store, lambda _: None, known), found["github"], store)


def test_a_file_is_fetched_once_to_learn_its_digest_and_its_tree(github: GitHub, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    shelf = _shelf(github, store)

    digest, size = shelf.get(URI, NAME, len(CONTENT))
    assert size == len(CONTENT)
    assert shelf.get(URI, NAME, len(CONTENT)) == (digest, size)
    assert store.object(digest).read_bytes() == CONTENT
    assert len(github.storage.asked) == 1

    build = Build(platform="windows-x86_64", variant="cpu", program="llama-server", digest=digest)
    (tree,) = [shelf.tree(build)] and store.trees()
    assert shelf.tree(build) == trees.digest(tree)


def test_what_is_locked_is_fetched_again_only_to_be_unpacked(github: GitHub, tmp_path: Path) -> None:
    first = Store(tmp_path / "first")
    digest, size = _shelf(github, first).get(URI, NAME, len(CONTENT))
    locked = Artifact(digest=digest, size=len(CONTENT), github=(URI,))

    assert _shelf(github, first, locked).get(URI, NAME, len(CONTENT)) == (digest, size)
    assert len(github.storage.asked) == 1
    second = Store(tmp_path / "second")
    assert _shelf(github, second, locked).get(URI, NAME, len(CONTENT)) == (digest, size)
    assert second.has(digest)


def test_small_files_are_read_and_others_are_not(github: GitHub, tmp_path: Path) -> None:
    shelf = _shelf(github, Store(tmp_path))

    assert shelf.read(uri(REPO, "v1.0.0", "nightly-tag.txt"), "nightly-tag.txt") == b"b1\n"
    with pytest.raises(SourceError, match="not as small as it should be"):
        shelf.read(uri(REPO, "b1", "big.txt"), "big.txt")


def test_source_code_is_unpacked_to_say_its_tree_and_not_kept(github: GitHub, tmp_path: Path) -> None:
    """Its digest is not stated, nor its size: GitHub packs it when it is asked for."""
    store = Store(tmp_path / "store")
    content = tiny_project.archive(tmp_path / "a.tar.gz").read_bytes()
    github.tag(REPO, "b1", content)
    shelf = _shelf(github, store)

    digest, size = shelf.get(uri(REPO, "b1", SOURCE_ARCHIVE), SOURCE_ARCHIVE, None)
    assert (store.object(digest).read_bytes(), size) == (content, len(content))
    recipe = Recipe(folder=tiny_project.FOLDER, flags=(), targets=("tiny",))
    build = Build(platform="linux-aarch64", variant="cuda-orin", program="x", digest=digest, recipe=recipe)
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, text in tiny_project.FILES.items():
        (folder / name).write_text(text)

    assert shelf.tree(build) == trees.digest_of(folder)
    assert store.trees() == tiny_project.left(store) == []
