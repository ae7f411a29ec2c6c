"""A team downloads a model once: locked from IPFS, served from one store, fetched by another."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from models.shapes import write_shape
from support.engine import native_server
from support.gateway import SMALL, Blocks, everywhere, gateway, noise
from support.lying import Asked, Server, Wire, serving, status
from support.sharing import store_served

from zoo.ipfs.profiles import UNIXFS_V1_2025
from zoo.lock import toml
from zoo.lock.model import Artifact
from zoo.store import Store

Eai = Callable[..., subprocess.CompletedProcess[str]]

TOOLS = '[toolchain.llama-cpp]\nfrom = { path = "llama-server" }\n'


@pytest.fixture
def model(tmp_path: Path) -> bytes:
    # More than a leaf, so that it has a tree.
    return write_shape(tmp_path / "model.gguf", "llama", blocks=2).read_bytes() + noise(3 << 20)


@pytest.fixture
def other() -> Iterator[Server]:
    with serving() as running:
        yield running


def project(work: Path, origin: str, *gateways: str) -> dict[str, str]:
    """Make a project, and give the environment that it is locked and fetched in."""
    native_server(work / "llama-server", work)
    (work / "zoofile.toml").write_text(f'{TOOLS}[models.m]\nipfs = "{origin}"\n')
    config = work / "config.toml"
    config.write_text(f"[ipfs]\ngateways = {json.dumps(gateways)}\n")
    return {"EAI_CONFIG": str(config)}


def locked(work: Path) -> tuple[Artifact, ...]:
    """Give the artifacts of the lock's model."""
    lock = toml.load(work / "zoo.lock")
    return tuple(lock.artifacts()[file.digest] for file in lock.model[0].files())


def wrong(asked: Asked, wire: Wire) -> None:
    wire.head(200, Content_Length=5, Content_Type="application/vnd.ipld.raw")
    wire.body(b"wrong")


def test_a_model_is_locked_and_fetched_from_ipfs_alone_though_one_gateway_lies(
    eai: Eai, work: Path, model: bytes, server: Server, other: Server
) -> None:
    blocks = Blocks()
    root = blocks.file(model, SMALL).root
    env = project(work, str(root), everywhere(other, blocks, wrong), gateway(server, blocks))
    done = eai("lock", **env)
    assert done.returncode == 0, done.stderr
    assert f"ipfs://{root} at {other.url('')} gave wrong bytes" in done.stderr
    (artifact,) = locked(work)
    assert artifact.ipfs == (f"ipfs://{root}",)
    assert eai("lock", "--check", **env).returncode == 0
    env |= {"EAI_HOME": str(work.parent / "elsewhere")}
    done = eai("fetch", **env)
    assert done.returncode == 0, done.stderr
    assert Store(work.parent / "elsewhere" / "store").object(artifact.digest).read_bytes() == model
    assert "gave wrong bytes" in done.stderr


def test_where_all_gateways_refuse_each_is_named(
    eai: Eai, work: Path, model: bytes, server: Server, other: Server
) -> None:
    blocks = Blocks()
    root = blocks.file(model, SMALL).root
    refusing = everywhere(server, blocks, status(451)), everywhere(other, blocks, status(410))
    done = eai("lock", **project(work, str(root), *refusing))
    assert done.returncode != 0
    assert all(url in done.stderr for url in refusing)
    assert "config.toml" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_preserved_model_is_locked_with_its_projector_and_comes_again(
    eai: Eai, work: Path, tmp_path: Path, model: bytes, server: Server
) -> None:
    blocks = Blocks()
    root = blocks.archive("old", {"models/old/old": model, "models/old/._old": b"x"})
    env = project(work, str(root), gateway(server, blocks))
    done = eai("lock", **env)
    assert done.returncode == 0, done.stderr
    (artifact,) = locked(work)
    assert artifact.ipfs == (f"ipfs://{root}/old",)
    assert not list((tmp_path / "home" / "store" / "ingest").iterdir())
    env |= {"EAI_HOME": str(tmp_path / "elsewhere")}
    assert eai("fetch", **env).returncode == 0
    assert Store(tmp_path / "elsewhere" / "store").object(artifact.digest).read_bytes() == model


def test_a_second_machine_fetches_from_the_first_alone(
    eai: Eai, work: Path, tmp_path: Path, model: bytes
) -> None:
    blocks = Blocks()
    root = blocks.file(model, SMALL).root
    with serving() as server:
        env = project(work, str(root), gateway(server, blocks))
        assert eai("lock", **env).returncode == 0
        assert eai("fetch", **env).returncode == 0
    (artifact,) = locked(work)
    with store_served(tmp_path / "home") as url:
        done = eai("fetch", "--from", url, **env, EAI_HOME=str(tmp_path / "second"))
        assert done.returncode == 0, done.stderr
        assert Store(tmp_path / "second" / "store").object(artifact.digest).read_bytes() == model
        config = work / "config.toml"
        config.write_text(f'[fetch]\npeers = ["http://127.0.0.1:9", "{url}/"]\n')
        done = eai("fetch", **env, EAI_HOME=str(tmp_path / "third"))
        assert done.returncode == 0, done.stderr
        assert Store(tmp_path / "third" / "store").object(artifact.digest).read_bytes() == model


def test_a_peer_that_has_it_not_is_passed_by_without_a_word(
    eai: Eai, work: Path, tmp_path: Path, model: bytes, server: Server
) -> None:
    blocks = Blocks()
    env = project(work, str(blocks.file(model, SMALL).root), gateway(server, blocks))
    assert eai("lock", **env).returncode == 0
    with store_served(tmp_path / "empty") as url:
        done = eai("fetch", "--from", url, **env, EAI_HOME=str(tmp_path / "second"))
    assert done.returncode == 0, done.stderr
    assert "404" not in done.stderr


def test_a_lying_peer_is_caught(eai: Eai, work: Path, model: bytes, server: Server, other: Server) -> None:
    blocks = Blocks()
    env = project(work, str(blocks.file(model, SMALL).root), gateway(server, blocks))
    assert eai("lock", **env).returncode == 0
    (artifact,) = locked(work)

    def lie(asked: Asked, wire: Wire) -> None:
        wire.head(200, Content_Length=len(model))
        wire.body(model[::-1])

    other.on(f"/eai/sha256/{artifact.digest.hex}", lie)
    done = eai("fetch", "--from", other.url(""), **env, EAI_HOME=str(work.parent / "second"))
    assert done.returncode == 0, done.stderr
    assert "gave wrong bytes" in done.stderr
    assert Store(work.parent / "second" / "store").object(artifact.digest).read_bytes() == model


def test_a_store_is_a_gateway_that_eai_can_lock_from(
    eai: Eai, work: Path, tmp_path: Path, model: bytes
) -> None:
    (tmp_path / "model").write_bytes(model)
    digest, _ = Store(tmp_path / "first" / "store").adopt(tmp_path / "model")
    root = Blocks().file(model, UNIXFS_V1_2025).root
    with store_served(tmp_path / "first") as url:
        done = eai("lock", **project(work, str(root), url))
    assert done.returncode == 0, done.stderr
    (artifact,) = locked(work)
    assert (artifact.digest, artifact.ipfs) == (digest, (f"ipfs://{root}",))


def test_whoever_serves_to_all_is_warned(eai: Eai, tmp_path: Path) -> None:
    with store_served(tmp_path / "home", "--host", "127.0.0.1") as url:
        port = url.rpartition(":")[2]
        done = eai("store", "serve", "--port", port)
    assert done.returncode == 1
    assert "`eai store serve --port 0`" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_ends_at_once_though_somebody_is_fetching(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "file").write_bytes(bytes(64 << 20))
    digest, _ = Store(tmp_path / "home" / "store").adopt(tmp_path / "file")
    with store_served(tmp_path / "home", number=number) as url:
        sock = socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])))
        sock.sendall(f"GET /eai/sha256/{digest.hex} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert sock.recv(12) == b"HTTP/1.1 200"
        began = time.monotonic()
    assert time.monotonic() - began < 10
    sock.close()


def test_a_wrong_configuration_is_named(eai: Eai, work: Path, model: bytes) -> None:
    env = project(work, "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku")
    (work / "config.toml").write_text("[ipfs]\ngatway = 1\n")
    done = eai("lock", **env)
    assert done.returncode == 1
    assert "config.toml:2: `ipfs.gatway`" in done.stderr


def test_an_address_with_a_password_is_refused_and_not_shown(eai: Eai) -> None:
    done = eai("fetch", "--from", "http://me:secret@a.example")
    assert done.returncode == 2
    assert "secret" not in done.stderr
    assert "no password" in done.stderr
    assert eai("fetch", "--from", "nowhere").returncode == 2
