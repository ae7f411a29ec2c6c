"""Locked wheels are found in the package index."""

from __future__ import annotations

from contextlib import closing

import pytest
from support.index import Published, Simple, serving

from zoo.errors import NotThere, SourceError
from zoo.sources.http import new_client
from zoo.sources.index import Index, PackageIndex
from zoo.sources.pypi import Pypi
from zoo.zoofile.model import Origin

WHEEL = "xllamacpp-2026.10.11549-cp310-abi3-manylinux_2_17_x86_64.whl"
URI = f"pypi://xllamacpp@2026.10.11549/{WHEEL}"


@pytest.mark.parametrize("auth", [None, ("ann", "s3cret")])
@pytest.mark.parametrize("yanked", [False, True])
def test_a_locked_wheel_is_found_in_the_index(auth: tuple[str, str] | None, *, yanked: bool) -> None:
    wheel = Published(filename=WHEEL, content=b"0123456789", yanked=yanked)
    with serving(Simple({"xllamacpp": [wheel]}, auth=auth)) as simple, closing(new_client()) as client:
        source = Pypi(PackageIndex(Index(f"{simple.url}simple", auth)), lambda: client)
        with source.open(URI, size=10) as download, download.read(0, None) as body:
            content = b"".join(body.chunks)

    assert (body.start, content) == (0, b"0123456789")


def test_a_wheel_that_the_index_lacks_is_named() -> None:
    with serving(Simple({"xllamacpp": []})) as simple, closing(new_client()) as client:
        source = Pypi(PackageIndex(Index(f"{simple.url}simple")), lambda: client)
        with pytest.raises(NotThere, match=WHEEL):
            source.open(URI, size=None)


def test_what_is_no_such_uri_is_refused() -> None:
    with closing(new_client()) as client, pytest.raises(SourceError, match="names no file"):
        Pypi(PackageIndex(Index(None)), lambda: client).open("pypi://xllamacpp", size=None)


def test_no_model_comes_from_an_index() -> None:
    with closing(new_client()) as client, pytest.raises(SourceError, match="no models"):
        Pypi(PackageIndex(Index(None)), lambda: client).find(Origin(hf="a/b"))
