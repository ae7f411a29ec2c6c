"""The schema of zoofile.toml, as immutable values; defaults are written here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta, Struct

from zoo.platform import Platform

Task = Literal["chat", "embed", "rerank", "image-generation", "image-edit"]
IMAGE_TASKS: tuple[Task, ...] = ("image-generation", "image-edit")
Pooling = Literal["none", "mean", "cls", "last", "rank"]
Provider = Literal["pypi", "github", "source"]

Sampler = Literal[
    "euler", "euler_a", "heun", "dpm2", "dpm++2s_a", "dpm++2m", "dpm++2mv2", "ipndm", "ipndm_v", "lcm",
    "ddim_trailing", "tcd", "res_multistep", "res_2s", "er_sde",
]  # fmt: skip  # those of the oldest stable-diffusion.cpp that eai builds

Port = Annotated[int, Meta(ge=1, le=65535)]
Positive = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Duration = Annotated[
    str, Meta(pattern=r"^([0-9]{1,9}(ms|s|m|h)|never)$", description="such as 90s, 30m, 2h, never")
]
Remote = Annotated[
    str, Meta(min_length=1, max_length=260, description="such as images.example, 10.0.0.0/8, [::1]:8000")
]
ImageSize = Annotated[
    str, Meta(pattern=r"^[1-9][0-9]{1,3}x[1-9][0-9]{1,3}$", description="such as 1024x1024")
]
Bytes = Annotated[
    str, Meta(pattern=r"^(auto|[0-9]{1,9}(\.[0-9]{1,9})? ?[KMGT]i?B)$", description="such as auto, 12GiB")
]

Size = Annotated[str, Meta(pattern=r"^[0-9]{1,9}(\.[0-9]{1,9})? ?[KMGT]i?B$", description="such as 32MiB")]


class Table(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab", omit_defaults=True
):
    """A table of zoofile.toml: keys are kebab-case, unknown ones are errors."""


class Zoo(Table, frozen=True, kw_only=True):
    """What the project is called, and which platforms its lock must serve."""

    name: str | None = None
    platforms: tuple[Platform, ...] | None = None


class Server(Table, frozen=True, kw_only=True):
    """The proxy: where it listens, and how it makes room."""

    host: str = "127.0.0.1"
    port: Port = 8080
    memory: Bytes = "auto"
    gpu_memory: Bytes = "auto"
    idle_timeout: Duration = "30m"
    drain_timeout: Duration = "60s"
    stop_timeout: Duration = "5s"
    unknown_model: Literal["main", "error"] = "main"
    max_body: Size = "32MiB"
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    remote_images: Literal["public", "none"] | Annotated[tuple[Remote, ...], Meta(max_length=64)] = "public"


class Sampling(Table, frozen=True, kw_only=True):
    """Sampling defaults of a model, which a request overrides."""

    temperature: Annotated[float, Meta(ge=0)] | None = None
    top_k: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    min_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    repeat_penalty: Annotated[float, Meta(ge=0)] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: Annotated[int, Meta(ge=-1, le=2**32 - 2)] | None = None  # llama.cpp has 32 bits; all ones are -1


class Origin(Table, frozen=True, kw_only=True):
    """Where a file comes from: exactly one of `hf`, `url`, `path`, `ipfs` and `bundled`.

    `hf` goes with `file` or `pattern`, and with `revision` (a branch, a tag or a commit).
    """

    hf: str | None = None
    revision: str | None = None
    file: str | None = None
    pattern: str | None = None
    url: str | None = None
    path: str | None = None
    ipfs: str | None = None
    bundled: str | None = None


class Lora(Origin, frozen=True, kw_only=True):
    """A LoRA adapter and the strength it is applied with."""

    scale: float = 1.0


class Parts(Table, frozen=True, kw_only=True):
    """What a model that draws needs beside its diffusion model, each from its own origin."""

    clip_l: Origin | None = None
    clip_g: Origin | None = None
    t5xxl: Origin | None = None
    llm: Origin | None = None
    vae: Origin | None = None
    taesd: Origin | None = None

    def given(self) -> Iterator[tuple[str, Origin]]:
        """Yield each part that there is, by its key, in the order that has no other meaning."""
        for key, field in zip(self.__struct_encode_fields__, self.__struct_fields__, strict=True):
            if (origin := getattr(self, field)) is not None:
                yield key, origin


class Image(Table, frozen=True, kw_only=True):
    """Defaults of a model that draws, which a request overrides; memory is counted for `size`."""

    steps: Annotated[int, Meta(ge=1, le=100)] | None = None
    size: ImageSize | None = None
    cfg_scale: Annotated[float, Meta(ge=0)] | None = None
    guidance: Annotated[float, Meta(ge=0)] | None = None
    sampler: Sampler | None = None
    seed: Annotated[int, Meta(ge=-1, le=2**31 - 1)] | None = None


class Model(Origin, frozen=True, kw_only=True):
    """One model: its origin (none at all: the catalogue's, by name) and its settings.

    One that draws is a diffusion model with `parts`, or a whole checkpoint without any.
    """

    main: bool = False
    preload: bool = False
    aliases: tuple[str, ...] = ()
    mmproj: str | None = None
    chat_template: str | None = None
    lora: tuple[Lora, ...] = ()
    task: Task | None = None
    context_length: Positive | None = None
    parallel: Positive | None = None
    batch: Positive | None = None
    gpu_layers: Annotated[int, Meta(ge=0)] | Literal["all"] | None = None
    pooling: Pooling | None = None
    sampling: Sampling = Sampling()
    parts: Parts = Parts()
    image: Image = Image()
    args: tuple[str, ...] = ()

    @property
    def draws(self) -> bool:
        """Whether it is a model that draws: the zoofile says so, or declares what only such a one has."""
        return self.task in IMAGE_TASKS or self.parts != Parts() or self.image != Image()


class Request(Origin, frozen=True, kw_only=True):
    """What names a model's artifacts: all of its entry that is no setting, as the lock echoes it.

    `catalog` is set, to the model's name, where the entry names no origin of its own; `kind` where its
    files are those of a model that draws.
    """

    catalog: str | None = None
    mmproj: str | None = None
    chat_template: str | None = None
    lora: tuple[Origin, ...] = ()
    parts: Parts = Parts()
    kind: Literal["image"] | None = None


class Own(Table, frozen=True, kw_only=True):
    """What the project's people have themselves; exactly one of both, relative to zoofile.toml.

    `path` is a program that is used as it is, `source` an archive of source code that is built.
    """

    path: str | None = None
    source: str | None = None


Variant = str | tuple[str, ...]


class Toolchain(Table, frozen=True, kw_only=True, rename={"source": "from"}):
    """An engine: its version, who provides the builds, and which of them, in order of preference."""

    version: str = "latest"
    source: Provider | Own = "pypi"
    variant: Variant | dict[str, Variant] = "cpu"


class Zoofile(Table, frozen=True, kw_only=True):
    """The whole of zoofile.toml."""

    zoo: Zoo = Zoo()
    server: Server = Server()
    toolchain: dict[str, Toolchain] = {}
    models: dict[str, Model] = {}
