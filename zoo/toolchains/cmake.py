"""Runs CMake and Ninja on source code: offline, in an environment of our own, ended with eai."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from zoo.errors import EngineError
from zoo.lock.model import Recipe
from zoo.toolchains import events
from zoo.toolchains.tools import Tools

PROGRAMS = Path(__file__).parent / "programs"
_SEALED = ("-S", "-P", "-B", "-m", "launcher.sealed")
_STEP = re.compile(r"\[(\d+)/(\d+)\] ")
_EPOCH = "315532800"  # 1980, which also zip archives can hold
_NOWHERE = "http://127.0.0.1:9"
_LINE, _KEPT, _SHOWN = 1 << 16, 400, 25  # bytes of a line; lines that are kept, and shown where it fails

# What every build has, whatever its recipe says: nothing is fetched, nothing is cached or looked up outside.
_ALWAYS = (
    "CMAKE_BUILD_TYPE=Release",
    "CMAKE_BUILD_WITH_INSTALL_RPATH=ON",
    f"CMAKE_INSTALL_RPATH={'@loader_path' if sys.platform == 'darwin' else '$ORIGIN'}",
    "CMAKE_FIND_USE_PACKAGE_REGISTRY=OFF",
    "CMAKE_FIND_USE_SYSTEM_PACKAGE_REGISTRY=OFF",
    "CMAKE_EXPORT_NO_PACKAGE_REGISTRY=ON",
    "FETCHCONTENT_FULLY_DISCONNECTED=ON",
    "GGML_CCACHE=OFF",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One build.

    Attributes:
        name: What people know it by.
        source: The folder of source code that has CMakeLists.txt.
        work: An empty folder for all that is made on the way.
        jobs: How many compilers may run side by side.
        tell: Is told what happens.
    """

    name: str
    source: Path
    work: Path
    recipe: Recipe
    tools: Tools
    jobs: int
    tell: events.Progress


def compiled(job: Job) -> Path:
    """Configure and compile; the folder that then holds the programs.

    Raises:
        EngineError: A step failed; with the last lines that it said.
    """
    for folder in ("build", "home", "tmp"):
        (job.work / folder).mkdir()
    build, env = job.work / "build", environment(job)
    job.tell(events.Configuring(name=job.name, jobs=job.jobs))
    _run([str(job.tools.cmake), *_configure(job, build)], env, job, lambda _: None)
    targets = job.recipe.targets
    ninja = [str(job.tools.ninja), "-C", str(build), "-j", str(job.jobs), *targets]
    _run(ninja, env, job, lambda line: _tell_step(line, job))
    return build / "bin"


def environment(job: Job) -> Mapping[str, str]:
    """The whole environment of a build: nothing of the user's is in it.

    The maps take the folders, which have another name each time, out of what is compiled; see
    <https://reproducible-builds.org/docs/build-path/>.
    """
    maps = f"-ffile-prefix-map={job.source}=. -ffile-prefix-map={job.work / 'build'}=build"
    cuda = " ".join(f"-Xcompiler={word}" for word in maps.split(" "))
    return {
        "PATH": job.tools.path,
        "LANG": "C",
        "LC_ALL": "C",
        "TZ": "UTC",
        "HOME": str(job.work / "home"),
        "TMPDIR": str(job.work / "tmp"),
        "SOURCE_DATE_EPOCH": _EPOCH,
        "NINJA_STATUS": "[%f/%t] ",
        "GIT_DIR": os.devnull,  # no repository around the folder says which version this is
        "CCACHE_DISABLE": "1",
        **dict.fromkeys(("CFLAGS", "CXXFLAGS", "OBJCFLAGS", "OBJCXXFLAGS", "ASMFLAGS", "HIPFLAGS"), maps),
        "CUDAFLAGS": cuda,
        **dict.fromkeys(("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "ALL_PROXY"), _NOWHERE),
    }


def _configure(job: Job, build: Path) -> Iterator[str]:
    yield from ("-G", "Ninja", "-S", str(job.source), "-B", str(build))
    programs = job.tools.programs
    own = (
        f"CMAKE_MAKE_PROGRAM={job.tools.ninja}",
        f"CMAKE_C_COMPILER={programs['cc']}",
        f"CMAKE_CXX_COMPILER={programs['c++']}",
        f"CMAKE_RUNTIME_OUTPUT_DIRECTORY={build / 'bin'}",
        f"CMAKE_LIBRARY_OUTPUT_DIRECTORY={build / 'bin'}",
        *((f"CMAKE_CUDA_COMPILER={programs['nvcc']}",) if "nvcc" in programs else ()),
    )
    # Ours come last, so that no recipe has a say in them.
    yield from (f"-D{flag}" for flag in (*job.recipe.flags, *_ALWAYS, *own))


def _tell_step(line: str, job: Job) -> None:
    if match := _STEP.match(line):
        job.tell(events.Compiled(name=job.name, done=int(match[1]), total=int(match[2])))


def _run(command: list[str], env: Mapping[str, str], job: Job, heard: Callable[[str], None]) -> None:
    """Run one step to its end.

    Raises:
        EngineError: It failed.
    """
    said: deque[str] = deque(maxlen=_KEPT)
    with _started(command, env, job.work) as process:
        for line in _lines(process.stdout):
            said.append(line)
            heard(line)
        code = process.wait()
    if code != 0:
        step = Path(command[0]).name
        killed = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        raise EngineError(
            f"building {job.name} from source failed: {step} {killed}\n" + "\n".join(_telling(said)),
            hint=_hint(said, job.jobs),
        )


@contextmanager
def _started(command: list[str], env: Mapping[str, str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start a step as a group of its own, which ends with the block, or when this process is gone."""
    alive, held = os.pipe()
    try:
        process = subprocess.Popen(
            [sys.executable, *_SEALED, "--alive-fd", str(alive), *command],
            env={**env, "PYTHONPATH": str(PROGRAMS)},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(alive,),
            start_new_session=True,
        )
    except BaseException:
        os.close(held)
        raise
    finally:
        os.close(alive)
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                with suppress(ProcessLookupError):  # it ended just now
                    os.killpg(process.pid, signal.SIGKILL)
            os.close(held)


def _lines(output: IO[bytes] | None) -> Iterator[str]:
    while output is not None and (line := output.readline(_LINE)):
        yield line.decode("utf-8", "replace").rstrip()


def _telling(said: deque[str]) -> list[str]:
    """The last lines from the first failure on, without the compiler's own command line."""
    lines = [line for line in said if line and not _STEP.match(line)]
    first = next((at for at, line in enumerate(lines) if line.startswith(("FAILED:", "CMake Error"))), 0)
    told = [line for line in lines[first:] if " -o " not in line or "error" in line]
    return [f"  {line[:300]}" for line in told[:_SHOWN]]


def _hint(said: deque[str], jobs: int) -> str | None:
    text = "\n".join(said)
    if "Killed signal" in text or "Cannot allocate memory" in text or "out of memory" in text:
        return f"{jobs} compilers took more memory than there is: end other programs, and try again"
    if "No space left on device" in text:
        return "make room on the disk of the store, and try again"
    return None
