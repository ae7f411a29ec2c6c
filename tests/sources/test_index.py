"""Pages of a package index."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.index import HTML, JSON, Published, Simple, serving

from zoo.errors import AccessDenied, Interrupted, NotThere, SourceError
from zoo.sources.index import Index, PackageIndex, configured

WHEEL = "xllamacpp-2026.10.11549-cp310-abi3-manylinux_2_17_x86_64.whl"
NO_FILES = {"PIP_CONFIG_FILE": "/dev/null"}


def _index(simple: Simple, auth: tuple[str, str] | None = None) -> PackageIndex:
    return PackageIndex(Index(f"{simple.url}simple/", auth))


@pytest.mark.parametrize("speaks", [JSON, HTML])
def test_links_may_be_relative(speaks: str) -> None:
    published = Published(filename=WHEEL)
    with serving(Simple({"xllamacpp": [published]}, speaks=speaks)) as simple:
        (file,) = _index(simple).files("xllamacpp")

    assert file.url == f"{simple.url}files/{WHEEL}"
    assert file.sha256 == published.sha256
    assert file.version == "2026.10.11549"
    assert not file.yanked


@pytest.mark.parametrize("speaks", [JSON, HTML])
def test_a_yanked_file_is_known_to_be(speaks: str) -> None:
    yanked = Published(filename=WHEEL, yanked=True)
    with serving(Simple({"xllamacpp": [yanked]}, speaks=speaks)) as simple:
        (file,) = _index(simple).files("xllamacpp")

    assert file.yanked


@pytest.mark.parametrize(("heads", "methods"), [(True, ["HEAD"]), (False, ["HEAD", "GET"])])
def test_a_size_that_the_index_withholds_is_asked_of_the_file(*, heads: bool, methods: list[str]) -> None:
    withheld = Published(filename=WHEEL, content=b"12345", states_size=False)
    with serving(Simple({"xllamacpp": [withheld]}, heads=heads)) as simple:
        index = _index(simple)

        assert index.size(index.files("xllamacpp")[0]) == 5

    assert [method for method, path, _ in simple.asked if path.startswith("/files")] == methods


def test_a_size_that_the_index_states_is_not_asked_for() -> None:
    with serving(Simple({"xllamacpp": [Published(filename=WHEEL)]})) as simple:
        index = _index(simple)

        assert index.size(index.files("xllamacpp")[0]) == len(b"a wheel")

    assert len(simple.asked) == 1


def test_a_page_is_read_once() -> None:
    with serving(Simple({"xllamacpp": []})) as simple:
        index = _index(simple)

        assert index.files("xllamacpp") == index.files("xllamacpp") == ()

    assert len(simple.asked) == 1


def test_a_password_goes_to_the_index_and_not_to_the_host_of_its_files() -> None:
    withheld = Published(filename=WHEEL, states_size=False)
    with serving(Simple({"xllamacpp": [withheld]})) as elsewhere:
        private = Simple({"xllamacpp": [withheld]}, auth=("ann", "s3cret"), files_on=elsewhere.url)
        with serving(private) as simple:
            index = _index(simple, ("ann", "s3cret"))
            (file,) = index.files("xllamacpp")

            assert index.size(file) == len(b"a wheel")
            assert index.headers(file.url) == {}
            assert index.headers(f"{simple.url}files/x") != {}

    assert [signed for _, _, signed in simple.asked] == [True]
    assert [signed for _, _, signed in elsewhere.asked] == [False]


@pytest.mark.parametrize(
    ("status", "error"), [(401, AccessDenied), (403, AccessDenied), (404, NotThere), (500, Interrupted)]
)
def test_a_refusal_is_told_without_the_password(status: int, error: type[SourceError]) -> None:
    with serving(Simple({}, status=status)) as simple, pytest.raises(error) as caught:
        _index(simple, ("ann", "s3cret")).files("xllamacpp")

    assert "s3cret" not in f"{caught.value}{caught.value.hint}"
    assert "xllamacpp" in str(caught.value)


def test_a_page_of_another_kind_is_no_index() -> None:
    with (
        serving(Simple({"xllamacpp": []}, speaks="image/png")) as simple,
        pytest.raises(SourceError, match="no page of the Simple API"),
    ):
        _index(simple).files("xllamacpp")


def test_an_index_that_is_not_there_is_told() -> None:
    with serving(Simple({})) as simple:
        gone = simple.url
    with pytest.raises(Interrupted, match="cannot be asked about xllamacpp"):
        PackageIndex(Index(gone)).files("xllamacpp")


@pytest.mark.parametrize(
    ("env", "url", "auth"),
    [
        ({}, None, None),
        ({"PIP_INDEX_URL": "https://a.example/simple"}, "https://a.example/simple", None),
        ({"UV_INDEX_URL": "https://b.example/simple"}, "https://b.example/simple", None),
        ({"UV_DEFAULT_INDEX": "mine=https://c.example/simple"}, "https://c.example/simple", None),
        (
            {"PIP_INDEX_URL": "https://ann:p%40ss@a.example:8443/simple"},
            "https://a.example:8443/simple",
            ("ann", "p@ss"),
        ),
    ],
)
def test_the_index_is_the_users_own(
    env: dict[str, str], url: str | None, auth: tuple[str, str] | None
) -> None:
    index = configured({**NO_FILES, **env})

    assert (index.url, index.auth) == (url, auth)


def test_pips_files_are_read_after_the_variables(tmp_path: Path) -> None:
    config = tmp_path / "pip.conf"
    config.write_text("[global]\nindex-url = https://file.example/simple\ncert = /certs.pem\n")
    env = {"PIP_CONFIG_FILE": str(config)}

    assert configured(env) == Index("https://file.example/simple", None, "/certs.pem")
    assert configured({**env, "PIP_INDEX_URL": "https://a.example/x"}).url == "https://a.example/x"


def test_an_odd_index_is_told_without_its_address() -> None:
    with pytest.raises(SourceError, match="no web address") as caught:
        configured({**NO_FILES, "PIP_INDEX_URL": "ftp://ann:s3cret@a.example"})

    assert "s3cret" not in str(caught.value)


def test_a_password_is_not_in_what_an_index_looks_like() -> None:
    assert "s3cret" not in repr(Index("https://a.example", ("ann", "s3cret")))
