"""A local server that speaks the Hugging Face Hub's API as it is, for the real client and for ours.

The API and the bodies of large files are served by two servers, so that a redirect to the latter crosses
hosts as it does at the Hub. What the Hub answers was taken from its client, huggingface_hub 2.4: the paths
and parameters from hf_api.py, the error codes from utils/_http.py, the headers from file_download.py.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants
from support.hub_http import Handler


@dataclass
class Repo:
    """A repository: its commits by their hash, and what its branches and tags point to."""

    name: str
    gated: bool = False
    private: bool = False
    allowed: frozenset[str] = frozenset()
    """Tokens that may read it."""
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)

    def commit(self, files: dict[str, bytes], *, branch: str = "main") -> str:
        """Add a commit and point a branch to it; return its hash."""
        tree = sorted((path, hashlib.sha256(data).hexdigest()) for path, data in files.items())
        sha = hashlib.sha1(json.dumps([self.name, len(self.commits), tree]).encode()).hexdigest()
        self.commits[sha] = dict(files)
        self.refs[branch] = sha
        return sha

    def at(self, revision: str) -> str | None:
        """Resolve a revision to a commit."""
        sha = self.refs.get(revision, revision)
        return sha if sha in self.commits else None


@dataclass(frozen=True)
class Seen:
    """A request as it came in."""

    server: str
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    status: int


@dataclass(frozen=True)
class Answer:
    """An answer to give instead of the right one."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


class Hub:
    """The two servers and all that they know.

    Attributes:
        url: The endpoint: what HF_ENDPOINT is set to.
        storage: Where bodies of large files come from.
        tokens: Every token that is one.
        seen: Every request, in the order in which they were answered.
        instead: Answers to give once each, by a text that the path contains.
        blobs: Whether `?blobs=true` is understood (a mirror may not).
    """

    def __init__(self, url: str, storage: str) -> None:
        self.url = url
        self.storage = storage
        self.tokens = {"hf_good", "hf_stranger"}
        self.repos: dict[str, Repo] = {}
        self.renamed: dict[str, str] = {}
        self.seen: list[Seen] = []
        self.instead: list[tuple[str, Answer]] = []
        self.changing: dict[str, bytes] = {}
        self.blobs = True
        self._lock = threading.Lock()

    def repo(
        self,
        name: str,
        files: dict[str, bytes],
        *,
        gated: bool = False,
        private: bool = False,
        allowed: frozenset[str] = frozenset(),
    ) -> Repo:
        """Add a repository with one commit on `main`."""
        repo = Repo(name, gated=gated, private=private, allowed=allowed)
        repo.commit(files)
        self.repos[name] = repo
        return repo

    def rename(self, old: str, new: str) -> None:
        """Give a repository another name; the old one is redirected."""
        repo = self.repos.pop(old)
        repo.name = new
        self.repos[new] = repo
        self.renamed[old] = new

    def answer(self, part: str, answer: Answer, *, times: int = 1) -> None:
        """Give this answer to the next requests whose path contains `part`."""
        self.instead += [(part, answer)] * times

    def change_after_first_range(self, path: str, data: bytes) -> None:
        """Serve other bytes, under another ETag, from the second request for a file on."""
        self.changing[path] = data

    def requests(self, server: str = "hub") -> list[Seen]:
        """Return what one of the two servers (`hub`, `storage`) was asked."""
        return [request for request in self.seen if request.server == server]

    def note(self, **request: Any) -> None:  # noqa: ANN401 - the fields of `Seen`
        """Remember a request."""
        with self._lock:
            self.seen.append(Seen(**request))

    def instead_of(self, path: str) -> Answer | None:
        """Take the next answer to give instead of the right one."""
        with self._lock:
            for index, (part, answer) in enumerate(self.instead):
                if part in path:
                    del self.instead[index]
                    return answer
        return None

    def body(self, digest: str) -> bytes | None:
        """Return what the storage has under a digest, changed where that was asked for."""
        for repo in self.repos.values():
            for files in repo.commits.values():
                for path, data in files.items():
                    if hashlib.sha256(data).hexdigest() == digest:
                        asked = sum(1 for seen in self.requests("storage") if digest in seen.path)
                        return self.changing.get(path, data) if asked else data
        return None


@contextmanager
def running() -> Iterator[Hub]:
    """Run a Hub on two free ports; the storage is another host than the endpoint, by name and by port."""
    handlers = [type(name, (Handler,), {"server_name": name}) for name in ("hub", "storage")]
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), handler) for handler in handlers]
    ports = [server.server_address[1] for server in servers]
    hub = Hub(f"http://127.0.0.1:{ports[0]}", f"http://localhost:{ports[1]}")
    threads = []
    for handler, server in zip(handlers, servers, strict=True):
        handler.hub = hub  # type: ignore[attr-defined] - the class is made here
        server.daemon_threads = True
        threads.append(threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True))
        threads[-1].start()
    try:
        yield hub
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            server.server_close()
            thread.join()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """Run a Hub, and keep its client from the tokens of whoever runs the tests.

    A `conftest.py` that imports this has the fixture.
    """
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    with running() as served:
        yield served
