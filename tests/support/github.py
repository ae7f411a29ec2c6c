"""A local GitHub: its REST API for releases, its web server, and the storage that downloads are sent to."""

from __future__ import annotations

import hashlib
import json
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from support import lying

from zoo.toolchains.github import Shelf

API = "/api/v3"
LIMIT = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of a release.

    Attributes:
        digest: Whether the API states it: it does for what was uploaded since June 2025.
        state: `starter` while it is being uploaded.
    """

    name: str
    content: bytes
    digest: bool = True
    state: str = "uploaded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A release and its files."""

    tag: str
    files: tuple[File, ...] = ()
    draft: bool = False
    prerelease: bool = True


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to the API or the web server."""

    path: str
    query: Mapping[str, list[str]]
    token: str | None


@dataclass(slots=True)
class GitHub:
    """What there is, and what was asked of the API and the web server.

    Attributes:
        repos: The releases of each repository, the newest first.
        renamed: Old names of repositories, and the new ones.
        tokens: Those that are taken; None is nobody's.
        remaining: How many questions are still answered; None for any number.
        reset: When that many more are, in seconds since 1970.
        instead: What is answered to everything instead: a status, headers and a body.
    """

    storage: lying.Server
    port: int = 0
    repos: dict[str, list[Release]] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    tokens: frozenset[str] = frozenset()
    remaining: int | None = None
    reset: int = 0
    instead: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The web server."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        """What tells eai that GitHub is here."""
        return {"GITHUB_API_URL": f"{self.url}{API}", "GITHUB_SERVER_URL": self.url}

    def release(self, repository: str, tag: str, *files: File, draft: bool = False) -> None:
        """Publish a release, as the newest."""
        made = Release(tag=tag, files=files, draft=draft)
        self.repos.setdefault(repository, []).insert(0, made)
        for file in files:
            self.storage.on(f"/{repository}/{tag}/{file.name}", lying.honest(file.content))

    def tag(self, repository: str, tag: str, archive: bytes) -> None:
        """Publish a tag, whose source code is packed so."""
        self.storage.on(f"/{repository}/archive/{tag}.tar.gz", lying.chunked(archive))

    def questions(self) -> list[str]:
        """The paths that the API was asked for."""
        return [asked.path.removeprefix(API) for asked in self.asked if asked.path.startswith(API)]


def no_shelf() -> Shelf:
    """For tests that fetch nothing."""
    raise AssertionError("nothing is to be fetched")


@contextmanager
def serving() -> Iterator[GitHub]:
    """Run it until the block ends."""
    with ExitStack() as stack:
        github = GitHub(stack.enter_context(lying.serving()))
        server = _Server(github)
        github.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield github
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


@pytest.fixture
def github() -> Iterator[GitHub]:
    with serving() as made:
        yield made


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, github: GitHub) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.github = github

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that leave."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type] - passed on as it came


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the stdlib's name
        del format, args

    def do_GET(self) -> None:
        github, url = self.server.github, urlsplit(self.path)
        sent = self.headers.get("Authorization")
        github.asked.append(Asked(url.path, parse_qs(url.query), sent))
        if github.instead:
            status, headers, body = github.instead.pop(0) if len(github.instead) > 1 else github.instead[0]
            self._send(status, body, **headers)
        elif not url.path.startswith(API):
            self._web(github, url.path.split("/")[1:])
        elif sent is not None and sent.removeprefix("Bearer ") not in github.tokens:
            self._json(401, {"message": "Bad credentials", "status": "401"})
        elif github.remaining == 0:
            self._json(403, {"message": "API rate limit exceeded for 127.0.0.1."})
        else:
            github.remaining = None if github.remaining is None else github.remaining - 1
            self._api(github, url.path.removeprefix(API).split("/")[1:], parse_qs(url.query))

    def _api(self, github: GitHub, parts: list[str], query: dict[str, list[str]]) -> None:
        if parts[0] == "repositories":  # what a renamed one leads to
            parts = ["repos", *sorted(github.renamed.values())[int(parts[1])].split("/"), *parts[2:]]
        repository, rest = "/".join(parts[1:3]), parts[3:]
        if repository in github.renamed:
            number = sorted(github.renamed.values()).index(github.renamed[repository])
            target = f"{github.url}{API}/repositories/{number}/{'/'.join(rest)}"
            self._json(301, {"message": "Moved Permanently", "url": target}, Location=target)
            return
        releases = [each for each in github.repos.get(repository, []) if not each.draft]
        if rest == ["releases"] and repository in github.repos:
            self._page(github, repository, query)
        elif rest[:2] == ["releases", "tags"] and (found := [r for r in releases if r.tag == rest[2]]):
            self._json(200, _plain(github, repository, found[0]))
        else:
            self._json(404, {"message": "Not Found", "status": "404"})

    def _page(self, github: GitHub, repository: str, query: dict[str, list[str]]) -> None:
        size, page = int(query.get("per_page", ["30"])[0]), int(query.get("page", ["1"])[0])
        # People with rights to a repository see its drafts too.
        every = github.repos[repository]
        shown = every[(page - 1) * size : page * size]
        here = f"{github.url}{API}/repos/{repository}/releases?per_page={size}&page="
        more = {"Link": f'<{here}{page + 1}>; rel="next"'} if page * size < len(every) else {}
        self._json(200, [_plain(github, repository, each) for each in shown], **more)

    def _web(self, github: GitHub, parts: list[str]) -> None:
        match parts:
            case [owner, name, "releases", "download", tag, file]:
                target = github.storage.url(f"/{owner}/{name}/{tag}/{file}", host="localhost")
                self._send(302, b"", Location=target)
            case [owner, name, "archive", "refs", "tags", file]:
                target = self.server.github.storage.url(f"/{owner}/{name}/archive/{file}", host="localhost")
                self._send(302, b"", Location=target)
            case _:
                self._send(404, b"Not Found")

    def _json(self, status: int, value: object, **headers: str) -> None:
        github = self.server.github
        left = LIMIT if github.remaining is None else github.remaining
        limits = {"x-ratelimit-limit": str(LIMIT), "x-ratelimit-remaining": str(left)}
        limits |= {"x-ratelimit-reset": str(github.reset), "Content-Type": "application/json; charset=utf-8"}
        self._send(status, json.dumps(value).encode(), **limits, **headers)

    def _send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _plain(github: GitHub, repository: str, release: Release) -> dict[str, object]:
    here = f"{github.url}{API}/repos/{repository}/releases"
    return {
        "url": f"{here}/1",
        "id": 1,
        "tag_name": release.tag,
        "target_commitish": "master",
        "name": release.tag,
        "draft": release.draft,
        "prerelease": release.prerelease,
        "immutable": False,
        "published_at": None if release.draft else "2026-11-22T10:00:00Z",
        "assets": [_asset(github, repository, release, file) for file in release.files],
        "body": "What changed.",
    }


def _asset(github: GitHub, repository: str, release: Release, file: File) -> dict[str, object]:
    uploaded = file.state == "uploaded"
    digest = f"sha256:{hashlib.sha256(file.content).hexdigest()}"
    return {
        "id": 1,
        "name": file.name,
        "label": "",
        "uploader": {"login": "github-actions[bot]", "type": "Bot"},
        "content_type": "application/octet-stream",
        "state": file.state,
        "size": len(file.content) if uploaded else 0,
        "digest": digest if file.digest and uploaded else None,
        "download_count": 7,
        "browser_download_url": f"{github.url}/{repository}/releases/download/{release.tag}/{file.name}",
    }
