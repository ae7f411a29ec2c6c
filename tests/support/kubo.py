"""A real Kubo node: its own repository, on loopback, with no way to any other node."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

PROFILE = "unixfs-v1-2025"
_PATIENCE = 60


def at_hand() -> str | None:
    """Find a Kubo: where EAI_TEST_KUBO says, on PATH, or where Go installs programs."""
    places = [os.environ.get("EAI_TEST_KUBO"), shutil.which("ipfs"), str(Path.home() / "go" / "bin" / "ipfs")]
    return next((place for place in places if place and Path(place).is_file()), None)


def program() -> str:
    """Find a Kubo, or skip the test that wants one; where everything must be tested, fail."""
    if (place := at_hand()) is None:
        missing = (
            "no Kubo: `go build -o ipfs github.com/ipfs/kubo/cmd/ipfs` in tests/kubo, EAI_TEST_KUBO=…/ipfs"
        )
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    return place


@dataclass
class Node:
    """A running node.

    Attributes:
        api: The address of its RPC, `http://127.0.0.1:…`.
        gateway: That of its gateway.
        repo: Where it keeps its blocks.
    """

    api: str
    gateway: str
    repo: Path
    process: subprocess.Popen[str]

    def ipfs(self, *words: str, stdin: bytes | None = None) -> bytes:
        """Run `ipfs` with these words against this node; what it prints."""
        done = subprocess.run(
            [program(), "--repo-dir", str(self.repo), *words],
            input=stdin,
            capture_output=True,
            check=True,
            timeout=_PATIENCE,
        )
        return done.stdout

    def pinned(self) -> set[str]:
        """Give the CIDs of all that is pinned recursively."""
        return set(self.ipfs("pin", "ls", "--type=recursive", "--quiet").decode().split())


def make(repo: Path, *, config: Mapping[str, object] | None = None) -> None:
    """Make an empty repository of the profile, which talks to nobody.

    Args:
        repo: Where.
        config: Further settings, such as `{"API.Authorizations": {…}}`.
    """
    run = [program(), "--repo-dir", str(repo)]
    subprocess.run(
        [*run, "init", "--empty-repo", f"--profile={PROFILE},test"],
        check=True,
        capture_output=True,
        timeout=_PATIENCE,
    )
    settings: dict[str, object] = {
        "Addresses.API": "/ip4/127.0.0.1/tcp/0",
        "Addresses.Gateway": "/ip4/127.0.0.1/tcp/0",
        "Addresses.Swarm": [],
        "Bootstrap": [],
        "Discovery.MDNS.Enabled": False,
        "Routing.Type": "none",
        "AutoConf.Enabled": False,
        "Swarm.DisableNatPortMap": True,
        **(config or {}),
    }
    for key, value in settings.items():
        subprocess.run(
            [*run, "config", "--json", key, json.dumps(value)],
            check=True,
            capture_output=True,
            timeout=_PATIENCE,
        )


@contextmanager
def running(repo: Path, *, offline: bool = True) -> Iterator[Node]:
    """Run a node on a repository that `make` made, for as long as the context lasts.

    Args:
        repo: The repository.
        offline: Whether it has no swarm at all. With one it listens where `Addresses.Swarm` says, and
            still looks for nobody.
    """
    environment = {**os.environ, "IPFS_PATH": str(repo), "IPFS_TELEMETRY": "off"}
    process = subprocess.Popen(
        [program(), "daemon", *(["--offline"] if offline else [])],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield _started(process, repo)
    finally:
        # It is told to end, as `ipfs shutdown` would, also where its RPC asks for a password.
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_PATIENCE)
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _started(process: subprocess.Popen[str], repo: Path) -> Node:
    found: dict[str, str] = {}
    said: list[str] = []
    guard = threading.Timer(_PATIENCE, process.kill)
    guard.start()
    try:
        for line in process.stdout or ():
            said.append(line)
            for name in ("RPC API server listening on ", "Gateway server listening on "):
                if line.startswith(name):
                    found[name.split()[0]] = _url(line.removeprefix(name).strip())
            if "Daemon is ready" in line:
                break
        else:
            pytest.fail("Kubo did not start:\n" + "".join(said))
    finally:
        guard.cancel()
    # Whatever it says from now on must not fill the pipe.
    threading.Thread(target=lambda: [None for _ in process.stdout or ()], daemon=True).start()
    return Node(found["RPC"], found["Gateway"], repo, process)


def _url(address: str) -> str:
    """Turn `/ip4/127.0.0.1/tcp/5001` into a URL."""
    _, _, host, _, port, *_ = address.split("/")
    return f"http://{host}:{port}"


def ask(node: Node, call: str) -> bytes:
    """Call a node's RPC: `pin/ls?type=recursive`."""
    request = urllib.request.Request(f"{node.api}/api/v0/{call}", method="POST")
    with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:
        body: bytes = answer.read()
    return body
