"""Which flags a zoofile may hand to an engine, and why it may not hand over the others.

A flag is here when it changes what the engine computes, in the same way on every machine. Refused is
whatever reads or writes files, opens sockets or runs tools, changes who the engine says it is, depends
on the machine, or has a key of its own in the zoofile.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_INTEGER = re.compile(r"-?[0-9]{1,9}")
_NUMBER = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,12})?")

_CACHE = ("f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1")

SWITCHES = frozenset({
    "--cache-prompt", "--no-cache-prompt", "--context-shift", "--no-context-shift",
    "--kv-unified", "--no-kv-unified", "--special", "--swa-full",
})  # fmt: skip

CHOICES: dict[str, tuple[str, ...]] = {
    "--cache-type-k": _CACHE,
    "--cache-type-v": _CACHE,
    "--flash-attn": ("on", "off"),  # `auto` asks the machine
    "--reasoning": ("on", "off"),
    "--reasoning-format": ("none", "deepseek", "deepseek-legacy"),
    "--rope-scaling": ("none", "linear", "yarn"),
}

INTEGERS = frozenset({
    "--cache-reuse", "--embd-normalize", "--image-max-tokens", "--image-min-tokens",
    "--keep", "--predict", "--yarn-orig-ctx",
})  # fmt: skip

NUMBERS = frozenset({
    "--rope-freq-base", "--rope-freq-scale", "--rope-scale",
    "--yarn-attn-factor", "--yarn-beta-fast", "--yarn-beta-slow", "--yarn-ext-factor",
})  # fmt: skip

OBJECTS = frozenset({"--chat-template-kwargs"})

ALLOWED = SWITCHES | set(CHOICES) | INTEGERS | NUMBERS | OBJECTS

_KEYS = {
    "batch": "-b --batch-size -ub --ubatch-size",
    "chat-template": "--chat-template --chat-template-file",
    "context-length": "-c --ctx-size --fit-ctx -fitc --kv-unified-per-slot",
    "gpu-layers": "-ngl --gpu-layers --n-gpu-layers",
    "lora": "--lora --lora-scaled --lora-init-without-apply",
    "mmproj": "-mm --mmproj -mmu --mmproj-url --mmproj-auto --no-mmproj",
    "parallel": "-np --parallel",
    "pooling": "--pooling",
    "sampling.frequency-penalty": "--frequency-penalty",
    "sampling.min-p": "--min-p",
    "sampling.presence-penalty": "--presence-penalty",
    "sampling.repeat-penalty": "--repeat-penalty",
    "sampling.seed": "-s --seed",
    "sampling.temperature": "--temp --temperature",
    "sampling.top-k": "--top-k",
    "sampling.top-p": "--top-p",
    "task": "--embedding --embeddings --rerank --reranking",
}

_REASONS = {
    "the origin of a model is declared: use `hf`, `url`, `path` or `bundled`":
        "-m --model -mu --model-url -dr --docker-repo -hf -hfr --hf-repo -hff --hf-file",
    "an engine may touch no file but those that are locked":
        "--log-file --slot-save-path --api-key-file --models-dir --models-preset --path --media-path"
        " --grammar-file -jf --json-schema-file --control-vector --control-vector-scaled -md --model-draft"
        " -lcs --lookup-cache-static -lcd --lookup-cache-dynamic --ssl-key-file --ssl-cert-file"
        " --ui-config-file --video-ffmpeg-dir --mcp-servers-config",
    "an engine listens where eai tells it to, and opens no other connection":
        "--host --port --reuse-port --rpc --offline --api-prefix --tools --tools-runtime --agent -ag"
        " --mcp-servers-json --ui --webui --ui-mcp-proxy --webui-mcp-proxy --cors-origins -hft --hf-token",
    "what an engine calls itself and what it shows is eai's to say":
        "-a --alias --tags --api-key --metrics --props --slots --no-slots",
    "what depends on the machine is eai's to set, so that one lock fits all":
        "-t --threads -tb --threads-batch -dev --device -fit --fit -fitt --fit-target -sm --split-mode"
        " -ts --tensor-split -mg --main-gpu --numa -cram --cache-ram -lm --load-mode --prio",
}  # fmt: skip


def problem(args: Sequence[str]) -> tuple[int, str, str] | None:
    """Find the first thing that is wrong with a model's `args`.

    Returns:
        Where in `args`, what is wrong with it, and what would be right; None where all is well.
    """
    seen: set[str] = set()
    at = 0
    while at < len(args):
        flag = args[at]
        if flag not in ALLOWED:
            return at, *_refusal(flag)
        if flag in seen:
            return at, f"gives `{flag}` twice", "keep one of them"
        seen.add(flag)
        if flag not in SWITCHES:
            at += 1
            if (wanted := _unfit(flag, args[at] if at < len(args) else "")) is not None:
                return min(at, len(args) - 1), f"gives `{flag}` no value that fits", f"it takes {wanted}"
        at += 1
    return None


def _unfit(flag: str, value: str) -> str | None:
    """What a flag takes, if the value is no such thing."""
    if flag in CHOICES:
        return None if value in CHOICES[flag] else "one of " + ", ".join(f"`{c}`" for c in CHOICES[flag])
    if flag in INTEGERS:
        return None if _INTEGER.fullmatch(value) else "an integer"
    if flag in NUMBERS:
        return None if _NUMBER.fullmatch(value) else "a number"
    return None if _is_object(value) else "a JSON object, such as '{\"enable_thinking\": false}'"


def _is_object(text: str) -> bool:
    import json  # noqa: PLC0415 - only for the one flag that takes JSON

    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _refusal(flag: str) -> tuple[str, str]:
    from zoo.zoofile.problem import quoted  # noqa: PLC0415 - only for errors

    name, _, value = flag.partition("=")
    if value and name in ALLOWED:
        return f"joins `{name}` and its value", f'write them as two: "{name}", "{value}"'
    for key, flags in _KEYS.items():
        if name in flags.split():
            return f"may not hold `{name}`", f"the zoofile has a key for it: `{key}`"
    for reason, flags in _REASONS.items():
        if name in flags.split():
            return f"may not hold `{name}`", reason
    if not name.startswith("-"):
        return f"holds {quoted(flag)}, which is no flag", "each flag and each value is a string of its own"
    return f"may not hold {quoted(flag)}", _nearest(name)


def _nearest(name: str) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only for errors

    if near := get_close_matches(name, ALLOWED, n=1, cutoff=0.8):
        return f"did you mean `{near[0]}`?"
    return f"the engine flags known to be safe and deterministic are {', '.join(sorted(ALLOWED))}"
