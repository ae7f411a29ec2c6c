"""Which kind of GGUF file a header is of, so that a projector is not served as a model, nor the reverse."""

from __future__ import annotations

from typing import Literal

from zoo.errors import ZoofileError
from zoo.resolve.gguf import Header

Kind = Literal["model", "mmproj", "lora", "other"]

_SAYS = {
    "model": "a model's weights",
    "mmproj": "a projector (mmproj)",
    "lora": "a LoRA adapter",
    "other": "something else",
}
_WHERE = {
    "model": "name it as the model's own file",
    "mmproj": "name it as `mmproj` of the model it belongs to",
    "lora": "name it in `lora` of the model it belongs to",
    "other": "name another file",
}


def kind(header: Header) -> Kind:
    """Say what a file is for, by `general.type`, `adapter.type` and `general.architecture`."""
    declared = header.text("general.type")
    if declared == "adapter" or header.text("adapter.type") is not None:
        return "lora" if header.text("adapter.type") == "lora" else "other"
    if declared == "mmproj" or header.text("general.architecture") == "clip":
        return "mmproj"
    return "model" if declared in {None, "model"} and header.tensors else "other"


def require(header: Header, wanted: Kind, name: str) -> None:
    """Check that a file is what it was named as.

    Raises:
        ZoofileError: It is not; the hint says where it belongs.
    """
    found = kind(header)
    if found == wanted:
        return
    declared = header.text("adapter.type") or header.text("general.type")
    what = f"{_SAYS[found]} ({declared})" if found == "other" and declared else _SAYS[found]
    if not header.tensors:
        what = "a header without any weights (a vocabulary?)"
    raise ZoofileError(f"{name} is {what}, not {_SAYS[wanted]}", hint=_WHERE[found])


def require_same_architecture(adapter: Header, model: Header, name: str) -> None:
    """Check that an adapter was made for the architecture of its model, as llama.cpp does.

    Raises:
        ZoofileError: It was not.
    """
    of, on = adapter.text("general.architecture"), model.text("general.architecture")
    if of != on:
        raise ZoofileError(
            f"{name} was made for the architecture {of!r}, and the model's is {on!r}",
            hint="name an adapter that was made for this model",
        )


def require_shards(headers: tuple[Header, ...], names: tuple[str, ...]) -> None:
    """Check that files are all the shards of one split model, in order; or one unsplit file.

    Raises:
        ZoofileError: One is missing, too many, or out of place.
    """
    for index, (header, name) in enumerate(zip(headers, names, strict=True)):
        count = header.number("split.count") or 1
        place = header.number("split.no") or 0
        if (place, count) != (index, len(headers)):
            raise ZoofileError(
                f"{name} is shard {place + 1} of {count}, and here it is file {index + 1} of {len(headers)}",
                hint="for a model on Hugging Face, name all its shards with `pattern` instead of `file`",
            )
