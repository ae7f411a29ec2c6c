"""`eai model preserve`: puts a folder on IPFS as Eternal Zoo and CryptoModels read it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.cli.command import Commands, add_command
from zoo.cli.numbers import gigabytes, whole
from zoo.cli.output import Output
from zoo.cli.preserve import add_target_options, refuse_car, where
from zoo.cli.project import open_store
from zoo.cli.text import count, size
from zoo.errors import UsageError
from zoo.preserve.legacy_model import OLD_TASKS, PART_MIB, THREADS

if TYPE_CHECKING:
    from zoo.preserve.legacy_model import Preserved

_IMAGES = ("image-generation", "image-edit")
_EXAMPLE = """example:
  eai model preserve --folder-path ./qwen3-1.7b --to kubo

The folder holds the model as a file of the folder's own name (qwen3-1.7b/qwen3-1.7b, without .gguf), and
its projector, if it has one, as qwen3-1.7b/qwen3-1.7b-projector."""


def configure(commands: Commands) -> None:
    """Add the command."""
    preserve = add_command(
        commands,
        "preserve",
        "preserve a folder as older installations read it",
        description=(
            "Preserve a model's folder in the format of Eternal Zoo and CryptoModels: parts of one gzip "
            "of one tar, and a JSON whose CID is the model's. `eai preserve` preserves what a lock has."
        ),
        example=_EXAMPLE,
    )
    preserve.add_argument("--folder-path", required=True, type=Path, metavar="DIR", help="the model's folder")
    add_target_options(preserve)
    preserve.add_argument(
        "--task", choices=OLD_TASKS, default="chat", help="what the model is for (default: chat)"
    )
    preserve.add_argument("--ram", type=gigabytes, metavar="GB", help="memory that serving it takes")
    preserve.add_argument("--hf-repo", metavar="OWNER/REPO", help="where it is on the Hugging Face Hub")
    preserve.add_argument("--hf-file", metavar="FILE", help="its file there")
    preserve.add_argument(
        "--config-name", choices=("flux-dev", "flux-schnell"), help="the kind of a diffusion model"
    )
    preserve.add_argument("--lora", action="store_true", help="the model is a LoRA, with a metadata.json")
    preserve.add_argument(
        "--gguf-folder", action="store_true", help="the folder holds *.gguf files by their own names"
    )
    preserve.add_argument(
        "--zip-chunk-size",
        type=whole(1, 10_000),
        default=PART_MIB,
        metavar="MB",
        help="the size of a part, in MiB (default: 512)",
    )
    preserve.add_argument(
        "--threads",
        type=whole(1, 256),
        default=THREADS,
        metavar="N",
        help="threads that compress, two at least (default: 16)",
    )
    preserve.add_argument("--json", action="store_true", help="say what was done as JSON")
    preserve.set_defaults(model=_preserve)


def _preserve(args: argparse.Namespace, out: Output) -> int:
    wanted, more = where(args.to)
    if more:
        raise UsageError(f"{more[0]} is one word too many", hint="the model is named by --folder-path")
    refuse_car(wanted)
    from zoo.cli.preserving import shown, targets  # noqa: PLC0415 - only once there is something to do
    from zoo.ipfs.legacy import Archive  # noqa: PLC0415 - as above
    from zoo.preserve import legacy_model  # noqa: PLC0415 - as above

    if args.task in _IMAGES and args.config_name is None:
        out.say("older installations serve an image model only if --config-name says its kind")
    folder = args.folder_path.absolute()
    entries = legacy_model.check_folder(folder, lora=args.lora, gguf_folder=args.gguf_folder)
    about = Archive(
        folder=folder.name,
        parts=(),
        part_mib=args.zip_chunk_size,
        task=args.task,
        ram=args.ram,
        config_name=args.config_name,
        hf_repo=args.hf_repo,
        hf_file=args.hf_file,
        lora=args.lora,
        gguf_folder=args.gguf_folder,
    )
    store = open_store()
    store.require(legacy_model.scratch_needed(entries, about))
    with shown(out) as tell, targets(wanted, args, tell) as places:
        done = legacy_model.preserve(
            entries,
            about,
            places,
            threads=args.threads,
            scratch=store.layout.ingest,
            tell=tell,
        )
    return _report(done, out, as_json=args.json)


def _report(done: Preserved, out: Output, *, as_json: bool) -> int:
    archive = done.archive
    if as_json:
        parts = [{"name": part.name, "cid": str(part.cid), "size": part.size} for part in archive.parts]
        out.json({"cid": str(done.cid), "folder": archive.folder, "parts": parts})
        return 0
    total = size(sum(part.size for part in archive.parts))
    out.say(f"{archive.folder} is preserved in {count(len(archive.parts), 'part')}, {total}; its CID is")
    out.print(str(done.cid))
    return 0
