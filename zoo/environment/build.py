"""Makes an environment of a lock and the store: views to run in, and a command line for each model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from zoo.digest import Digest
from zoo.environment import command, cores, identity
from zoo.environment.model import Adapter, EngineProgram, Environment, ServedModel
from zoo.environment.placement import on_gpu
from zoo.errors import EaiError
from zoo.lock.freshness import engine_of
from zoo.lock.model import Artifact, Build, Lock, Model
from zoo.platform import Platform
from zoo.store import Store
from zoo.toolchains.install import Installed, install

_TOY = "a toy that eai brings along, to see that everything works: do not believe what it says"


def realise(
    lock: Lock,
    platform: Platform,
    builds: Mapping[str, Build],
    store: Store,
    *,
    threads: Callable[[], int] = cores.count,
) -> Environment:
    """Make the environment of a lock, whose artifacts for this platform are all in the store.

    Args:
        lock: A checked lock.
        platform: The one this is.
        builds: Those that were chosen of the locked ones, by the toolchain's name.
        store: Has the artifacts; gets the unpacked build and the views.
        threads: Says how many threads an engine should compute with.

    Raises:
        EaiError: The lock has no engine, or files are not in the store.
        EngineError: This machine has settings that would change how the engine behaves.
        IntegrityError: The build is not what it was locked as.
    """
    name = identity.environment_id(lock, platform, builds)
    _require(lock, store)
    installed = _installed(lock, builds, store)
    artifacts, count = lock.artifacts(), threads()
    models = (
        _served(
            model,
            installed[engine_of(draws=model.draws)],
            store,
            artifacts,
            extra=command.threads(model, count),
            variant=builds[engine_of(draws=model.draws)].variant,
        )
        for model in lock.model
    )
    return Environment(
        id=name,
        platform=platform,
        server=lock.server,
        models=tuple(models),
        engines=tuple(_engines(lock, builds)),
    )


def _engines(lock: Lock, builds: Mapping[str, Build]) -> Iterator[str]:
    for toolchain in lock.toolchain:
        yield f"{toolchain.name} {toolchain.version}, {builds[toolchain.name].variant}"


def _installed(lock: Lock, builds: Mapping[str, Build], store: Store) -> dict[str, Installed]:
    """The engines that the models need, by the names of their toolchains."""
    needed = sorted({engine_of(draws=model.draws) for model in lock.model})
    if missing := [name for name in needed if name not in builds]:
        raise EaiError(f"the lock has no toolchain {missing[0]}", hint="run `eai lock`")
    return {name: install(builds[name], store, toolchain=name) for name in needed}


def _require(lock: Lock, store: Store) -> None:
    """See that every file of every model is there."""
    missing = [
        f"{model.name}: {file.path}"
        for model in lock.model
        for file in model.files()
        if not store.has(file.digest)
    ]
    if missing:
        listed = "\n".join(f"  {line}" for line in missing)
        raise EaiError(f"these files are not in the store:\n{listed}", hint="run `eai fetch`")


def _served(
    model: Model,
    installed: Installed,
    store: Store,
    artifacts: Mapping[Digest, Artifact],
    *,
    extra: tuple[str, ...],
    variant: str,
) -> ServedModel:
    settings, first = model.settings, model.weights[0]
    slots = 1 if "--kv-unified" in settings.args else settings.parallel
    return ServedModel(
        name=model.name,
        aliases=tuple(dict.fromkeys((*settings.aliases, *_aliases(model, artifacts)))),
        task=settings.task,
        main=settings.main,
        context_length=settings.context_length // slots,
        multimodal=bool(model.mmproj),
        lora_config=tuple(
            Adapter(name=file.path, digest=file.digest, scale=scale, path=path)
            for file, scale, path in zip(
                model.lora, settings.lora_scales, command.adapters(model), strict=True
            )
        ),
        digest=first.digest,
        created=int(store.object(first.digest).stat().st_ctime),
        memory=model.memory,
        gpu=on_gpu(model, variant, store.object(first.digest)),
        preload=settings.preload,
        files=tuple(store.object(file.digest) for file in model.files()),
        image=settings.image,
        note=_TOY if model.request.bundled is not None else None,
        engine=_program(model, installed, store.view(command.view(model)), extra),
    )


def _program(model: Model, installed: Installed, view: Path, extra: tuple[str, ...]) -> EngineProgram:
    """The engine's process: it sees its model's view, and no setting of this machine or this user.

    The view is its home and all of its path too: it finds no configuration there and no program, such
    as the ffprobe that it would start on a video.
    """
    env = {"HOME": str(view), "PATH": str(view), "LANG": "C.UTF-8", **installed.env}
    return EngineProgram(program=installed.program, flags=(*command.flags(model), *extra), env=env, cwd=view)


def _aliases(model: Model, artifacts: Mapping[Digest, Artifact]) -> Iterator[str]:
    """What else the model may be called: CIDs, digests and names of its weights."""
    for file in model.weights:
        for uri in artifacts[file.digest].ipfs:
            cid, _, path = uri.removeprefix("ipfs://").partition("/")
            if not path:  # else it is the CID of a folder, which may hold several models
                yield cid
        yield from (str(file.digest), file.digest.hex)
        name = PurePosixPath(file.path).name
        yield from (name, name.removesuffix(".gguf"))
