"""What a locked model becomes on llama-server's command line: the same words on every machine.

All that llama.cpp would otherwise choose by the machine it runs on is said (research: context, slots,
batches, layers on the GPU, caches, `--fit`, flash attention), and nothing here names a file but those of
the model's own view, which is the engine's working folder. How many threads compute is the one thing
that is left to the machine: it decides how fast an answer comes, and not which.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from zoo.digest import Digest
from zoo.environment import drawing
from zoo.errors import EaiError
from zoo.lock.model import File, Model, Settings
from zoo.zoofile import flags as allowed
from zoo.zoofile.model import Sampling

# Comments in a stream that keep connections through idle proxies open, in seconds.
SSE_PING = 15

# Names that weights will hardly have; what stands beside them in the view is called so.
_PREFIX = "eai-"
_MMPROJ, _TEMPLATE = f"{_PREFIX}mmproj.gguf", f"{_PREFIX}chat-template.jinja"

_SAMPLING = {
    "temperature": "--temp",
    "top_k": "--top-k",
    "top_p": "--top-p",
    "min_p": "--min-p",
    "repeat_penalty": "--repeat-penalty",
    "presence_penalty": "--presence-penalty",
    "frequency_penalty": "--frequency-penalty",
}


def view(model: Model) -> dict[str, Digest]:
    """The files that a model's engine sees, by the names it sees them under.

    Weights keep their own names, since llama.cpp finds the other shards by the first one's.

    Raises:
        EaiError: Two of them would have one name.
    """
    if model.draws:
        return drawing.view(model)
    names: dict[str, Digest] = {}
    for name, file in _named(model):
        if names.setdefault(name, file.digest) != file.digest:
            raise EaiError(f"model {model.name} has two files called {name}")
    return names


def flags(model: Model) -> tuple[str, ...]:
    """The engine's flags for a model: all but where it listens and how many threads compute.

    Raises:
        EaiError: No engine of this eai does the model's task, or its flags are not known to be safe.
    """
    if model.draws:
        return drawing.flags(model)
    settings = model.settings
    if settings.task not in {"chat", "embed", "rerank"}:
        raise EaiError(f"model {model.name} is for {settings.task}, and this eai has no engine for that")
    if (problem := allowed.problem(settings.args)) is not None:
        raise EaiError(
            f"the lock's `args` of model {model.name}: {settings.args[problem[0]]!r} {problem[1]}",
            hint="run `eai lock`",
        )
    return (
        *_files(model),
        *_size(settings),
        *_pinned(settings),
        *_task(settings),
        *_sampling(settings.sampling),
        *settings.args,
    )


def adapters(model: Model) -> tuple[str | None, ...]:
    """The paths of a model's adapters, as requests may name them to its engine; None where none does."""
    return drawing.adapters(model) if model.draws else (None,) * len(model.lora)


def threads(model: Model, count: int) -> tuple[str, ...]:
    """The flags for so many computing threads."""
    if model.draws:
        return drawing.threads(count)
    return "--threads", str(count), "--threads-batch", str(count)


def _named(model: Model) -> Iterator[tuple[str, File]]:
    """Every file of a model with its name in the view."""
    for file in model.weights:
        yield PurePosixPath(file.path).name, file
    yield from ((_MMPROJ, file) for file in model.mmproj[:1])
    yield from ((_TEMPLATE, file) for file in model.chat_template[:1])
    yield from ((_lora(number), file) for number, file in enumerate(model.lora))


def _lora(number: int) -> str:
    return f"{_PREFIX}lora-{number}.gguf"


def _files(model: Model) -> Iterator[str]:
    """The files, by paths that hold neither of the characters that llama-server cuts at."""
    yield from ("--model", f"./{PurePosixPath(model.weights[0].path).name}", "--alias", model.name)
    if model.mmproj:
        yield from ("--mmproj", f"./{_MMPROJ}")
    for number, scale in enumerate(model.settings.lora_scales):
        yield from ("--lora-scaled", f"./{_lora(number)}:{scale}")
    if model.chat_template:
        yield from ("--chat-template-file", f"./{_TEMPLATE}")


def _size(settings: Settings) -> Iterator[str]:
    yield from ("--ctx-size", str(settings.context_length), "--parallel", str(settings.parallel))
    yield from ("--batch-size", str(settings.batch), "--ubatch-size", str(settings.batch))
    yield from ("--gpu-layers", str(settings.gpu_layers), "--cache-ram", str(settings.cache_ram))


def _pinned(settings: Settings) -> Iterator[str]:
    """What is the same for every model, unless its `args` say otherwise."""
    yield from ("--fit", "off", "--jinja", "--offline", "--no-webui", "--no-slots")
    yield from ("--sse-ping-interval", str(SSE_PING))
    if "--flash-attn" not in settings.args:
        yield from ("--flash-attn", "on")
    if "--kv-unified" not in settings.args and "--no-kv-unified" not in settings.args:
        yield "--no-kv-unified"
    if "--context-shift" not in settings.args and "--no-context-shift" not in settings.args:
        yield "--no-context-shift"


def _task(settings: Settings) -> Iterator[str]:
    if settings.task == "rerank":
        yield "--reranking"
    elif settings.task == "embed":
        yield "--embeddings"
        if settings.pooling is not None:
            yield from ("--pooling", settings.pooling)


def _sampling(sampling: Sampling) -> Iterator[str]:
    """The defaults that are decided; what is not is the weights' own, or llama.cpp's of this build."""
    for key, flag in _SAMPLING.items():
        if (value := getattr(sampling, key)) is not None:
            yield from (flag, str(value))
    yield from ("--seed", str(-1 if sampling.seed is None else sampling.seed))
