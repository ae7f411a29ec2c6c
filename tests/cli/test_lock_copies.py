"""`eai lock` of a catalogue model whose repository is gone: the real client, gateway blocks and store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from models.shapes import write_shape
from msgspec.structs import replace
from support import lying
from support.engine import native_server
from support.gateway import Blocks, gateway
from support.hub import Hub
from support.shelf import digest_of

from zoo.catalog import lookup
from zoo.cli.main import main
from zoo.lock import toml
from zoo.store import Store

ZOOFILE = '[toolchain.llama-cpp]\nfrom = { path = "llama-server" }\n[models."qwen3-1.7b"]\n'


@pytest.fixture
def project(tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one model of the catalogue, and a Hub that does not have it."""
    native_server(tmp_path / "llama-server", tmp_path)
    (tmp_path / "zoofile.toml").write_text(ZOOFILE)
    for name, value in {
        "HF_ENDPOINT": hub.url,
        "EAI_HOME": str(tmp_path / "home"),
        "EAI_CONFIG": str(tmp_path / "config.toml"),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_comes_from_its_archive_and_says_so(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write_shape(project / "model.gguf", "llama", blocks=2).read_bytes()
    blocks, entry = Blocks(), lookup("qwen3-1.7b")
    assert entry is not None
    root = blocks.archive("old", {"old/old": model})
    # The catalogue is part of the program, and its archives are too large for a test.
    monkeypatch.setattr("zoo.resolve.origins.lookup", lambda _: replace(entry, cid=str(root)))
    with lying.serving() as server:
        (project / "config.toml").write_text(f"[ipfs]\ngateways = {json.dumps([gateway(server, blocks)])}\n")
        assert main(["lock"]) == 0
    told = capsys.readouterr().err
    assert main(["lock"]) == 0  # with nobody to ask

    assert "has no repository Qwen/Qwen3-1.7B-GGUF" in told
    assert f"taking the copy preserved on IPFS, ipfs://{root}" in told
    written = (project / "zoo.lock").read_text()
    assert 'request = { catalog = "qwen3-1.7b" }' in written
    lock = toml.load(project / "zoo.lock")
    assert lock.artifacts()[digest_of(model)].ipfs == (f"ipfs://{root}/old",)
    assert Store(project / "home" / "store").object(digest_of(model)).read_bytes() == model


def test_where_both_fail_one_error_names_both(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with lying.serving() as server:
        (project / "config.toml").write_text(f'[ipfs]\ngateways = ["{server.url("")}"]\n')
        assert main(["lock"]) == 5

    told = capsys.readouterr().err
    assert "error: qwen3-1.7b: " in told
    assert "has no repository Qwen/Qwen3-1.7B-GGUF" in told
    assert "and its preserved copy ipfs://bafkreib6pws5dx5ur6exbhulmf35twfcizdkxvup4cklzprlvaervfz5zy" in told
    assert "hint: " in told
    assert not (project / "zoo.lock").exists()
