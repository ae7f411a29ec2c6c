"""`eai model preserve`: what it writes is what Eternal Zoo and CryptoModels read."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from support import kubo

from zoo.ipfs import cid as cids
from zoo.ipfs import legacy

MIB = 1 << 20
MODEL = b"GGUF" + random.Random(6).randbytes(3 * MIB)
PROJECTOR = b"GGUF" + random.Random(7).randbytes(1000)
FIELDS = [
    "folder_name",
    "chunk_size_mb",
    "files",
    "task",
    "ram",
    "config_name",
    "hf_repo",
    "hf_file",
    "lora",
    "gguf_folder",
    "num_of_files",
]

Eai = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def folder(work: Path) -> Path:
    folder = work / "eyes"
    folder.mkdir()
    (folder / "eyes").write_bytes(MODEL)
    (folder / "eyes-projector").write_bytes(PROJECTOR)
    return folder


def unpacked(node: kubo.Node, archive: legacy.Archive) -> dict[str, bytes]:
    """Do as an old installation does: get the parts, check each, and unpack them."""
    stream = b""
    for part in archive.parts:
        data = node.ipfs("cat", str(part.cid))
        assert hashlib.sha256(data).hexdigest() == part.sha256.hex
        stream += data
    with tarfile.open(fileobj=gzip.GzipFile(fileobj=io.BytesIO(stream)), mode="r|") as tar:
        return {info.name: content.read() for info in tar if (content := tar.extractfile(info))}


def test_a_model_and_its_projector_come_back_byte_for_byte(eai: Eai, folder: Path, node: kubo.Node) -> None:
    words = ("--folder-path", "eyes", "--to", "kubo", "--zip-chunk-size", "1", "--threads", "3")
    about = ("--ram", "5.5", "--hf-repo", "a/b", "--hf-file", "c.gguf")
    done = eai("model", "preserve", *words, *about, EAI_KUBO_API=node.api)
    assert done.returncode == 0, done.stderr
    cid = done.stdout.strip()
    assert cid.startswith("bafkrei")

    data = node.ipfs("cat", cid)
    said = json.loads(data)
    assert list(said) == FIELDS
    assert said["folder_name"] == "eyes"
    assert said["chunk_size_mb"] == 1
    assert (said["task"], said["ram"], said["hf_repo"], said["hf_file"]) == ("chat", 5.5, "a/b", "c.gguf")
    assert (said["config_name"], said["lora"], said["gguf_folder"]) == (None, False, False)
    assert said["num_of_files"] == len(said["files"]) == 4
    assert [list(part) for part in said["files"]] == [["cid", "file_hash", "size_mb", "file_name"]] * 4
    assert [part["size_mb"] for part in said["files"]][:3] == [1.0, 1.0, 1.0]
    assert data == json.dumps(said, indent=4).encode()

    archive = legacy.parse(data, cids.parse(cid))
    assert unpacked(node, archive) == {"eyes/eyes": MODEL, "eyes/eyes-projector": PROJECTOR}
    assert {cid, *(str(part.cid) for part in archive.parts)} <= node.pinned()

    again = eai("model", "preserve", *words, *about, "--json", EAI_KUBO_API=node.api)
    assert json.loads(again.stdout)["cid"] == cid
    assert "sending" not in again.stderr


def test_a_lora_names_its_base_model(eai: Eai, work: Path, node: kubo.Node) -> None:
    inner = work / "style" / "style"
    inner.mkdir(parents=True)
    (inner / "adapter.gguf").write_bytes(MODEL)
    base = str(cids.of(b"base", cids.RAW))
    lora = {"base_model": base, "lora_paths": ["adapter.gguf"], "lora_scales": [0.8]}
    (inner / "metadata.json").write_text(json.dumps(lora))
    done = eai(
        "model", "preserve", "--folder-path", "style/", "--lora", "--to", "kubo", EAI_KUBO_API=node.api
    )
    assert done.returncode == 0, done.stderr
    archive = legacy.parse(node.ipfs("cat", done.stdout.strip()))
    assert archive.lora
    found = unpacked(node, archive)
    assert str(legacy.parse_lora(found["style/style/metadata.json"]).base) == base


@pytest.mark.parametrize("inner", ["big", "big/big"])
def test_shards_lie_under_their_own_names_where_old_installations_look(
    eai: Eai, work: Path, node: kubo.Node, inner: str
) -> None:
    folder = work / "big"
    (work / inner).mkdir(parents=True)
    names = ["big-00001-of-00002.gguf", "big-00002-of-00002.gguf"]
    for name in names:
        (work / inner / name).write_bytes(name.encode())
    (folder / "big-projector").write_bytes(PROJECTOR)
    words = ("--folder-path", str(folder), "--gguf-folder", "--task", "embed", "--to", "kubo")
    done = eai("model", "preserve", *words, EAI_KUBO_API=node.api)
    assert done.returncode == 0, done.stderr
    archive = legacy.parse(node.ipfs("cat", done.stdout.strip()))
    assert (archive.gguf_folder, archive.task) == (True, "embed")
    shards = {f"big/big/{name}": name.encode() for name in names}
    assert unpacked(node, archive) == {"big/big-projector": PROJECTOR, **shards}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--folder-path", "nowhere"), 1, "is no folder"),
        (("--folder-path", "bare"), 1, "has no bare, which is what older installations"),
        (("--folder-path", "bare", "--lora"), 1, "metadata.json, which says what model the LoRA is for"),
        (("--folder-path", "bare", "--gguf-folder"), 1, "has no *.gguf"),
        (("--folder-path", "eyes", "--ram", "much"), 2, "--ram: 'much' is no number of gigabytes\n"),
        (("--folder-path", "eyes", "--ram", "-1"), 2, "--ram: '-1' is no number of gigabytes\n"),
        (("--folder-path", "eyes", "--ram", "nan"), 2, "--ram: 'nan' is no number of gigabytes\n"),
        (("--folder-path", "eyes", "--threads", "0"), 2, "'0' is no whole number from 1 to 256\n"),
        (("--folder-path", "eyes", "--zip-chunk-size", "x"), 2, "'x' is no whole number from 1 to 10000\n"),
        (("--folder-path", "eyes", "--max-retries", "101"), 2, "'101' is no whole number from 0 to 100\n"),
        (("--folder-path", "eyes", "--task", "image-edit"), 5, "only if --config-name says its kind"),
        (("--folder-path", "eyes", "--to", "car", "x.car"), 2, "fits in no CAR"),
        (("--folder-path", "eyes", "--to", "kubo", "eyes"), 2, "one word too many"),
    ],
)
def test_a_folder_or_command_that_will_not_do_is_refused_before_anything_is_sent(
    *, eai: Eai, folder: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    (folder.parent / "bare").mkdir()
    to = () if "--to" in words else ("--to", "kubo")
    done = eai("model", "preserve", *words, *to, EAI_KUBO_API="http://127.0.0.1:1")
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
