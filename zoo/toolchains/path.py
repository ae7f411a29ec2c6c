"""The provider `path`: an engine that the project's people have, with the libraries beside it."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from zoo import platform
from zoo.digest import Digest
from zoo.errors import EaiError, NotThere
from zoo.lock.model import Artifact, Build, File, Toolchain, ToolchainRequest
from zoo.platform import Platform
from zoo.toolchains import known
from zoo.zoofile.model import Own

_PATIENCE = 20  # seconds that a program may take to say its version; libraries may come from a slow disk
_LIBRARY = re.compile(r".+\.so(\.[0-9]+)*|.+\.dylib|.+\.metallib|.+\.dll", re.IGNORECASE)
_LLAMA_CPP = re.compile(r"^version: (?P<name>\S+) \((build (?P<build>\d+)|\S+)", re.MULTILINE)
_BUILT = "built with "
_STABLE_DIFFUSION_CPP = re.compile(
    r"^stable-diffusion\.cpp version (?P<name>\S{1,64}), commit (?P<commit>\S{1,64})", re.MULTILINE
)
_UNKNOWN = "unknown"
_MOST_LIBRARIES = 500


def _llama_cpp(said: str) -> str | None:
    """The version that a llama-server says it has, as `b<number>`; None where it is none."""
    match = _LLAMA_CPP.search(said)
    if match is None or _BUILT not in said:
        return None
    number = match["build"] or match["name"]
    return f"b{number}" if number.isdecimal() and int(number) > 0 else _UNKNOWN


def _stable_diffusion_cpp(said: str) -> str | None:
    """The version that an sd-server says it has, else its commit; None where it is none."""
    match = _STABLE_DIFFUSION_CPP.search(said)
    if match is None:
        return None
    return match["commit"] if match["name"] == _UNKNOWN else match["name"]


class _Server(NamedTuple):
    """The program of a toolchain, and how it says who it is."""

    program: str
    version: Callable[[str], str | None]


_SERVERS = {
    known.LLAMA_CPP: _Server("llama-server", _llama_cpp),
    known.STABLE_DIFFUSION_CPP: _Server("sd-server", _stable_diffusion_cpp),
}


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
        server = _SERVERS[name]
        here = self._here or platform.current()
        others = [wanted for wanted in platforms or () if wanted != here]
        if others:
            listed = ", ".join(others)
            raise EaiError(
                f"a {server.program} of your own is for {here} only, and {listed} must be locked too",
                hint=f'write `platforms = ["{here}"]` in [zoo], or choose another `from`',
            )
        if not isinstance(request.source, Own) or request.source.path is None:
            raise TypeError("the request is for another provider")
        declared = PurePosixPath(request.source.path)
        program = self._program(declared, server)
        version = _version(program, request.source.path, server)
        files, artifacts = _adopt(program, declared.parent)
        variant, *_ = request.variants(here)
        build = Build(platform=here, variant=variant, program=program.name, files=files)
        return Toolchain(name=name, request=request, version=version, builds=(build,)), artifacts

    def _program(self, declared: PurePosixPath, server: _Server) -> Path:
        path = self._base / declared
        if not path.is_file():
            raise NotThere(
                f"there is no program {declared} in {self._base}",
                hint=f"`path` of a toolchain is relative to zoofile.toml, and names {server.program} itself",
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
            f"{program.parent} holds {len(libraries)} shared libraries: it is no folder of one engine's own",
            hint="put the program and its own libraries into a folder of their own, and name that one",
        )
    yield from sorted((program, *libraries))


def _digest(path: Path) -> tuple[Digest, int]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return Digest.of_hex(digest.hexdigest()), file.tell()


def _version(program: Path, declared: str, server: _Server) -> str:
    """Ask the program who it is, as an engine is started: in a scrubbed environment and an empty folder.

    Returns:
        Such as `b11549`, or `unknown` for a server that was built without knowing its version.

    Raises:
        EaiError: It cannot be started, or is no such server.
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
            raise _no_server(declared, server, f"it cannot be started: {error.strerror}") from None
        except subprocess.TimeoutExpired:
            raise _no_server(declared, server, f"it said no version within {_PATIENCE} s") from None
    said = asked.stdout.decode("utf-8", "replace")
    version = server.version(said)
    if asked.returncode != 0 or version is None:
        last = said.strip().splitlines()[-1:] or ["nothing"]
        why = f"`--version` gave exit code {asked.returncode} and {last[0][:200]!r}"
        raise _no_server(declared, server, why)
    return version


def _no_server(declared: str, server: _Server, why: str) -> EaiError:
    return EaiError(
        f"{declared} is no {server.program} that runs here: {why}",
        hint=f"try `{os.path.join('.', declared)} --version` yourself: it must name its build",  # noqa: PTH118 - what a person types
    )
