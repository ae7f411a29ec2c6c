"""Turns a locked build into a program that can be started: unpacked once, checked at every use."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import EaiError, EngineError, IntegrityError
from zoo.lock.model import Build
from zoo.store import Store, trees
from zoo.store.names import clean, distinct
from zoo.toolchains import archives, derive, known

PROGRAMS = Path(__file__).parent / "programs"
SYSTEM_CONFIG = Path("/etc/llama.cpp/config.ini")
# No user site, no site-packages, no script folder on the path; and nothing is written into the tree.
_PYTHON = ("-S", "-P", "-B", "-m")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A build on this machine.

    Attributes:
        program: What is started, with all that comes before `--alive-fd`, `--ready-fd` and flags.
        env: What its environment must hold.
        tree: Where it is unpacked.
        bare: The program by itself, without anything of eai's around it; that of a wheel is all eai's.
    """

    program: tuple[str, ...]
    env: Mapping[str, str]
    tree: Path
    bare: tuple[str, ...]


def install(
    build: Build,
    store: Store,
    *,
    toolchain: str = known.LLAMA_CPP,
    workshop: Callable[[], derive.Workshop] = derive.Workshop.this,
) -> Installed:
    """Make a build ready to be started; whether this machine can run it was asked when it was chosen.

    Args:
        build: The locked build; its artifacts are in the store.
        store: Keeps the unpacked tree.
        toolchain: What it is a build of.
        workshop: Says what a build from source has of this machine, where one is to be made.

    Raises:
        EaiError: An artifact is not in the store, or a file of the build has a name that is not clean.
        EngineError: It could not be built from source; or settings of this machine would change how it
            behaves.
        IntegrityError: The archive, or the tree made of it, is not what it should be.
    """
    tree = unpacked(build, store, workshop=workshop)
    if (tree / build.program / "__init__.py").is_file():
        return _wheel(tree)
    return _native(build, tree, toolchain)


def _wheel(tree: Path) -> Installed:
    path = os.pathsep.join((str(PROGRAMS), str(tree)))
    program = (sys.executable, *_PYTHON, "launcher")
    return Installed(program=program, env={"PYTHONPATH": path}, tree=tree, bare=program)


def _native(build: Build, tree: Path, toolchain: str) -> Installed:
    if not (tree / build.program).is_file():
        raise IntegrityError(f"the locked build for {build.platform} holds no program {build.program}")
    if toolchain == known.LLAMA_CPP and SYSTEM_CONFIG.exists():
        raise EngineError(
            f"{SYSTEM_CONFIG} would change how llama-server behaves on this machine",
            hint='move it away, or use `from = "pypi"`, whose engine doesn\'t read it',
        )
    env = {
        "PYTHONPATH": str(PROGRAMS),
        # The libraries that were adopted with the program, where it does not look beside itself.
        "LD_LIBRARY_PATH": str(tree),
        "DYLD_LIBRARY_PATH": str(tree),
    }
    # sd-server knows no unix sockets, so that a relay stands before it.
    launcher = "launcher.relay" if toolchain == known.STABLE_DIFFUSION_CPP else "launcher.warden"
    bare = (str(tree / build.program),)
    program = (sys.executable, *_PYTHON, launcher, *bare)
    return Installed(program=program, env=env, tree=tree, bare=bare)


def unpacked(
    build: Build, store: Store, *, workshop: Callable[[], derive.Workshop] = derive.Workshop.this
) -> Path:
    """The unpacked build, checked against its manifest: some 100 MB at the speed of BLAKE3.

    Raises:
        EaiError: As by `install`.
        EngineError: As by `install`.
        IntegrityError: As by `install`; nothing stays of an archive that is refused.
    """
    distinct(clean(name) for name in {build.program, *(file.path for file in build.files)})
    for digest in build.digests():
        if not store.has(digest):
            raise EaiError(
                f"the build of llama.cpp for {build.platform} is not in the store: {digest}",
                hint="run `eai fetch`",
            )
    key = tree_key(build)
    tree = store.tree(key)
    if tree is None and build.recipe is not None:
        return derive.made(build, store, workshop())
    if tree is None:
        tree = store.add_tree(key, lambda folder: _fill(build, store, folder))
    elif (damage := trees.damage(tree)) is not None:
        raise IntegrityError(
            f"the unpacked build in {tree} is not as it was made: {damage}",
            hint="`eai store verify` sets it aside, and it is made again from the verified archive",
        )
    # Of a recipe, `tree` is that of the source code, which was checked before it was built.
    if build.recipe is None and build.tree is not None and (found := trees.digest(tree)) != build.tree:
        raise IntegrityError(
            f"the archive for {build.platform}, {build.variant} unpacks to a tree that is not the locked one:"
            f" {found}, and {build.tree} is locked",
            hint="if zoo.lock was not edited, tell the makers of eai; `eai lock --upgrade` locks it anew",
        )
    return tree


def tree_key(build: Build) -> str:
    """Name the tree of a build: its archive's digest, or what it is made of, where that is more than one."""
    if build.recipe is not None:
        return derive.key(build)
    if build.digest is not None and not build.beside:
        return build.digest
    from blake3 import blake3  # noqa: PLC0415 - only for builds of several things

    if build.digest is not None:
        parts = json.dumps([build.digest, *sorted(build.beside)])
        return f"archives-{blake3(parts.encode()).hexdigest()}"
    listing = [build.program, sorted((file.path, file.digest) for file in build.files)]
    return f"files-{blake3(json.dumps(listing).encode()).hexdigest()}"


def _fill(build: Build, store: Store, folder: Path) -> None:
    if build.digest is not None:
        packed = [store.object(digest) for digest in (build.digest, *build.beside)]
        archives.unpack(packed, folder, program=build.program)
        return
    for file in build.files:
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(store.object(file.digest), target)
        target.chmod(0o755 if file.path == build.program else 0o644)
