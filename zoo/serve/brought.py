"""A request for pictures as it comes: JSON, or a form with pictures to edit."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.serve import form, sketch
from zoo.serve.answers import Problem
from zoo.serve.dimensions import size
from zoo.serve.sketch import Asked

MOST_IMAGES = 16
"""Pictures that one request may bring to be edited, as OpenAI has it."""


@dataclass(frozen=True, slots=True)
class Brought:
    """What came.

    Attributes:
        images: The pictures to edit; none where one is to be made.
        mask: What of the first one may change.
    """

    asked: Asked
    images: tuple[bytes, ...] = ()
    mask: bytes | None = None

    def size(self) -> tuple[int, int] | None:
        """The size of the first picture to edit; all are looked at.

        Raises:
            Problem: One of them is none, or too large.
        """
        every = [size(image, "image") for image in self.images]
        if self.mask is not None:
            size(self.mask, "mask")
        return every[0] if every else None


def of_json(body: bytes) -> Brought:
    """Read a request to make pictures.

    Raises:
        Problem: It is no JSON, or a field of it cannot be.
    """
    return Brought(sketch.of_json(body))


def of_form(body: bytes, content_type: str) -> Brought:
    """Read a request to edit pictures.

    Raises:
        Problem: It is no form with pictures, or a field of it cannot be.
    """
    fields: dict[str, str] = {}
    files: dict[str, list[bytes]] = {"image": [], "mask": []}
    try:
        for name, data in form.parts(body, content_type):
            if (kind := name.removesuffix("[]")) in files:
                files[kind].append(data)
            elif name in Asked.__struct_fields__:
                fields[name] = _text(name, data)
    except form.Malformed as error:
        raise Problem(400, "invalid_form", f"the form cannot be read: {error}") from error
    return _brought(sketch.of_form(fields), files["image"], files["mask"])


def _text(name: str, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Problem(400, "invalid_form", f"{name} is no UTF-8 text", param=name) from None


def _brought(asked: Asked, images: list[bytes], masks: list[bytes]) -> Brought:
    if not images:
        raise Problem(400, "invalid_form", "a picture to edit must come as the file `image`", param="image")
    if len(images) > MOST_IMAGES:
        raise Problem(400, "invalid_form", f"at most {MOST_IMAGES} pictures may come", param="image")
    if len(masks) > 1:
        raise Problem(400, "invalid_form", "one mask may come", param="mask")
    return Brought(asked, tuple(images), masks[0] if masks else None)
