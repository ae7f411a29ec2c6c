"""The schema of zoo.lock, as immutable values.

Order and defaults are part of the format: keys are written in the order in which they stand here,
and those that hold `None` or an empty array are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct

from zoo.digest import Digest
from zoo.platform import Platform
from zoo.zoofile.model import Image, Own, Pooling, Provider, Request, Sampling, Server, Task, Variant

VERSION = 1

PartRole = Literal["clip-l", "clip-g", "t5xxl", "llm", "vae", "taesd"]
PART_ROLES: tuple[PartRole, ...] = get_args(PartRole)

SourceKind = Literal["bundled", "github", "hf", "ipfs", "path", "pypi", "url"]
SOURCE_KINDS: tuple[SourceKind, ...] = get_args(SourceKind)

Size = Annotated[int, Meta(ge=0)]


class Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """A table of zoo.lock: keys are kebab-case, unknown ones are errors."""


class File(Table, frozen=True, kw_only=True):
    """An artifact under the file name that an engine sees it by."""

    path: str
    digest: Digest


class Part(File, frozen=True, kw_only=True):
    """A file that a model that draws needs beside its diffusion model."""

    role: PartRole


class Facts(Table, frozen=True, kw_only=True):
    """What the weights' own header says, read once, when they were locked.

    A model that draws has no context, no caches and no chat template, and its weights may be safetensors.

    Attributes:
        architecture: `general.architecture` of the GGUF header, such as `llama`; where there is none, the
            family of diffusion models that the names of its tensors are those of, such as `flux`.
        quantisation: `general.file_type` by its usual name, such as `Q4_K_M`; else the type of most weights.
        context_length: What the model was trained for, in tokens.
        embedding: Whether it makes embeddings (a BERT-like architecture, or a pooling type is set).
        chat_template: Whether the header brings a chat template.
        mmproj: Whether a projector is locked with it.
        kv_token: Bytes of KV cache a token of context takes, at f16, in layers that see all of it.
        kv_window_token: The same in layers that see a sliding window only.
        window: That window, in tokens; 0 where there is none.
        state: Bytes of recurrent state a slot takes.
        overhead: Bytes the engine takes beside weights and caches (compute buffers, logits) when it
            evaluates 512 tokens of a prompt at a time; for a model that draws, whatever the size.
        pixel: Bytes it takes on top for each pixel of a picture.
        whole: Of a model that draws, whether its file is a whole checkpoint, by the names of its tensors.
        task: What the catalogue, or the header (a pooling type of rank), says it is for; where neither
            does, `embedding` decides.
        sampling: The catalogue's sampling defaults for its family, when it was locked.
    """

    architecture: str
    quantisation: str
    context_length: Size
    embedding: bool
    chat_template: bool
    mmproj: bool
    kv_token: Size
    kv_window_token: Size = 0
    window: Size = 0
    state: Size = 0
    overhead: Size = 0
    pixel: Size | None = None
    whole: bool | None = None
    task: Task | None = None
    sampling: Sampling = Sampling()


class Settings(Table, frozen=True, kw_only=True):
    """How a model is served, every default decided.

    Attributes:
        context_length: Tokens of context, of all slots together.
        parallel: Slots: requests that one engine answers side by side.
        batch: Tokens of a prompt that are evaluated in one step (logical and physical batch).
        gpu_layers: Layers kept on a GPU where there is one; `all`, or how many.
        cache_ram: MiB of host memory for the engine's cache of past prompts; 0 is none.
        pooling: How an embedding model makes one vector of many; the model's own where absent.
        lora_scales: One for each file of the model's `lora`.
        args: More flags for the engine, from the list of known safe ones.
        preload: Whether it is loaded when the proxy starts, as far as memory allows.
        aliases: What else clients may call it.
        image: Defaults of pictures; for a model that draws, which has no context and nothing else of a
            language model.
    """

    task: Task
    main: bool
    context_length: int
    parallel: int
    batch: int
    gpu_layers: int | Literal["all"]
    cache_ram: int
    pooling: Pooling | None = None
    sampling: Sampling = Sampling()
    lora_scales: tuple[float, ...] = ()
    args: tuple[str, ...] = ()
    preload: bool = False
    aliases: tuple[str, ...] = ()
    image: Image | None = None


class Model(Table, frozen=True, kw_only=True):
    """One locked model: what was asked for, what that is, and how it is served."""

    name: str
    request: Request
    facts: Facts
    settings: Settings
    memory: Size
    weights: tuple[File, ...]
    mmproj: tuple[File, ...] = ()
    lora: tuple[File, ...] = ()
    chat_template: tuple[File, ...] = ()
    parts: tuple[Part, ...] = ()

    @property
    def draws(self) -> bool:
        """Whether it is a model that draws."""
        return self.request.kind == "image"

    def files(self) -> Iterator[File]:
        """Yield every file of the model."""
        yield from self.weights
        yield from self.mmproj
        yield from self.lora
        yield from self.chat_template
        yield from self.parts


class Recipe(Table, frozen=True, kw_only=True):
    """How a build is made of source code, by CMake.

    Attributes:
        folder: The folder of the archive to build; empty where it is the archive's own.
        flags: CMake's `-D` flags, without the `-D`.
        targets: What is built.
    """

    folder: str
    flags: tuple[str, ...]
    targets: tuple[str, ...]


class Build(Table, frozen=True, kw_only=True):
    """A toolchain on one platform: an archive to unpack (`digest`), or the files themselves (`files`).

    Attributes:
        variant: What it computes on, such as `cpu`, `cuda-12.8`, `vulkan`, `metal`.
        program: The path, inside the tree, of what is started.
        digest: The archive; where there is a recipe, of source code.
        beside: More archives that are unpacked into the same tree, such as CUDA's libraries.
        files: The files of a build that is no archive.
        recipe: How the program is made of the archive.
        tree: What unpacking must give, as the store names trees: 64 hex digits of BLAKE3. Where there is a
            recipe, of its folder.
    """

    platform: Platform
    variant: str
    program: str
    digest: Digest | None = None
    beside: tuple[Digest, ...] = ()
    files: tuple[File, ...] = ()
    recipe: Recipe | None = None
    tree: str | None = None

    def digests(self) -> Iterator[Digest]:
        """Yield the digest of every artifact that the build is made from."""
        if self.digest is not None:
            yield self.digest
        yield from self.beside
        yield from (file.digest for file in self.files)


class ToolchainRequest(Table, frozen=True, kw_only=True, rename={"source": "from"}):
    """What the zoofile asked of a toolchain."""

    version: str
    source: Provider | Own
    variant: Variant | dict[str, Variant]
    platforms: tuple[Platform, ...] | None = None

    def variants(self, platform: Platform) -> tuple[str, ...]:
        """What is asked for on a platform, the best first; `cpu` where nothing is said of it."""
        asked = self.variant.get(platform, "cpu") if isinstance(self.variant, dict) else self.variant
        return (asked,) if isinstance(asked, str) else asked


class Toolchain(Table, frozen=True, kw_only=True):
    """An engine at a version, with a build for every platform that is locked."""

    name: str
    request: ToolchainRequest
    version: str
    builds: tuple[Build, ...]


class Artifact(Table, frozen=True, kw_only=True):
    """Bytes with one digest: their size, and every source that has them, each kind in its own array."""

    digest: Digest
    size: Size
    bundled: tuple[str, ...] = ()
    github: tuple[str, ...] = ()
    hf: tuple[str, ...] = ()
    ipfs: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    pypi: tuple[str, ...] = ()
    url: tuple[str, ...] = ()

    def sources(self) -> Iterator[tuple[SourceKind, str]]:
        """Yield each source as its kind and URI."""
        for kind in SOURCE_KINDS:
            for uri in getattr(self, kind):
                yield kind, uri


class Lock(Table, frozen=True, kw_only=True):
    """The whole of zoo.lock."""

    version: int
    server: Server
    model: tuple[Model, ...] = ()
    toolchain: tuple[Toolchain, ...] = ()
    artifact: tuple[Artifact, ...] = ()

    def artifacts(self) -> dict[Digest, Artifact]:
        """Every artifact, by its digest."""
        return {artifact.digest: artifact for artifact in self.artifact}
