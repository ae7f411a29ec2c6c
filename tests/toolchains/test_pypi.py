"""Wheels of the engine are pinned from a package index."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from support.github import no_shelf
from support.index import Published, Simple, serving

from zoo.errors import EaiError, NotThere, Offline, SourceError
from zoo.lock.model import Artifact, Toolchain, ToolchainRequest
from zoo.platform import Platform
from zoo.sources.index import Index, PackageIndex
from zoo.toolchains import known
from zoo.toolchains.pypi import PypiProvider
from zoo.toolchains.registry import providers

LINUX: Platform = "linux-x86_64"
MAC: Platform = "macos-arm64"
TAGS: dict[Platform, str] = {
    "linux-aarch64": "manylinux2014_aarch64.manylinux_2_17_aarch64",
    LINUX: "manylinux2014_x86_64.manylinux_2_17_x86_64",
    MAC: "macosx_13_0_arm64",
    "macos-x86_64": "macosx_13_0_x86_64",
    "windows-x86_64": "win_amd64",
}


def _wheel(version: str, platform: Platform = LINUX, python: str = "cp310-abi3", **more: bool) -> Published:
    name = f"xllamacpp-{version}-{python}-{TAGS[platform]}.whl"
    return Published(filename=name, content=name.encode(), **more)


def _release(version: str) -> list[Published]:
    free_threaded = [_wheel(version, platform, "cp314-cp314t") for platform in TAGS]
    source = Published(filename=f"xllamacpp-{version}.tar.gz")
    return [*free_threaded, *(_wheel(version, platform) for platform in TAGS), source]


def _lock(
    published: Sequence[Published],
    version: str = "latest",
    platforms: Sequence[Platform] | None = (LINUX,),
    variant: str | dict[str, str] = "cpu",
) -> tuple[Toolchain, tuple[Artifact, ...]]:
    request = ToolchainRequest(version=version, source="pypi", variant=variant)
    with serving(Simple({"xllamacpp": list(published)})) as simple:
        provider = PypiProvider(lambda: PackageIndex(Index(f"{simple.url}simple")))
        return provider.lock("llama-cpp", request, platforms)


def test_the_newest_release_is_pinned_for_every_platform_that_it_has() -> None:
    toolchain, artifacts = _lock([*_release("2026.9.11063"), *_release("2026.10.11549")], platforms=None)

    assert toolchain.version == "b11549"
    assert [build.platform for build in toolchain.builds] == sorted(TAGS)
    assert [build.digest for build in toolchain.builds] == [artifact.digest for artifact in artifacts]
    assert {build.program for build in toolchain.builds} == {"xllamacpp"}
    assert artifacts[1].pypi == (f"pypi://xllamacpp@2026.10.11549/{_wheel('2026.10.11549').filename}",)
    assert artifacts[1].size == len(_wheel("2026.10.11549").content)


def test_the_wheel_for_the_stable_abi_is_taken_and_not_the_free_threaded_one() -> None:
    _, (artifact,) = _lock(_release("2026.10.11549"))

    assert "-cp310-abi3-" in artifact.pypi[0]


def test_a_build_is_taken_by_its_number() -> None:
    toolchain, _ = _lock([*_release("2026.9.11063"), *_release("2026.10.11549")], "b11063")

    assert toolchain.version == "b11063"


def test_the_last_packaging_of_a_build_is_taken() -> None:
    _, (artifact,) = _lock([_wheel("2026.10.11549.1"), _wheel("2026.10.11549")], "b11549")

    assert "@2026.10.11549.1/" in artifact.pypi[0]


def test_a_yanked_release_is_passed_over() -> None:
    toolchain, _ = _lock([_wheel("2026.10.11549", yanked=True), _wheel("2026.9.11063")])

    assert toolchain.version == "b11063"


def test_a_release_that_is_still_being_uploaded_is_passed_over() -> None:
    toolchain, _ = _lock([_wheel("2026.10.11549"), *_release("2026.9.11063")], platforms=(LINUX, MAC))

    assert toolchain.version == "b11063"


def test_a_platform_without_a_wheel_is_named_with_those_that_have_one() -> None:
    with pytest.raises(EaiError, match="has no wheel for macos-arm64, windows-arm64") as caught:
        _lock([_wheel("2026.10.11549")], platforms=(LINUX, MAC, "windows-arm64"))

    assert "linux-x86_64" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("version", "error", "says"),
    [
        ("b12000", NotThere, "no xllamacpp wheel for llama.cpp b12000"),
        ("b9000", EaiError, "from b9538 on"),
        ("11549", EaiError, "'11549' is no version"),
        ("b0", EaiError, "'b0' is no version"),
    ],
)
def test_a_version_that_cannot_be_is_told(version: str, error: type[EaiError], says: str) -> None:
    with pytest.raises(error, match=says):
        _lock(_release("2026.10.11549"), version)


def test_odd_files_are_no_releases() -> None:
    odd = [
        Published(filename="xllamacpp-1.0-cp310-abi3-manylinux_2_17_x86_64.whl"),
        Published(filename="xllamacpp-2026.10.11549rc1-cp310-abi3-manylinux_2_17_x86_64.whl"),
        Published(filename="xllamacpp-2026.10.11549-cp310-abi3-musllinux_1_2_x86_64.whl"),
        Published(filename="xllamacpp-2026.10.11549-what.whl"),
    ]
    with pytest.raises(NotThere):
        _lock(odd)


def test_a_wheel_without_a_stated_hash_is_refused() -> None:
    with pytest.raises(SourceError, match="does not say the sha256"):
        _lock([_wheel("2026.10.11549", states_hash=False)])


def test_a_size_that_the_index_withholds_is_found_out() -> None:
    _, (artifact,) = _lock([_wheel("2026.10.11549", states_size=False)])

    assert artifact.size == len(_wheel("2026.10.11549").content)


def test_a_build_computes_on_what_its_wheel_was_made_for() -> None:
    toolchain, _ = _lock(_release("2026.10.11549"), platforms=None)

    assert {build.platform: build.variant for build in toolchain.builds}[MAC] == "metal"
    with pytest.raises(EaiError, match=r"no vulkan build of llama\.cpp for linux-x86_64"):
        _lock(_release("2026.10.11549"), variant={"linux-x86_64": "vulkan"})


def test_a_toolchain_that_nobody_knows_is_refused() -> None:
    provider = providers(base=Path(), env={}, offline=True, shelf=no_shelf)["pypi"]
    with pytest.raises(EaiError, match="no toolchain 'llama-cp'"):
        provider.lock("llama-cp", ToolchainRequest(version="latest", source="pypi", variant="cpu"), None)


def test_locking_offline_is_refused() -> None:
    provider = providers(base=Path(), env={}, offline=True, shelf=no_shelf)["pypi"]
    with pytest.raises(Offline):
        provider.lock("llama-cpp", ToolchainRequest(version="latest", source="pypi", variant="cpu"), None)


def test_the_data_states_a_wheel_and_needs_that_can_be_met_for_each_platform() -> None:
    data = known.llama_cpp()

    assert sorted(data.pypi.wheels) == sorted(TAGS)
    for platform, wheel in data.pypi.wheels.items():
        assert wheel.tag in TAGS[platform]
        assert set(wheel.needs.libraries) <= set(data.libraries)
    assert data.pypi.wheels[LINUX].needs.cpu == ("avx2", "bmi2", "f16c", "fma")


def test_an_engine_without_wheels_names_what_there_is() -> None:
    request = ToolchainRequest(version="latest", source="pypi", variant="cpu")

    with pytest.raises(EaiError, match="no build of stable-diffusion-cpp") as caught:
        PypiProvider(lambda: pytest.fail("it was asked")).lock("stable-diffusion-cpp", request, None)

    assert 'from = "source"' in str(caught.value.hint)
