"""Which models a person names to `eai model`: by name, CID, repository of the Hub, or config.yaml."""

from __future__ import annotations

import argparse

from zoo.catalog.former import BACKENDS, TASKS, Former, featured, hub, preserved, require_native
from zoo.errors import UsageError


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that name models."""
    parser.add_argument(
        "model_name", nargs="?", metavar="NAME[,NAME…]", help="of the catalogue; the first is the main model"
    )
    parser.add_argument("--hash", metavar="CID[,CID…]", help="what is preserved on IPFS, by CID")
    parser.add_argument("--hf-repo", metavar="OWNER/REPO", help="a repository of the Hugging Face Hub")
    parser.add_argument("--hf-file", metavar="FILE", help="its file")
    parser.add_argument("--pattern", metavar="P", help="every part of a split model, such as Q4_K_M")
    parser.add_argument("--mmproj", metavar="FILE", help="the projector in the same repository")
    parser.add_argument("--task", choices=TASKS, help="what it is for (default: told by the file)")
    parser.add_argument("--backend", choices=BACKENDS, default=BACKENDS[0], help="(default: gguf)")


def named(args: argparse.Namespace) -> list[Former]:
    """The models that are named, each once.

    Raises:
        UsageError: None is, or in two ways at once, or one is not to be had.
    """
    ways = [way for way in (args.model_name, args.hash, args.hf_repo) if way is not None]
    if len(ways) != 1:
        raise UsageError(
            "no model is named" if not ways else "models are named in two ways at once",
            hint="give names (`eai catalog` lists them), or --hash CID, or --hf-repo R --hf-file F",
        )
    require_native(args.backend, ways[0])
    if args.hf_repo is not None:
        found = [
            hub(args.hf_repo, file=args.hf_file, pattern=args.pattern, mmproj=args.mmproj, task=args.task)
        ]
    else:
        _alone(args)
        one = featured if args.hash is None else preserved
        told = {} if args.task is None else {"task": args.task}
        found = [Former(each.name, each.table | told) for each in map(one, _words(ways[0]))]
    return list({former.name: former for former in found}.values())


def _alone(args: argparse.Namespace) -> None:
    """What belongs to a repository says nothing about another kind of model."""
    for option in ("hf_file", "pattern", "mmproj"):
        if getattr(args, option) is not None:
            raise UsageError(f"--{option.replace('_', '-')} goes with --hf-repo")


def _words(text: str) -> list[str]:
    words = [word.strip() for word in text.split(",")]
    if not all(words):
        raise UsageError(f"{text!r} holds an empty name")
    return words
