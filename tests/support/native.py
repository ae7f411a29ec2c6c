"""Engines built from the source archives of the package index, kept between runs of the tests.

    cd tests && python -m support.native      builds what is missing: some minutes, once

They lie in a store below EAI_TEST_CACHE, or ~/.cache/eai-tests; the tests themselves never build them.
"""

from __future__ import annotations

import importlib.metadata
import os
import sys
import time
from pathlib import Path
from typing import NoReturn

import msgspec
import pytest

from zoo.errors import EaiError
from zoo.fetch.plan import plan
from zoo.fetch.run import fetch
from zoo.lock.model import Artifact, Build, ToolchainRequest
from zoo.platform import current
from zoo.sources.index import Index, IndexFile, PackageIndex, configured
from zoo.sources.registry import sources
from zoo.store import Store
from zoo.toolchains import derive, events, known, tools
from zoo.toolchains.source import SourceProvider

HOME = Path(os.environ.get("EAI_TEST_CACHE") or Path.home() / ".cache" / "eai-tests")
LLAMA_CPP, STABLE_DIFFUSION_CPP = known.LLAMA_CPP, known.STABLE_DIFFUSION_CPP


def version(name: str) -> str:
    """The version that the tests are about: of llama.cpp, that of the wheel they compare it with."""
    if name == STABLE_DIFFUSION_CPP:
        return known.source(name).oldest
    return f"b{importlib.metadata.version('xllamacpp').split('.')[2]}"


def store() -> Store:
    """The store that is kept; it may be used as EAI_HOME too."""
    return Store(HOME / "store")


def tree(name: str) -> Path:
    """The folder with a toolchain's programs; else skip the test, or fail it, as `kubo.program` does."""
    found = store().tree(derive.key(locked(name)[0])) if _note(name).is_file() else None
    if found is None:
        _missing(f"no {name} built from source: `cd tests && python -m support.native`")
    return found


def _missing(what: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


def sdist(name: str) -> tuple[str, bytes]:
    """The source archive that a toolchain was built of: its file name and its bytes."""
    tree(name)
    build, artifact = locked(name)
    assert build.digest is not None
    return artifact.pypi[0].rpartition("/")[2], store().object(build.digest).read_bytes()


def locked(name: str) -> tuple[Build, Artifact]:
    """Lock a toolchain for this machine; the index is asked once, and what it said is kept."""
    provider = SourceProvider(lambda: _Kept(configured(os.environ), name), HOME)
    request = ToolchainRequest(version=version(name), source="source", variant="cpu")
    toolchain, (artifact,) = provider.lock(name, request, (current(),))
    return toolchain.builds[0], artifact


def make(name: str) -> Path:
    """Fetch and build a toolchain, unless that was done before."""
    build, artifact = locked(name)
    todo = plan([artifact], store())
    if todo.missing:
        _say(f"fetching {artifact.pypi[0]}")
        from_index = sources(base=HOME, env=os.environ, offline=False)
        fetch(todo, store(), from_index, progress=lambda _: None, offline=False)
    return derive.made(build, store(), derive.Workshop(search=tools.places(os.environ), tell=_tell))


def _note(name: str) -> Path:
    return HOME / f"{name}-{version(name)}.json"


class _Kept(PackageIndex):
    """The index, which is asked about the one archive that is wanted only once."""

    def __init__(self, index: Index, name: str) -> None:
        super().__init__(index)
        self._name = name

    def files(self, project: str) -> tuple[IndexFile, ...]:
        """Give that archive."""
        note = _note(self._name)
        if not note.is_file():
            wanted = version(self._name).removeprefix("b")
            found = [file for file in super().files(project) if file.filename.endswith(f"{wanted}.tar.gz")]
            if not found:
                return ()
            note.parent.mkdir(parents=True, exist_ok=True)
            note.write_bytes(msgspec.json.encode(found))
        return tuple(msgspec.json.decode(note.read_bytes(), type=list[IndexFile]))


def _tell(event: events.Event) -> None:
    if not isinstance(event, events.Compiled):
        _say(str(event))
    elif event.done % 20 == 0 or event.done == event.total:
        _say(f"{event.name}: {event.done}/{event.total}")


def _say(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


def main() -> None:
    """Build all that the tests want."""
    try:
        for name in (LLAMA_CPP, STABLE_DIFFUSION_CPP):
            _say(f"{name} {version(name)}: {make(name)}")
    except EaiError as error:
        sys.exit(f"error: {error.message}\nhint: {error.hint}")


if __name__ == "__main__":
    main()
