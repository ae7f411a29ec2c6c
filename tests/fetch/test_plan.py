"""What must come."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.fetching import PIECE, artifact, digest_of
from support.locked import model
from support.lying import Server, honest

from zoo.fetch.plan import label, needed, plan
from zoo.lock.model import (
    Artifact,
    Build,
    File,
    Lock,
    Toolchain,
    ToolchainRequest,
)
from zoo.store import Store
from zoo.zoofile.model import Server as ServerTable

A, B, C, D = (artifact(name, f"https://host/{name.decode()}.gguf") for name in (b"a", b"bb", b"ccc", b"dddd"))


def a_lock() -> Lock:
    main = model(
        "m",
        File(path="a.gguf", digest=A.digest),
        main=True,
        mmproj=(File(path="b.gguf", digest=B.digest),),
    )
    toolchain = Toolchain(
        name="llama-cpp",
        request=ToolchainRequest(version="latest", source="pypi", variant="cpu"),
        version="1",
        builds=(
            Build(platform="linux-x86_64", variant="cpu", program="p", digest=C.digest),
            Build(
                platform="macos-arm64", variant="cpu", program="p", files=(File(path="p", digest=D.digest),)
            ),
        ),
    )
    return Lock(version=1, server=ServerTable(), model=(main,), toolchain=(toolchain,), artifact=(A, B, C, D))


def test_all_models_are_needed_and_the_chosen_builds() -> None:
    lock = a_lock()
    linux, mac = lock.toolchain[0].builds
    assert needed(lock, [linux]) == (A, B, C)
    assert needed(lock, [mac]) == (A, B, D)
    assert needed(lock, []) == (A, B)


def test_what_is_there_and_what_is_missing_is_told_apart(store: Store, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"bb")
    store.adopt(tmp_path / "f")
    todo = plan([A, B, C], store)
    assert todo.present == (B,)
    assert todo.missing == (C, A)
    assert todo.bytes == todo.size == 4


def test_what_a_partial_download_holds_need_not_come(store: Store, server: Server) -> None:
    data = bytes(10 * PIECE)
    wanted = artifact(data, server.on("/f", honest(data)))
    claim = store.claim(wanted.digest.hex, wanted.size)
    claim.partial.put(3, data[:PIECE])  # type: ignore[union-attr] - nobody else holds it
    todo = plan([wanted], store)
    assert (todo.bytes, todo.size) == (9 * PIECE, 10 * PIECE)
    claim.discard()  # type: ignore[union-attr] - as above


@pytest.mark.parametrize(
    ("sources", "name"),
    [
        ({"url": ("https://host/a/model.gguf?download=true",)}, "model.gguf"),
        ({"hf": ("hf://o/r@" + "0" * 40 + "/sub/model.gguf",)}, "model.gguf"),
        ({"path": ("path:../model.gguf",)}, "model.gguf"),
        ({"path": ("path:model.gguf",)}, "model.gguf"),
        ({"bundled": ("bundled:toy.gguf",)}, "toy.gguf"),
        ({"ipfs": ("ipfs://bafybei",)}, digest_of(b"").short),
        ({"ipfs": ("ipfs://bafybei",), "url": ("https://host/x.gguf",)}, "x.gguf"),
    ],
)
def test_people_know_an_artifact_by_its_file_name(sources: dict[str, tuple[str, ...]], name: str) -> None:
    assert label(Artifact(digest=digest_of(b""), size=0, **sources)) == name  # type: ignore[arg-type] - kinds of sources
