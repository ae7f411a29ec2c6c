"""The JSON Schema of zoofile.toml, for editors: made from the types, with the rules that types cannot say."""

from __future__ import annotations

from typing import Any

import msgspec

from zoo.zoofile.check import ORIGINS
from zoo.zoofile.model import Zoofile

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_ORIGIN = {
    "hf": "A repository of the Hugging Face Hub, as OWNER/REPO; goes with `file` or `pattern`.",
    "revision": "A branch, a tag or a commit of the repository; `main` if left out.",
    "file": "A file of the repository.",
    "pattern": "A part of the file names of a model split into several, such as Q4_K_M.",
    "url": "An http or https URL of the file.",
    "path": "A file of your own, relative to zoofile.toml.",
    "ipfs": "An IPFS CID, or a CID, `/` and the path of a file in it.",
    "bundled": "A file that comes with eai.",
}

DESCRIPTIONS: dict[str, dict[str, str]] = {
    "Zoofile": {
        "zoo": "The project.",
        "server": "The server that clients talk to.",
        "toolchain": "The engines, by name, such as [toolchain.llama-cpp].",
        "models": "The models, by the name that clients ask for; one of the catalogue needs no more.",
    },
    "Zoo": {
        "name": "What the project is called.",
        "platforms": "The platforms that zoo.lock must serve; all that the toolchain has if left out.",
    },
    "Server": {
        "host": "The address to listen on.",
        "port": "The port to listen on.",
        "memory": 'How much the loaded models may take together, such as 12GiB; "auto" asks the machine.',
        "gpu-memory": "The same for the memory of GPUs, where they have their own.",
        "stop-timeout": "How long an engine may take to end before it is killed, such as 5s.",
        "idle-timeout": 'How long after its last request an on-demand model goes, such as 30m; or "never".',
        "drain-timeout": "How long a switch waits for streams of the model that must go, such as 60s.",
        "max-body": "How large a request may be.",
        "allowed-hosts": "Names by which clients may call this machine, beside localhost, such as zoo.lan.",
        "allowed-origins": "Origins whose web pages may use the server, such as https://app.example.",
        "unknown-model": "What a request for a model that is not here gets: the main model, or an error.",
        "remote-images": "Which images a request may name by URL: public ones, none, or these hosts' too.",
    },
    "Toolchain": {
        "version": '"latest", which locking resolves, or a version such as "b11549".',
        "from": 'Who provides the builds: "pypi", "github", "source" to build them here; or your own.',
        "variant": 'Which build, such as "cpu"; or several, the best first; or either for each platform.',
    },
    "Own": {
        "path": "A program, relative to zoofile.toml.",
        "source": "An archive of source code, relative to zoofile.toml.",
    },
    "Model": {
        **_ORIGIN,
        "main": "Whether this is the main model, which is loaded at the start; else the first one is.",
        "aliases": "What else clients may call it.",
        "preload": "Whether it is loaded at the start too, as far as memory allows.",
        "mmproj": "The projector of a model that sees or hears: from where the model comes, under its name.",
        "chat-template": "A Jinja file, relative to zoofile.toml, in place of the model's own template.",
        "lora": "LoRA adapters, each with its origin and its strength.",
        "parts": "What a model that draws needs beside its diffusion model, each from its own origin.",
        "image": "Defaults for pictures, which a request may override.",
        "task": "What the model is for; told by the file's header if left out.",
        "context-length": "Tokens of context, of all slots together.",
        "parallel": "How many requests are answered side by side.",
        "batch": "Tokens of a prompt that are evaluated in one step.",
        "gpu-layers": 'How many layers a GPU holds where there is one; or "all".',
        "pooling": "How an embedding model makes one vector of many; its own way if left out.",
        "sampling": "Defaults for sampling, which a request may override.",
        "args": "More flags for the engine, from a list of those known to be safe and deterministic.",
    },
    "Parts": {
        "clip-l": "The text encoder CLIP-L.",
        "clip-g": "The text encoder CLIP-G.",
        "t5xxl": "The text encoder T5-XXL.",
        "llm": "The language model that encodes text, such as Qwen-Image's.",
        "vae": "What makes pixels of latents, and latents of pixels.",
        "taesd": "A small and quick stand-in for the VAE.",
    },
    "Origin": _ORIGIN,
    "Image": {
        "steps": "How many steps a picture takes.",
        "size": "Width and height in pixels; memory is counted for it, and no request may ask for more.",
        "cfg-scale": "How strongly the prompt is followed; 1 for distilled models.",
        "guidance": "The same for models that were distilled with guidance, such as FLUX dev.",
        "sampler": "How noise becomes a picture.",
        "seed": "The seed of the noise; -1 takes another each time.",
    },
    "Lora": {**_ORIGIN, "scale": "The strength that the adapter is applied with."},
    "Sampling": {
        "temperature": "How freely tokens are drawn; 0 takes the likeliest.",
        "top-k": "Draw from that many of the likeliest tokens; 0 from all.",
        "top-p": "Draw from the likeliest tokens that together reach this probability.",
        "min-p": "Leave out tokens less likely than this part of the likeliest.",
        "repeat-penalty": "Above 1, tokens that came lately are less likely.",
        "presence-penalty": "Taken from tokens that came at all.",
        "frequency-penalty": "Taken from tokens for each time that they came.",
        "seed": "The seed of the draw; -1 takes another each time.",
    },
}

_ONE_ORIGIN = [{"required": [kind]} for kind in ORIGINS]
_NO_ORIGIN = {"not": {"anyOf": _ONE_ORIGIN}}
_HUB = {
    "dependentRequired": {key: ["hf"] for key in ("file", "pattern", "revision")},
    "if": {"required": ["hf"]},
    "then": {"oneOf": [{"required": ["file"]}, {"required": ["pattern"]}]},
}
_RULES: dict[str, dict[str, Any]] = {
    "Model": {"oneOf": [*_ONE_ORIGIN, _NO_ORIGIN], **_HUB},
    "Own": {"oneOf": [{"required": ["path"]}, {"required": ["source"]}]},
    "Lora": {"oneOf": _ONE_ORIGIN, "not": {"required": ["pattern"]}, **_HUB},
    "Origin": {"oneOf": _ONE_ORIGIN, "not": {"required": ["pattern"]}, **_HUB},
}


def json_schema() -> dict[str, Any]:
    """Make the JSON Schema (draft 2020-12) that every good zoofile, read as TOML, is valid under.

    It says what types and the rules on origins say; reading checks more, such as the forms of names.
    """
    (root,), definitions = msgspec.json.schema_components([Zoofile], ref_template="#/$defs/{name}")
    for name, definition in definitions.items():
        definition.update(_RULES.get(name, {}))
        for key, schema in definition["properties"].items():
            definition["properties"][key] = _described(schema, DESCRIPTIONS[name][key])
    return {"$schema": DIALECT, "title": "zoofile.toml", **root, "$defs": definitions}


def _described(schema: dict[str, Any], description: str) -> dict[str, Any]:
    """A key's schema with its description, and without null: TOML has none."""
    arms = [arm for arm in schema.get("anyOf", ()) if arm != {"type": "null"}]
    kept = {
        key: value for key, value in schema.items() if key != "anyOf" and (key, value) != ("default", None)
    }
    if len(arms) == 1:
        kept |= arms[0]
    elif arms:
        kept["anyOf"] = arms
    example = kept.pop("description", None)
    return {
        "description": description if example is None else f"{description} {example.capitalize()}.",
        **kept,
    }
