"""Files that eai brings."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.errors import NotThere
from zoo.sources.bundled import Bundled
from zoo.zoofile.model import Origin


@pytest.fixture
def bundled(tmp_path: Path) -> Bundled:
    (tmp_path / "toy.gguf").write_bytes(b"GGUF and more")
    (tmp_path / "README.md").write_text("not a model")
    return Bundled(tmp_path)


def test_a_bundled_file_is_found_by_its_name(bundled: Bundled) -> None:
    (found,) = bundled.find(Origin(bundled="toy.gguf"))
    assert (found.path, found.uri, found.size) == ("toy.gguf", "bundled:toy.gguf", 13)


def test_a_bundled_file_can_be_read(bundled: Bundled) -> None:
    with bundled.open("bundled:toy.gguf", size=13) as download, download.read(0, 4) as body:
        assert b"".join(body.chunks) == b"GGUF"


@pytest.mark.parametrize("name", ["other.gguf", "../toy.gguf", "README.md", ""])
def test_what_is_not_bundled_is_not_there(bundled: Bundled, name: str) -> None:
    with pytest.raises(NotThere) as caught:
        bundled.find(Origin(bundled=name))
    assert caught.value.hint == "it bundles toy.gguf"


def test_a_package_without_bundled_files_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotThere) as caught:
        Bundled(tmp_path / "nothing").find(Origin(bundled="toy.gguf"))
    assert caught.value.hint == "it bundles none"
