"""An environment as a value: what a lock becomes on this machine, ready to be served."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from zoo.digest import Digest
from zoo.platform import Platform
from zoo.zoofile.model import Image, Server, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A process to start: nothing is inherited but what stands here.

    Attributes:
        argv: The program, by absolute path, and its arguments.
        env: The whole environment of the process.
        cwd: Where it starts: a folder in the store, since llama.cpp looks for libraries in it.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineProgram:
    r"""How the engine of one model is started; only where it listens is decided later.

    The program takes these options before llama-server's own: it reads the pipe `--alive-fd N` and is
    ended, with all that it started, at its end of file, that is when eai is gone; it writes `ready\n`
    to the pipe `--ready-fd N` as soon as it answers, and keeps that open as long as it lives; with
    `--go-fd N` it loads the model only when it can read a byte there; it listens on the unix socket
    `--host PATH`.

    Attributes:
        program: What is run, with the arguments that come before those.
        flags: The engine's flags for this model (`-m`, `--alias`, `-c`, …), none about listening.
        env: The whole environment of the process.
        cwd: Where it starts.
    """

    program: tuple[str, ...]
    flags: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path

    def command(self, socket: Path, *, ready_fd: int, alive_fd: int, go_fd: int | None = None) -> Command:
        """The process that listens on this unix socket; all pipes are inherited by it."""
        pipes = ("--alive-fd", str(alive_fd), "--ready-fd", str(ready_fd))
        go = () if go_fd is None else ("--go-fd", str(go_fd))
        argv = (*self.program, *pipes, *go, "--host", str(socket), *self.flags)
        return Command(argv=argv, env=self.env, cwd=self.cwd)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """A LoRA adapter that a model is served with; `path` is where its engine sees it, if it draws."""

    name: str
    digest: Digest
    scale: float
    path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """One model of an environment.

    Attributes:
        name: What zoofile.toml calls it; the engine's alias too.
        aliases: What else a request may call it: CIDs, `sha256:…` of each of its weights' files,
            their file names.
        context_length: Tokens of context that one request can use.
        multimodal: Whether it sees images (a projector is locked with it).
        digest: Of the first file of its weights.
        created: Seconds since 1970 at which those bytes came into the store of this machine.
        memory: Bytes it takes when loaded, as locked, wherever they lie.
        gpu: How many of them the engine keeps in GPU memory, where there is a GPU.
        preload: Whether it is loaded after the main model, as far as memory allows.
        files: What the engine reads when it loads.
        image: Defaults of pictures, where it draws.
        note: What a user should know about it, such as that it is a toy.
    """

    name: str
    aliases: tuple[str, ...] = ()
    task: Task = "chat"
    main: bool = False
    context_length: int
    multimodal: bool = False
    lora_config: tuple[Adapter, ...] = ()
    digest: Digest
    created: int
    memory: int
    gpu: int = 0
    preload: bool = False
    files: tuple[Path, ...] = ()
    image: Image | None = None
    note: str | None = None
    engine: EngineProgram


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What a lock becomes on one platform, with every file of it in the store.

    Attributes:
        id: BLAKE3 over all in the lock that decides behaviour on this platform, as 64 hex digits.
        models: In the order of the zoofile; exactly one has `main` set.
        engines: For people, the build of each toolchain: `llama-cpp b11549, cpu`.
    """

    id: str
    platform: Platform
    server: Server
    models: tuple[ServedModel, ...]
    engines: tuple[str, ...] = ()
