"""The programs that a source build needs: found before anything begins, or named with how to get them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import EngineError
from zoo.lock.model import Recipe

_PATIENCE = 20  # seconds that a tool may take to say its version
FOLDERS = ("/usr/local/cuda/bin", "/opt/rocm/bin")  # where vendors put theirs, on no PATH


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A program, by the names that it goes by.

    Attributes:
        role: What it is for; the flag that asks for it, where not every build does.
        apt: The package of Debian or Ubuntu.
        brew: The formula of Homebrew; None where macOS has no such thing.
        other: How to get it where there is no such package.
    """

    names: tuple[str, ...]
    role: str = ""
    apt: str | None = None
    brew: str | None = None
    other: str | None = None


_XCODE = "xcode-select --install (macOS)"
ALWAYS = (
    Tool(names=("cmake",), apt="cmake", brew="cmake"),
    Tool(names=("ninja", "ninja-build"), apt="ninja-build", brew="ninja"),
    Tool(names=("cc", "gcc", "clang"), apt="gcc", other=_XCODE),
    Tool(names=("c++", "g++", "clang++"), apt="g++", other=_XCODE),
)
_CUDA = "the CUDA toolkit from NVIDIA (JetPack: apt-get install cuda-toolkit), or nvcc on PATH"
_ROCM = "ROCm's HIP SDK from AMD, or hipcc on PATH"
SOMETIMES = (
    Tool(names=("nvcc",), role="CUDA=ON", other=_CUDA),
    Tool(names=("hipcc",), role="HIP=ON", other=_ROCM),
    Tool(names=("hipcc",), role="HIPBLAS=ON", other=_ROCM),
    Tool(names=("glslc",), role="VULKAN=ON", apt="glslc libvulkan-dev spirv-headers", brew="shaderc"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What was found.

    Attributes:
        path: The folders that hold them: all that a build has on its PATH.
        programs: Each by its first name.
    """

    path: str
    programs: Mapping[str, Path]

    @property
    def cmake(self) -> Path:
        """The program that configures."""
        return self.programs["cmake"]

    @property
    def ninja(self) -> Path:
        """The program that runs the compilers."""
        return self.programs["ninja"]

    def versions(self) -> dict[str, str]:
        """What each says of itself, in its first line: a note for people, which decides nothing."""
        return {name: _version(program) for name, program in sorted(self.programs.items())}


def places(env: Mapping[str, str]) -> str:
    """Where a user has tools: the PATH, and what is said of a toolkit of CUDA or ROCm."""
    kits = (Path(env[name], "bin") for name in ("CUDA_HOME", "CUDA_PATH", "ROCM_PATH") if env.get(name))
    return os.pathsep.join((env.get("PATH") or os.defpath, *map(str, kits)))


def find(recipe: Recipe, search: str) -> Tools:
    """Find all that a recipe needs.

    Args:
        recipe: Its flags say which compilers it takes.
        search: Folders, as a PATH names them.

    Raises:
        EngineError: Some are missing: all of them are named, with the command that gets them.
    """
    wanted = needed(recipe)
    everywhere = os.pathsep.join((search, *FOLDERS))
    found = {tool.names[0]: _which(tool, everywhere) for tool in wanted}
    if missing := [tool for tool in wanted if found[tool.names[0]] is None]:
        names = ", ".join(tool.names[0] for tool in missing)
        raise EngineError(
            f"building from source needs {names}, and this machine has none on its PATH", hint=_hint(missing)
        )
    programs = {name: program for name, program in found.items() if program is not None}
    folders = dict.fromkeys(str(program.parent) for program in programs.values())
    # The shell and the linker, which compilers start by name, are the system's own.
    return Tools(path=os.pathsep.join(dict.fromkeys((*folders, "/usr/bin", "/bin"))), programs=programs)


def needed(recipe: Recipe) -> tuple[Tool, ...]:
    """The tools that a recipe needs, by what its flags switch on."""
    return (*ALWAYS, *(tool for tool in SOMETIMES if any(flag.endswith(tool.role) for flag in recipe.flags)))


def _which(tool: Tool, search: str) -> Path | None:
    """Find the first name that there is; a compiler cache in front of one is passed over."""
    for name in tool.names:
        for folder in search.split(os.pathsep):
            if folder and (program := shutil.which(name, path=folder)) is not None:
                absolute = Path(program).absolute()
                if not _is_cache(absolute):
                    return absolute
    return None


def _is_cache(program: Path) -> bool:
    return program.resolve().name in {"ccache", "sccache", "distcc", "icecc"}


def _hint(missing: list[Tool]) -> str:
    apt = [tool.apt for tool in missing if tool.apt]
    brew = [tool.brew for tool in missing if tool.brew]
    ways = [f"apt-get install {' '.join(apt)} (Debian, Ubuntu)"] if apt else []
    ways += [f"brew install {' '.join(brew)} (macOS)"] if brew else []
    ways += dict.fromkeys(tool.other for tool in missing if tool.other)
    return "; ".join(ways)


def _version(program: Path, run: Callable[..., subprocess.CompletedProcess[bytes]] = subprocess.run) -> str:
    try:
        said = run(
            [str(program), "--version"],
            env={"PATH": str(program.parent), "LANG": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_PATIENCE,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return next(_lines(said), "unknown")


def _lines(said: bytes) -> Iterator[str]:
    """The lines of what a tool said; nvcc names its release in the fourth, after a copyright."""
    lines = [line.strip()[:200] for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    yield from (line for line in lines if "release" in line)
    yield from lines
