"""A preserved model is locked as what is in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.shelf import Chest, Workshop, digest_of

from zoo.errors import EaiError
from zoo.lock.check import validate
from zoo.lock.model import Lock
from zoo.lock.toml import dumps, loads
from zoo.resolve.run import resolve
from zoo.resolve.upgrade import Upgrade
from zoo.sources.base import Part
from zoo.store import Store
from zoo.zoofile.read import parse

CID = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
URI = f"ipfs://{CID}"
ZOOFILE = f'[models.lion]\nipfs = "{CID}"\n'


@pytest.fixture
def lock(tmp_path: Path) -> Callable[..., Lock]:
    def locked(chest: Chest, text: str = ZOOFILE, old: Lock | None = None) -> Lock:
        made = resolve(
            parse(text),
            old,
            sources={"ipfs": chest},
            providers={"pypi": Workshop()},
            store=Store(tmp_path / "store"),
            upgrade=Upgrade(),
            progress=chest.events.append,
        )
        validate(made)
        assert loads(dumps(made)) == made
        return made

    return locked


def test_the_files_inside_are_locked_by_their_places(
    lock: Callable[..., Lock], llama: bytes, write: Callable[..., bytes], tmp_path: Path
) -> None:
    eyes = write("clip")
    chest = Chest([("lion.gguf", "weights", llama), ("mmproj-lion.gguf", "mmproj", eyes)])
    made = lock(chest)
    (model,) = made.model
    assert [(file.path, file.digest) for file in model.files()] == [
        ("lion.gguf", digest_of(llama)),
        ("mmproj-lion.gguf", digest_of(eyes)),
    ]
    assert model.mmproj[0].path == "mmproj-lion.gguf"
    assert made.artifacts()[digest_of(eyes)].ipfs == (f"{URI}/mmproj-lion.gguf",)
    assert Store(tmp_path / "store").object(digest_of(llama)).read_bytes() == llama
    assert any("http://bad.example" in getattr(event, "source", "") for event in chest.events)
    again = lock(chest, old=made)
    assert again == made
    assert lock(chest, f"{ZOOFILE}context-length = 128\n", made).artifact == made.artifact
    assert (chest.looked, chest.unpacked) == (1, 1)


def test_two_models_of_one_archive_unpack_it_once(lock: Callable[..., Lock], llama: bytes) -> None:
    chest = Chest([("lion.gguf", "weights", llama)])
    made = lock(chest, f'{ZOOFILE}[models.cub]\nipfs = "{CID}"\n')
    assert len(made.model) == 2
    assert chest.unpacked == 1


def test_shards_are_all_taken(lock: Callable[..., Lock], shards: tuple[bytes, ...]) -> None:
    names = [f"x-{at:05d}-of-00003.gguf" for at in (1, 2, 3)]
    members: list[tuple[str, Part, bytes]] = [
        (name, "weights", data) for name, data in zip(names, shards, strict=True)
    ]
    (model,) = lock(Chest(members[::-1])).model
    assert [file.path for file in model.weights] == names
    with pytest.raises(EaiError, match="shard 2 is missing"):
        lock(Chest(members[::2]))


def test_what_lies_beside_the_model_is_taken_only_where_there_is_no_other(
    lock: Callable[..., Lock], llama: bytes, write: Callable[..., bytes]
) -> None:
    eyes = write("clip")
    both = Chest([("cub.gguf", "weights", b"no model"), ("lion.gguf", "weights", llama)], ("cub.gguf",))
    assert [file.path for file in lock(both).model[0].files()] == ["lion.gguf"]
    alone = Chest([("cub.gguf", "weights", llama), ("mmproj-lion.gguf", "mmproj", eyes)], ("cub.gguf",))
    assert [file.path for file in lock(alone).model[0].files()] == ["cub.gguf", "mmproj-lion.gguf"]


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([], "holds no GGUF file"),
        ([("a.gguf", "lora", b"adapter")], "is an adapter"),
        ([("a.gguf", "weights", b"a"), ("b.gguf", "weights", b"b")], "2 GGUF models"),
        ([("a.gguf", "weights", b"no model at all")], "a.gguf"),
    ],
)
def test_what_is_no_model_is_named(
    lock: Callable[..., Lock], members: list[tuple[str, Part, bytes]], said: str
) -> None:
    with pytest.raises(EaiError, match=said) as caught:
        lock(Chest(members))
    assert "lion" in caught.value.message
    assert "its path" not in (caught.value.hint or "")  # there is no way to name one file of an archive


def test_an_archive_that_breaks_off_leaves_no_half_file(
    lock: Callable[..., Lock], llama: bytes, tmp_path: Path
) -> None:
    with pytest.raises(EaiError, match="the rest is gone"):
        lock(Chest([("lion.gguf", "weights", llama)], breaks=True))
    assert list((tmp_path / "store" / "ingest").iterdir()) == []
