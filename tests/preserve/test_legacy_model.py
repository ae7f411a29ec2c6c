"""What a folder must hold so that older installations can serve it, and what of a lock has no place there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace
from support.locked import model

from zoo.digest import Digest
from zoo.errors import EaiError
from zoo.lock.model import File, Part
from zoo.preserve.legacy_model import check_folder, of_lock
from zoo.store import Store

LORA = {"base_model": "bafkqaaa", "lora_paths": ["a.gguf"], "lora_scales": [1.0]}


def folder(root: Path, *names: str) -> Path:
    """Make a folder `m` with such files."""
    for name in names:
        path = root / "m" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(LORA))
    return root / "m"


def packed(path: Path, *, lora: bool = False, gguf_folder: bool = False) -> list[str]:
    return [
        each.name for each in check_folder(path, lora=lora, gguf_folder=gguf_folder) if not each.directory
    ]


def test_gguf_files_that_lie_loose_are_packed_where_older_installations_look(tmp_path: Path) -> None:
    loose = folder(tmp_path, "a.gguf", "b.gguf", "._a.gguf", "README", "m-projector", "other/c.gguf")
    assert packed(loose, gguf_folder=True) == [
        "m/._a.gguf",
        "m/README",
        "m/m-projector",
        "m/m/a.gguf",
        "m/m/b.gguf",
        "m/other/c.gguf",
    ]
    directories = [each.name for each in check_folder(loose, lora=False, gguf_folder=True) if each.directory]
    assert directories == ["m", "m/m", "m/other"]


def test_gguf_files_that_lie_where_older_installations_look_stay_there(tmp_path: Path) -> None:
    there = folder(tmp_path, "m/a.gguf", "m/b.gguf", "c.gguf")
    assert packed(there, gguf_folder=True) == ["m/c.gguf", "m/m/a.gguf", "m/m/b.gguf"]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("m", "a.gguf"), "a model of its own"),
        (("m", "README"), r"has no \*.gguf"),
        (("._a.gguf",), r"has no \*.gguf"),
    ],
)
def test_a_folder_without_files_by_their_own_names_is_refused(
    tmp_path: Path, names: tuple[str, ...], said: str
) -> None:
    with pytest.raises(EaiError, match=said):
        packed(folder(tmp_path, *names), gguf_folder=True)


def test_a_folder_of_gguf_files_is_not_preserved_as_a_model_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(EaiError, match="is a folder of GGUF files") as caught:
        packed(folder(tmp_path, "m/a.gguf"))
    assert caught.value.hint == "say --gguf-folder"
    assert packed(folder(tmp_path / "flux", "m/unet.safetensors")) == ["m/m/unet.safetensors"]


@pytest.mark.parametrize("names", [("m",), ("m/metadata.json/x",), ("README",)])
def test_a_lora_without_a_file_that_says_what_it_is_for_is_refused(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    with pytest.raises(EaiError, match=r"there is no .*metadata\.json"):
        packed(folder(tmp_path, *names), lora=True)


def test_shards_of_a_lock_are_told_to_be_a_folder(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    shards = tuple(adopted(store, tmp_path, f"Q4/x-0000{at}-of-00002.gguf") for at in (1, 2))
    entries, about = of_lock(model("big", *shards), store)
    assert about.gguf_folder
    assert [each.name for each in entries if not each.directory] == [
        "big/big/x-00001-of-00002.gguf",
        "big/big/x-00002-of-00002.gguf",
    ]
    _, about = of_lock(model("small", shards[0]), store)
    assert not about.gguf_folder


def test_a_model_of_several_parts_is_not_preserved_without_them(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    weights = adopted(store, tmp_path, "flux.gguf")
    vae = Part(role="vae", path="vae.safetensors", digest=Digest.of_hex("0" * 64))
    with pytest.raises(EaiError, match="no place for"):
        of_lock(replace(model("flux", weights), parts=(vae,)), store)


def adopted(store: Store, root: Path, name: str) -> File:
    path = root / "file"
    path.write_text(name)
    return File(path=name, digest=store.adopt(path)[0])
