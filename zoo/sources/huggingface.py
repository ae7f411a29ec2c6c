"""The source `hf`: files of models on the Hugging Face Hub, or on a server that speaks its API.

What a repository has is asked of the Hub's own client; the bytes come through eai's downloader.
"""

from __future__ import annotations

import difflib
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote

from zoo.digest import Digest
from zoo.errors import AccessDenied, NotThere, SourceError
from zoo.lock.model import SourceKind
from zoo.sources.base import Body, Download, Found
from zoo.sources.http import Patience, open_url
from zoo.sources.hub_errors import gated, not_moved, renamed, told
from zoo.sources.shards import choose, is_shard
from zoo.zoofile.model import Origin

if TYPE_CHECKING:
    import httpx2
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import ModelInfo

TIMEOUT = 30.0
"""Seconds that the Hub may be silent."""

_COMMIT = re.compile(r"[0-9a-f]{40}")
_URI = re.compile(r"hf://(?P<repo>[^/@]+/[^/@]+)@(?P<commit>[0-9a-f]{40})/(?P<path>.+)", re.DOTALL)
_MOST_NEAR = 5


@dataclass(frozen=True, slots=True)
class _Entry:
    """A file of a repository, as the Hub tells it."""

    size: int | None
    digest: Digest | None


class HuggingFace:
    """Files on the Hub.

    Args:
        env: HF_ENDPOINT and HF_TOKEN; without the latter, the token that huggingface_hub knows is taken.
        client: Gives the HTTP client that files are read with, when one is needed.
        patience: How long to wait for what while reading.
    """

    kind: ClassVar[SourceKind] = "hf"
    local: ClassVar[bool] = False

    def __init__(
        self, env: Mapping[str, str], client: Callable[[], httpx2.Client], patience: Patience | None = None
    ) -> None:
        self._env, self._client, self._patience = env, client, patience
        self._lock = threading.Lock()
        self._made: HfApi | None = None

    def find(self, origin: Origin) -> tuple[Found, ...]:
        """Say which files an origin names, at the commit its revision points to now.

        Raises:
            SourceError: It names none, or more than one model, or the Hub does not answer.
            Offline: HF_HUB_OFFLINE is set.
        """
        repo, revision = origin.hf or "", origin.revision or "main"
        api = self._api()
        with told(repo, revision, self.endpoint, token=bool(api.token)):
            info = api.model_info(repo, revision=revision, files_metadata=True, timeout=TIMEOUT)
            commit = self._checked(info, repo)
            entries = _entries(info)
            paths = _chosen(origin, tuple(entries), f"{repo}@{revision}")
            if any(entries[path].size is None for path in paths):
                entries |= _asked(api, repo, commit, paths)
        return tuple(
            Found(
                path=PurePosixPath(path).name,
                uri=f"hf://{repo}@{commit}/{path}",
                size=entries[path].size,
                digest=entries[path].digest,
            )
            for path in paths
        )

    @contextmanager
    def open(self, uri: str, *, size: int | None) -> Iterator[Download]:
        """Open a file at the commit that its URI names; the token goes to the endpoint alone.

        Raises:
            SourceError: The URI is none of this kind.
        """
        match = _URI.fullmatch(uri)
        if match is None:
            raise SourceError(f"{uri[:200]!a} is no file on the Hub", hint="run `eai lock` again")
        repo = match["repo"]
        url = f"{self.endpoint}/{repo}/resolve/{match['commit']}/{quote(match['path'])}"
        token = self._token()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        with open_url(self._client(), url, size=size, headers=headers, patience=self._patience) as download:
            yield _Asking(download, lambda refused: self._explain(repo, refused))

    def _explain(self, repo: str, refused: SourceError) -> None:
        """Find out why the Hub keeps a file from us.

        Args:
            repo: The repository.
            refused: What is known without asking.

        Raises:
            SourceError: With the reason, if the Hub tells one.
        """
        api = self._api()
        with told(repo, "main", self.endpoint, token=bool(api.token)):
            info = api.model_info(repo, timeout=TIMEOUT)
        if info.gated and isinstance(refused, AccessDenied):
            raise gated(repo, self.endpoint, token=bool(api.token))

    @property
    def endpoint(self) -> str:
        """The server that is asked, without a slash at its end."""
        from huggingface_hub import constants  # noqa: PLC0415 - heavy, and only needed where the Hub is asked

        return (self._env.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")

    def _api(self) -> HfApi:
        with self._lock:
            if self._made is None:
                self._made = _client(self.endpoint, self._token())
            return self._made

    def _token(self) -> str | None:
        """The user's token, if there is one.

        Raises:
            AccessDenied: There is one that cannot be read, or renewed.
        """
        from huggingface_hub import errors, get_token  # noqa: PLC0415 - heavy, and only needed where the Hub is asked

        if token := self._env.get("HF_TOKEN", "").strip():
            return token
        try:
            return get_token()
        except (OSError, errors.OIDCError, errors.DeviceCodeError) as error:
            raise AccessDenied(
                f"the token for {self.endpoint} cannot be read: {error}",
                hint="set HF_TOKEN, or run `hf auth login`",
            ) from error

    def _checked(self, info: ModelInfo, repo: str) -> str:
        if info.id != repo:
            raise renamed(repo, str(info.id))
        if not isinstance(info.sha, str) or _COMMIT.fullmatch(info.sha) is None:
            raise SourceError(
                f"{self.endpoint} does not say which commit of {repo} it tells of",
                hint="check HF_ENDPOINT, if you set it",
            )
        return info.sha


class _Asking:
    """A download that asks for the reason when access is denied; see `zoo.sources.base.Download`."""

    def __init__(self, download: Download, explain: Callable[[SourceError], None]) -> None:
        self._download, self._explain = download, explain
        self.size, self.validator = download.size, download.validator

    @contextmanager
    def read(self, start: int, stop: int | None) -> Iterator[Body]:
        """Ask for a range; see `zoo.sources.base.Download.read`."""
        try:
            with self._download.read(start, stop) as body:
                self.size, self.validator = self._download.size, self._download.validator
                yield body
        except (AccessDenied, NotThere) as refused:
            self._explain(refused)
            raise


def _client(endpoint: str, token: str | None) -> HfApi:
    """Make the client, which neither waits for ever nor takes the token across a redirect."""
    import httpx2  # noqa: PLC0415 - heavy, and only needed where the Hub is asked
    import huggingface_hub as hub  # noqa: PLC0415 - as above

    def factory() -> httpx2.Client:
        return httpx2.Client(timeout=TIMEOUT, follow_redirects=False, event_hooks={"response": [not_moved]})

    hub.set_client_factory(factory)
    # Else it asks the Hub, once a day, for a list of programs to look for in the environment and report.
    hub.constants.HF_HUB_DISABLE_TELEMETRY = True
    return hub.HfApi(endpoint=endpoint, token=token or False, library_name="eternal-zoo")


def _entries(info: ModelInfo) -> dict[str, _Entry]:
    entries = {}
    for sibling in info.siblings or ():
        digest = None if sibling.lfs is None else Digest.of_hex(sibling.lfs.sha256)
        entries[_clean(sibling.rfilename)] = _Entry(_size(sibling.size), digest)
    return entries


def _asked(api: HfApi, repo: str, commit: str, paths: tuple[str, ...]) -> dict[str, _Entry]:
    """Ask for each file by its path: some mirrors tell sizes and digests only then."""
    from huggingface_hub.hf_api import RepoFile  # noqa: PLC0415 - heavy, and only needed where the Hub is asked

    entries = {path: _Entry(None, None) for path in paths}
    for file in api.get_paths_info(repo, list(paths), revision=commit):
        if isinstance(file, RepoFile) and file.path in entries:
            digest = None if file.lfs is None else Digest.of_hex(file.lfs.sha256)
            entries[file.path] = _Entry(_size(file.size), digest)
    return entries


def _clean(path: object) -> str:
    """Refuse paths that could mean something outside the repository."""
    if not isinstance(path, str) or {"", ".", ".."} & set(path.split("/")) or "\\" in path:
        raise ValueError(path)
    if not path.isprintable():
        raise ValueError(path)
    return path


def _size(size: object) -> int | None:
    if size is None:
        return None
    if not isinstance(size, int) or size < 0:
        raise ValueError(size)
    return size


def _chosen(origin: Origin, paths: tuple[str, ...], where: str) -> tuple[str, ...]:
    if origin.pattern is not None:
        return choose(paths, origin.pattern, where)
    file = origin.file or ""
    if file not in paths:
        raise NotThere(f"{where} has no file {file!r}", hint=_near(file, paths))
    return (file,)


def _near(file: str, paths: tuple[str, ...]) -> str:
    models = [path for path in paths if path.endswith(".gguf")] or list(paths)
    near = difflib.get_close_matches(file, models, n=_MOST_NEAR, cutoff=0.5) or models[:_MOST_NEAR]
    if any(map(is_shard, near)):
        return f"it has {', '.join(near)}; for a model in shards, use `pattern`"
    return f"it has {', '.join(near)}" if near else "it has no files at all"
