"""How a model is served: what the zoofile declares and what the weights are, every default decided.

Only locked facts are looked at, so that a changed setting needs no network. Every number here is part
of lock version 1: another number would make every lock that is there stale.
"""

from __future__ import annotations

import math

from msgspec.structs import asdict

from zoo.errors import ZoofileError
from zoo.lock import drawing
from zoo.lock.model import Facts, Settings
from zoo.zoofile.model import Model, Pooling, Sampling, Task

CHAT_CONTEXT = 32768
EMBED_CONTEXT = 2048
UNKNOWN_CONTEXT = 4096
BATCH = 512
SEED = 42

# One slot: requests then never share a batch, so an answer does not depend on who else is asking.
PARALLEL = 1
# None: the engine keeps one whole state whatever the limit, so no smaller number would be true.
CACHE_RAM = 0

_PAD = 256  # llama.cpp rounds caches up to this many tokens
_VECTOR_TASKS = ("embed", "rerank")


def settle(model: Model, facts: Facts, *, main: bool, name: str = "the model") -> Settings:
    """Decide how a model is served.

    Args:
        model: What the zoofile declares.
        facts: What was read from the weights when they were locked.
        main: Whether it is the main model.
        name: What messages call the model.

    Raises:
        ZoofileError: What is declared is more than these weights can do, or contradicts itself.
    """
    if model.draws:
        return drawing.settle(model, facts, main=main)
    task = model.task or facts.task or ("embed" if facts.embedding else "chat")
    parallel = model.parallel or PARALLEL
    context = _context(model, facts, task, parallel, name)
    return Settings(
        task=task,
        main=main,
        context_length=context,
        parallel=parallel,
        batch=model.batch or _batch(task, context // parallel),
        gpu_layers="all" if model.gpu_layers is None else model.gpu_layers,
        cache_ram=CACHE_RAM,
        pooling=_pooling(model, facts, task, name),
        sampling=_sampling(model, facts, name),
        lora_scales=tuple(_finite(lora.scale, name, "lora.scale") for lora in model.lora),
        args=model.args,
        preload=model.preload,
        aliases=model.aliases,
    )


def memory(facts: Facts, settings: Settings, files_size: int) -> int:
    """Say how many bytes a model needs while it is loaded, wherever its layers lie.

    Args:
        facts: Of the model.
        settings: Of the model.
        files_size: Bytes of all its files together.
    """
    if settings.image is not None:
        return drawing.memory(facts, settings.image, files_size)
    slot = _padded(settings.context_length // settings.parallel)
    window = min(slot, _padded(facts.window + settings.batch))
    each = facts.kv_token * slot + facts.kv_window_token * window + facts.state
    compute = facts.overhead * max(settings.batch, BATCH) // BATCH
    return files_size + each * settings.parallel + compute + (settings.cache_ram << 20)


def _context(model: Model, facts: Facts, task: Task, parallel: int, name: str) -> int:
    """Tokens of context of all slots together, which share them evenly."""
    trained = facts.context_length * parallel
    wanted = model.context_length
    if wanted is None:
        usual = EMBED_CONTEXT if task in _VECTOR_TASKS else CHAT_CONTEXT
        wanted = min(trained, usual) if trained else UNKNOWN_CONTEXT
    if trained and wanted > trained:
        slots = f" in {parallel} parallel slots" if parallel > 1 else ""
        raise ZoofileError(
            f"{name}: context-length = {wanted} is more than it was trained for: "
            f"{facts.context_length} tokens{slots}",
            hint=f"set context-length to at most {trained}, or leave it out",
        )
    if wanted < parallel:
        raise ZoofileError(
            f"{name}: context-length = {wanted} leaves no token for some of {parallel} parallel slots",
            hint="parallel slots share the context evenly: raise context-length, or lower parallel",
        )
    return wanted


def _batch(task: Task, slot: int) -> int:
    """An input to embed or rank must fit into one batch, or the engine refuses it; a prompt need not."""
    return slot if task in _VECTOR_TASKS else min(BATCH, slot)


def _pooling(model: Model, facts: Facts, task: Task, name: str) -> Pooling | None:
    right = task in _VECTOR_TASKS and (task != "rerank" or model.pooling in {None, "rank"})
    if model.pooling is not None and not right:
        raise ZoofileError(
            f'{name}: pooling = "{model.pooling}" does not go with the task {task}',
            hint='leave pooling out, or set task = "embed"',
        )
    if task == "rerank":
        return "rank"
    # A chat model has no pooling of its own, and without any there is no one vector to answer with.
    return model.pooling or ("mean" if task == "embed" and not facts.embedding else None)


def _sampling(model: Model, facts: Facts, name: str) -> Sampling:
    """What is declared, else the catalogue's; the seed is pinned, and -1 asks for another each time."""
    family = {key: value for key, value in asdict(facts.sampling).items() if value is not None}
    declared = {key: value for key, value in asdict(model.sampling).items() if value is not None}
    for key, value in declared.items():
        _finite(value, name, f"sampling.{key.replace('_', '-')}")
    return Sampling(**{"seed": SEED, **family, **declared})


def _finite(value: float, name: str, key: str) -> float:
    if not math.isfinite(value):
        raise ZoofileError(f"{name}: {key} = {value} is no number to use", hint=f"give {key} a number")
    return value


def _padded(tokens: int) -> int:
    return -(-tokens // _PAD) * _PAD
