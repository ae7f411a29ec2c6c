"""llama-server's flags, as settings of the `xllamacpp` wheel: each is honoured, or refused.

The meaning of each follows `common/arg.cpp` of llama.cpp, which the wheel does not run.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

Setter = Callable[[ModuleType, Any, str], None]


class Refused(Exception):
    """A flag that the wheel cannot honour, or a value that no flag takes."""


class Flag(NamedTuple):
    """One flag: what it does, and whether a value follows it."""

    apply: Setter
    takes_value: bool


def params(engine: ModuleType, words: list[str]) -> Any:  # noqa: ANN401 - the wheel has no types
    """Make the wheel's parameters from a command line.

    Raises:
        Refused: A flag is unknown, lacks its value, or has one that cannot be.
    """
    made = engine.CommonParams()
    # llama-server's own defaults where the wheel's are others.
    made.n_parallel = -1
    made.default_template_kwargs = {"preserve_reasoning": "true"}
    rest = iter(words)
    for word in rest:
        flag = FLAGS.get(word)
        if flag is None:
            raise Refused(f"the pypi build of llama.cpp cannot honour {word}")
        value = next(rest, None) if flag.takes_value else ""
        if value is None:
            raise Refused(f"{word} needs a value")
        _apply(engine, made, word, value, flag)
    return made


def _apply(engine: ModuleType, made: Any, word: str, value: str, flag: Flag) -> None:  # noqa: ANN401 - of the wheel, which has no types
    try:
        flag.apply(engine, made, value)
    except AttributeError as error:  # this version of the wheel has no such setting
        raise Refused(f"the pypi build of llama.cpp cannot honour {word}") from error
    except (ValueError, OverflowError, TypeError, OSError, KeyError, ZeroDivisionError) as error:
        raise Refused(f"{word} cannot be {value!r}: {error}") from error


def _put(made: Any, path: str, value: object) -> None:  # noqa: ANN401 - of the wheel, which has no types
    """Set `a.b.c` of the parameters."""
    *parents, last = path.split(".")
    for parent in parents:
        made = getattr(made, parent)
    if not hasattr(made, last):
        raise AttributeError(last)
    setattr(made, last, value)


def _text(path: str) -> Flag:
    return Flag(lambda _, made, value: _put(made, path, value), takes_value=True)


def _whole(path: str, *, least: int = -(2**31)) -> Flag:
    def apply(_: ModuleType, made: object, value: str) -> None:
        number = int(value)
        if number < least:
            raise ValueError(f"the least is {least}")
        _put(made, path, number)

    return Flag(apply, takes_value=True)


def _real(path: str, *, above: float = -math.inf) -> Flag:
    def apply(_: ModuleType, made: object, value: str) -> None:
        number = float(value)
        if not math.isfinite(number) or number <= above:
            raise ValueError(f"it must be a finite number above {above}")
        _put(made, path, number)

    return Flag(apply, takes_value=True)


def _const(path: str, value: object) -> Flag:
    return Flag(lambda _, made, __: _put(made, path, value), takes_value=False)


def _switch(path: str) -> Flag:
    def apply(_: ModuleType, made: object, value: str) -> None:
        _put(made, path, _on(value))

    return Flag(apply, takes_value=True)


def _choice(path: str, enum: str, prefix: str, **spelled: str) -> Flag:
    """A value that names a member of one of the wheel's enumerations."""

    def apply(engine: ModuleType, made: object, value: str) -> None:
        member = spelled.get(value, value.upper())
        _put(made, path, getattr(engine, enum)[prefix + member])

    return Flag(apply, takes_value=True)


def _sampled(path: str, kind: str, inner: Flag) -> Flag:
    """A sampling default that also overrides the one in the model's own header."""

    def apply(engine: ModuleType, made: Any, value: str) -> None:  # noqa: ANN401 - of the wheel, which has no types
        inner.apply(engine, made, value)
        config = engine.common_params_sampling_config[f"COMMON_PARAMS_SAMPLING_CONFIG_{kind}"]
        _put(made, path, made.sampling.user_sampling_config | int(config))

    return Flag(apply, takes_value=True)


def _on(value: str) -> bool:
    known = {"on": True, "enabled": True, "true": True, "1": True}
    known |= {"off": False, "disabled": False, "false": False, "0": False}
    return known[value]


def _host(_: ModuleType, made: object, value: str) -> None:
    if hasattr(made, "hostnames"):
        _put(made, "hostnames", [value])
    else:  # wheels before b11549
        _put(made, "hostname", value)


def _alias(_: ModuleType, made: object, value: str) -> None:
    _put(made, "model_alias", {value})


def _gpu_layers(_: ModuleType, made: object, value: str) -> None:
    _put(made, "n_gpu_layers", {"auto": -1, "all": -2}.get(value) or int(value))


def _seed(_: ModuleType, made: object, value: str) -> None:
    _put(made, "sampling.seed", int(value) & 0xFFFFFFFF)


def _threads(_: ModuleType, made: object, value: str) -> None:
    if int(value) > 0:
        _put(made, "cpuparams.n_threads", int(value))


def _threads_batch(_: ModuleType, made: object, value: str) -> None:
    if int(value) > 0:
        _put(made, "cpuparams_batch.n_threads", int(value))


def _lora_scaled(engine: ModuleType, made: Any, value: str) -> None:  # noqa: ANN401 - of the wheel, which has no types
    path, _, scale = value.rpartition(":")
    adapter = engine.CommonAdapterLoraInfo(path, float(scale))
    _put(made, "lora_adapters", [*made.lora_adapters, adapter])


def _rerank(engine: ModuleType, made: object, _: str) -> None:
    _put(made, "embedding", value=True)
    _put(made, "pooling_type", engine.llama_pooling_type.LLAMA_POOLING_TYPE_RANK)


def _template_file(_: ModuleType, made: object, value: str) -> None:
    _put(made, "chat_template", Path(value).read_text("utf-8"))


def _template_kwargs(_: ModuleType, made: Any, value: str) -> None:  # noqa: ANN401 - of the wheel, which has no types
    more = {str(key): json.dumps(item) for key, item in dict(json.loads(value)).items()}
    _put(made, "default_template_kwargs", {**made.default_template_kwargs, **more})


def _reasoning(_: ModuleType, made: Any, value: str) -> None:  # noqa: ANN401 - of the wheel, which has no types
    if value == "auto":
        _put(made, "enable_reasoning", -1)
        return
    thinks = {"enable_thinking": "true" if _on(value) else "false"}
    _put(made, "enable_reasoning", int(_on(value)))
    _put(made, "default_template_kwargs", {**made.default_template_kwargs, **thinks})


def _rope_scale(_: ModuleType, made: object, value: str) -> None:
    _put(made, "rope_freq_scale", 1.0 / float(value))


_CONFIG = "sampling.user_sampling_config"
_FLASH = {"on": "ENABLED", "off": "DISABLED", "1": "ENABLED", "0": "DISABLED"}

_BY_NAMES: dict[tuple[str, ...], Flag] = {
    ("-m", "--model"): _text("model.path"),
    ("-a", "--alias"): Flag(_alias, takes_value=True),
    ("--host",): Flag(_host, takes_value=True),
    ("-mm", "--mmproj"): _text("mmproj.path"),
    ("--image-min-tokens",): _whole("image_min_tokens"),
    ("--image-max-tokens",): _whole("image_max_tokens"),
    ("--lora-scaled",): Flag(_lora_scaled, takes_value=True),
    # Where and how it computes.
    ("-c", "--ctx-size"): _whole("n_ctx", least=1),
    ("-np", "--parallel"): _whole("n_parallel", least=1),
    ("-b", "--batch-size"): _whole("n_batch", least=1),
    ("-ub", "--ubatch-size"): _whole("n_ubatch", least=1),
    ("-t", "--threads"): Flag(_threads, takes_value=True),
    ("-tb", "--threads-batch"): Flag(_threads_batch, takes_value=True),
    ("-ngl", "--gpu-layers", "--n-gpu-layers"): Flag(_gpu_layers, takes_value=True),
    ("-fit", "--fit"): _switch("fit_params"),
    ("-fa", "--flash-attn"): _choice(
        "flash_attn_type", "llama_flash_attn_type", "LLAMA_FLASH_ATTN_TYPE_", **_FLASH
    ),
    ("-ctk", "--cache-type-k"): _choice("cache_type_k", "ggml_type", "GGML_TYPE_"),
    ("-ctv", "--cache-type-v"): _choice("cache_type_v", "ggml_type", "GGML_TYPE_"),
    ("-kvu", "--kv-unified"): _const("kv_unified", value=True),
    ("-no-kvu", "--no-kv-unified"): _const("kv_unified", value=False),
    ("--swa-full",): _const("swa_full", value=True),
    ("-cram", "--cache-ram"): _whole("cache_ram_mib", least=-1),
    ("--cache-reuse",): _whole("n_cache_reuse", least=0),
    ("--cache-prompt",): _const("cache_prompt", value=True),
    ("--no-cache-prompt",): _const("cache_prompt", value=False),
    ("--rope-scaling",): _choice("rope_scaling_type", "llama_rope_scaling_type", "LLAMA_ROPE_SCALING_TYPE_"),
    ("--rope-scale",): Flag(_rope_scale, takes_value=True),
    ("--rope-freq-base",): _real("rope_freq_base"),
    ("--rope-freq-scale",): _real("rope_freq_scale"),
    ("--yarn-orig-ctx",): _whole("yarn_orig_ctx", least=0),
    ("--yarn-ext-factor",): _real("yarn_ext_factor"),
    ("--yarn-attn-factor",): _real("yarn_attn_factor"),
    ("--yarn-beta-slow",): _real("yarn_beta_slow"),
    ("--yarn-beta-fast",): _real("yarn_beta_fast"),
    # What it answers.
    ("--embedding", "--embeddings"): _const("embedding", value=True),
    ("--rerank", "--reranking"): Flag(_rerank, takes_value=False),
    ("--pooling",): _choice("pooling_type", "llama_pooling_type", "LLAMA_POOLING_TYPE_"),
    ("--embd-normalize",): _whole("embd_normalize", least=-1),
    ("--context-shift",): _const("ctx_shift", value=True),
    ("--no-context-shift",): _const("ctx_shift", value=False),
    ("-n", "--predict", "--n-predict"): _whole("n_predict", least=-1),
    ("--keep",): _whole("n_keep", least=-1),
    ("-sp", "--special"): _const("special", value=True),
    ("--jinja",): _const("use_jinja", value=True),
    ("--no-jinja",): _const("use_jinja", value=False),
    ("--chat-template-file",): Flag(_template_file, takes_value=True),
    ("--chat-template-kwargs",): Flag(_template_kwargs, takes_value=True),
    ("-rea", "--reasoning"): Flag(_reasoning, takes_value=True),
    ("--reasoning-format",): _choice(
        "reasoning_format",
        "common_reasoning_format",
        "COMMON_REASONING_FORMAT_",
        **{"deepseek-legacy": "DEEPSEEK_LEGACY"},
    ),
    # How it picks tokens, where a request does not say.
    ("-s", "--seed"): Flag(_seed, takes_value=True),
    ("--temp", "--temperature"): _sampled(_CONFIG, "TEMP", _real("sampling.temp")),
    ("--top-k",): _sampled(_CONFIG, "TOP_K", _whole("sampling.top_k")),
    ("--top-p",): _sampled(_CONFIG, "TOP_P", _real("sampling.top_p")),
    ("--min-p",): _sampled(_CONFIG, "MIN_P", _real("sampling.min_p")),
    ("--repeat-penalty",): _sampled(_CONFIG, "PENALTY_REPEAT", _real("sampling.penalty_repeat", above=0.0)),
    ("--presence-penalty",): _real("sampling.penalty_present"),
    ("--frequency-penalty",): _real("sampling.penalty_freq"),
    # How it serves.
    ("-lv", "--verbosity", "--log-verbosity"): _whole("verbosity"),
    ("--no-slots",): _const("endpoint_slots", value=False),
    ("--no-ui", "--no-webui"): _const("ui", value=False),
    ("--offline",): _const("offline", value=True),
    ("--sse-ping-interval",): _whole("sse_ping_interval"),
}

FLAGS: dict[str, Flag] = {name: flag for names, flag in _BY_NAMES.items() for name in names}
