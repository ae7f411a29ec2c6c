"""The provider `path`: a llama-server that the project's people have, with the libraries beside it."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from zoo import platform
from zoo.digest import Digest
from zoo.errors import EaiError, NotThere
from zoo.lock.model import Artifact, Build, File, Toolchain, ToolchainRequest
from zoo.platform import Platform
from zoo.toolchains import known
from zoo.zoofile.model import Own

_PATIENCE = 20  # seconds that a program may take to say its version; libraries may come from a slow disk
_LIBRARY = re.compile(r".+\.so(\.[0-9]+)*|.+\.dylib|.+\.metallib|.+\.dll", re.IGNORECASE)
_SAYS = re.compile(r"^version: (?P<name>\S+) \((build (?P<build>\d+)|\S+)", re.MULTILINE)
_BUILT = "built with "
_MOST_LIBRARIES = 500


class PathProvider:
    """Adopts a program by its digest; see `zoo.toolchains.base.Provider`.

    Args:
        base: The folder of zoofile.toml, which the path starts from.
        here: The platform that the program is for: nobody can ask it on another one.
    """

    def __init__(self, base: Path, here: Platform | None = None) -> None:
        self._base, self._here = base, here

    def lock(
        self, name: str, request: ToolchainRequest, platforms: Sequence[Platform] | None
    ) -> tuple[Toolchain, tuple[Artifact, ...]]:
        """Take the program and the libraries beside it; see `Provider.lock`."""
        known.require(name)
        here = self._here or platform.current()
        others = [wanted for wanted in platforms or () if wanted != here]
        if others:
            raise EaiError(
                f"a llama-server of your own is for {here} only, and {', '.join(others)} must be locked too",
                hint=f'write `platforms = ["{here}"]` in [zoo], or use `from = "pypi"`',
            )
        if not isinstance(request.source, Own) or request.source.path is None:
            raise TypeError("the request is for another provider")
        declared = PurePosixPath(request.source.path)
        program = self._program(declared)
        version = _version(program, request.source.path)
        files, artifacts = _adopt(program, declared.parent)
        variant, *_ = request.variants(here)
        build = Build(platform=here, variant=variant, program=program.name, files=files)
        return Toolchain(name=name, request=request, version=version, builds=(build,)), artifacts

    def _program(self, declared: PurePosixPath) -> Path:
        path = self._base / declared
        if not path.is_file():
            raise NotThere(
                f"there is no program {declared} in {self._base}",
                hint="`path` of a toolchain is relative to zoofile.toml, and names llama-server itself",
            )
        return path


def _adopt(program: Path, folder: PurePosixPath) -> tuple[tuple[File, ...], tuple[Artifact, ...]]:
    """Take the program and each library beside it under its own name; links become what they link to."""
    files: list[File] = []
    artifacts: dict[Digest, Artifact] = {}
    for path in _files(program):
        digest, size = _digest(path)
        files.append(File(path=path.name, digest=digest))
        source = f"path:{folder / path.name}"
        artifacts.setdefault(digest, Artifact(digest=digest, size=size, path=(source,)))
    return tuple(files), tuple(artifacts[digest] for digest in sorted(artifacts))


def _files(program: Path) -> Iterator[Path]:
    libraries = sorted(
        path
        for path in program.parent.iterdir()
        if path.name != program.name and _LIBRARY.fullmatch(path.name) and path.is_file()
    )
    if len(libraries) > _MOST_LIBRARIES:
        raise EaiError(
            f"{program.parent} holds {len(libraries)} shared libraries: it is no folder of llama.cpp's own",
            hint="put llama-server and its own libraries into a folder of their own, and name that one",
        )
    yield from sorted((program, *libraries))


def _digest(path: Path) -> tuple[Digest, int]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return Digest.of_hex(digest.hexdigest()), file.tell()


def _version(program: Path, declared: str) -> str:
    """Ask the program who it is, as an engine is started: in a scrubbed environment and an empty folder.

    Returns:
        `b<number>`, or `unknown` for a llama-server that was built without one.

    Raises:
        EaiError: It cannot be started, or is no llama-server.
    """
    with tempfile.TemporaryDirectory(prefix="eai-") as empty:
        env = {"HOME": empty, "PATH": empty, "LANG": "C.UTF-8"}
        env |= {"LD_LIBRARY_PATH": str(program.parent.absolute())}
        try:
            asked = subprocess.run(
                [str(program.absolute()), "--version"],
                env=env,
                cwd=empty,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=_PATIENCE,
                check=False,
            )
        except OSError as error:
            raise _no_server(declared, f"it cannot be started: {error.strerror}") from None
        except subprocess.TimeoutExpired:
            raise _no_server(declared, f"it said no version within {_PATIENCE} s") from None
    said = asked.stdout.decode("utf-8", "replace")
    match = _SAYS.search(said)
    if asked.returncode != 0 or match is None or _BUILT not in said:
        last = said.strip().splitlines()[-1:] or ["nothing"]
        raise _no_server(declared, f"`--version` gave exit code {asked.returncode} and {last[0][:200]!r}")
    number = match["build"] or match["name"]
    return f"b{number}" if number.isdecimal() and int(number) > 0 else "unknown"


def _no_server(declared: str, why: str) -> EaiError:
    return EaiError(
        f"{declared} is no llama-server that runs here: {why}",
        hint=f"try `{os.path.join('.', declared)} --version` yourself: it must name llama.cpp's build",  # noqa: PTH118 - what a person types
    )
