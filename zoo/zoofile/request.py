"""What an entry of the zoofile asks for, in the one form in which the lock echoes it."""

from __future__ import annotations

from posixpath import normpath

from zoo.zoofile.check import ORIGINS
from zoo.zoofile.model import Model, Origin, Parts, Request, Zoofile

DEFAULT_REVISION = "main"


def request_of(name: str, model: Model) -> Request:
    """Say what names a model's artifacts: its origin, else the catalogue's entry of its name.

    Defaults are written out and paths normalised, so that two ways to say one thing are equal.
    """
    named = any(getattr(model, kind) is not None for kind in ORIGINS)
    mmproj = model.mmproj
    return Request(
        **_origin(model),
        catalog=None if named else name,
        mmproj=normpath(mmproj) if mmproj is not None and model.path is not None else mmproj,
        chat_template=None if model.chat_template is None else normpath(model.chat_template),
        lora=tuple(Origin(**_origin(lora)) for lora in model.lora),
        parts=_parts(model.parts),
        kind="image" if model.draws else None,
    )


def mmproj_origin(request: Request) -> Origin | None:
    """Say where a model's projector comes from: from where the model comes, under its own name.

    For `hf` that is another file of the repository; for `url`, `path`, `ipfs` and `bundled` another
    URL, path, CID or name. None where there is no projector.
    """
    if request.mmproj is None:
        return None
    if request.hf is not None:
        return Origin(hf=request.hf, revision=request.revision, file=request.mmproj)
    kind = next(kind for kind in ORIGINS if getattr(request, kind) is not None)
    return Origin(**{kind: request.mmproj})


def main_model(zoofile: Zoofile) -> str | None:
    """Name the main model: the one with `main = true`, else the first; None where there are no models."""
    declared = (name for name, model in zoofile.models.items() if model.main)
    return next(declared, next(iter(zoofile.models), None))


def _parts(parts: Parts) -> Parts:
    return Parts(**{key.replace("-", "_"): Origin(**_origin(origin)) for key, origin in parts.given()})


def _origin(origin: Origin) -> dict[str, str | None]:
    values: dict[str, str | None] = {key: getattr(origin, key) for key in Origin.__struct_fields__}
    if origin.hf is not None and origin.revision is None:
        values["revision"] = DEFAULT_REVISION
    if origin.path is not None:
        values["path"] = normpath(origin.path)
    return values
