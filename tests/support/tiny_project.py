"""A project of one C++ file in a source archive, which CMake and Ninja build for real in a second or two."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
from support.engine import PROGRAMS, wheel_folder

from zoo.lock.model import Build, Recipe
from zoo.platform import current
from zoo.store import Store

TOP = "tiny-1.0"
FOLDER = f"{TOP}/vendor/tiny"
CMAKE = """cmake_minimum_required(VERSION 3.18)
project(tiny CXX)
option(TINY_LOUD "" OFF)
add_executable(tiny tiny.cpp)
target_compile_definitions(tiny PRIVATE LOUD=$<BOOL:${TINY_LOUD}>)
"""
PROGRAM = """#include <cstdio>
int main() { std::puts(LOUD ? "HELLO" : "hello"); std::puts(__FILE__); }
"""
FILES: Mapping[str, str] = MappingProxyType({"CMakeLists.txt": CMAKE, "tiny.cpp": PROGRAM})
NEEDED = ("cmake", "ninja", "cc", "c++")


# A llama-server of one file: it becomes the launcher over the wheel that is installed.
LLAMA_CMAKE = """cmake_minimum_required(VERSION 3.18)
project(llama CXX)
foreach(name llama-server llama-gguf-split llama-quantize)
    add_executable(${name} tools/server/server.cpp)
endforeach()
"""
LLAMA_SERVER = """#include <cstdlib>
#include <unistd.h>
#include <vector>
int main(int, char **argv) {
    setenv("PYTHONPATH", "%(path)s", 1);
    std::vector<char *> words;
    for (const char *word : {"python", "-S", "-P", "-B", "-m", "launcher"})
        words.push_back(const_cast<char *>(word));
    for (++argv; *argv; ++argv) words.push_back(*argv);
    words.push_back(nullptr);
    return execv("%(python)s", words.data());
}
"""


def llama_cpp(path: Path, *, broken: bool = False, folder: str = "llama.cpp-b12000", level: int = 1) -> Path:
    """Write a source archive of a llama.cpp that builds in a second and serves with the installed wheel."""
    where = {"path": f"{PROGRAMS}:{wheel_folder()}", "python": sys.executable}
    server = "int main() { return nowhere; }\n" if broken else LLAMA_SERVER % where
    files = {"CMakeLists.txt": LLAMA_CMAKE, "tools/server/server.cpp": server}
    return archive(path, files, folder=folder, level=level)


def require_tools() -> None:
    """Skip a test on a machine without compilers, and fail it where everything must be tested."""
    if missing := [name for name in NEEDED if shutil.which(name) is None]:
        says = (
            f"no {', '.join(missing)}: `apt-get install cmake ninja-build g++`, or `brew install cmake ninja`"
        )
        (pytest.fail if os.environ.get("CI") else pytest.skip)(says)


def archive(path: Path, files: Mapping[str, str] = FILES, *, folder: str = FOLDER, level: int = 1) -> Path:
    """Write a source archive with these files in its folder, and one beside it."""
    members = {f"{folder}/{name}": text for name, text in files.items()}
    write_tar(path, [_member(name, text) for name, text in {f"{TOP}/PKG-INFO": "", **members}.items()], level)
    return path


def write_tar(path: Path, members: list[tuple[tarfile.TarInfo, bytes]], level: int = 1) -> None:
    """Write a gzipped tar of just these."""
    with gzip.open(path, "wb", compresslevel=level) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))


def _member(name: str, text: str) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(text.encode())
    return info, text.encode()


def build(
    store: Store,
    path: Path,
    *flags: str,
    targets: tuple[str, ...] = ("tiny",),
    folder: str = FOLDER,
    variant: str = "cpu",
) -> Build:
    """Lock a source archive that is put into a store."""
    digest, _ = store.adopt(path)
    return Build(
        platform=current(),
        variant=variant,
        program=targets[0],
        digest=digest,
        recipe=Recipe(folder=folder, flags=flags, targets=targets),
    )


def changed(folder: Path, **files: str) -> Path:
    """Write the archive with other files: `CMakeLists` and `tiny`."""
    names = {"CMakeLists": "CMakeLists.txt", "tiny": "tiny.cpp"}
    others = {names[name]: text for name, text in files.items()}
    return archive(folder / "changed.tar.gz", {**FILES, **others})


def says(tree: Path) -> list[str]:
    """What the program that was built says."""
    ran = subprocess.run([tree / "tiny"], capture_output=True, text=True, check=True, env={})
    return ran.stdout.splitlines()


def left(store: Store) -> list[Path]:
    """What a build left behind where everything is made."""
    return sorted(store.layout.ingest.iterdir())
