"""Source archives are pinned, with a recipe for each platform."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest
from support import tiny_project
from support.github import no_shelf
from support.index import Published, Simple, serving

from zoo.errors import EaiError, NotThere, Offline, SourceError
from zoo.lock.model import Artifact, Lock, Toolchain, ToolchainRequest
from zoo.lock.toml import dumps, loads
from zoo.platform import Platform
from zoo.sources.index import Index, PackageIndex
from zoo.toolchains import known
from zoo.toolchains.registry import providers
from zoo.toolchains.source import SourceProvider
from zoo.toolchains.variants import BOARDS
from zoo.zoofile.model import Own, Provider, Server, Variant

LINUX: Platform = "linux-x86_64"
ARM: Platform = "linux-aarch64"
MAC: Platform = "macos-arm64"
LLAMA, DIFFUSION = known.LLAMA_CPP, known.STABLE_DIFFUSION_CPP


def _sdist(version: str, project: str = "xllamacpp", **more: bool) -> Published:
    name = f"{project}-{version}.tar.gz"
    return Published(filename=name, content=name.encode(), **more)


DIFFUSIONS = [_sdist("0.4.7", "stable_diffusion_cpp_python"), _sdist("0.5.0", "stable_diffusion_cpp_python")]
LLAMAS = [
    _sdist("2026.10.11549"),
    _sdist("2026.11.11800"),
    _sdist("2026.4.9000"),
    _sdist("2027.1.13000", yanked=True),
    _sdist("2027.1.13000rc1"),
    Published(filename="xllamacpp-2027.1.14000-cp310-abi3-manylinux_2_17_x86_64.whl"),
    Published(filename="xllamacpp-2027.1.14000.zip"),
    Published(filename="other-2027.1.15000.tar.gz"),
]


def _lock(
    *,
    name: str = LLAMA,
    version: str = "latest",
    source: Provider | Own = "source",
    platforms: Sequence[Platform] | None = (LINUX,),
    variant: Variant | dict[str, Variant] = "cpu",
    base: Path = Path("nowhere"),
    published: Sequence[Published] = LLAMAS,
) -> tuple[Toolchain, tuple[Artifact, ...]]:
    request = ToolchainRequest(version=version, source=source, variant=variant)
    files = {"xllamacpp": list(published), "stable-diffusion-cpp-python": DIFFUSIONS}
    with serving(Simple(files)) as simple:
        provider = SourceProvider(lambda: PackageIndex(Index(f"{simple.url}simple")), base)
        return provider.lock(name, request, platforms)


def test_the_newest_source_archive_is_pinned_with_a_recipe_for_each_platform() -> None:
    toolchain, (artifact,) = _lock(platforms=None)

    assert toolchain.version == "b11800"
    assert artifact.pypi == ("pypi://xllamacpp@2026.11.11800/xllamacpp-2026.11.11800.tar.gz",)
    assert artifact.size == len(b"xllamacpp-2026.11.11800.tar.gz")
    assert [build.platform for build in toolchain.builds] == [ARM, LINUX, MAC, "macos-x86_64"]
    assert {build.digest for build in toolchain.builds} == {artifact.digest}
    recipe = toolchain.builds[1].recipe
    assert recipe is not None
    assert recipe.folder == "xllamacpp-2026.11.11800/thirdparty/llama.cpp"
    assert recipe.targets == ("llama-server", "llama-gguf-split", "llama-quantize")
    assert {"LLAMA_BUILD_NUMBER=11800", "GGML_NATIVE=OFF", "GGML_AVX2=ON"} <= set(recipe.flags)
    assert {build.program for build in toolchain.builds} == {"llama-server"}


def test_a_version_that_is_named_is_the_one_that_is_taken() -> None:
    assert _lock(version="b11549")[0].version == "b11549"
    assert _lock(name=DIFFUSION, version="0.4.7")[0].version == "0.4.7"


def test_stable_diffusion_has_recipes_too() -> None:
    toolchain, (artifact,) = _lock(name=DIFFUSION)

    assert toolchain.version == "0.5.0"
    assert artifact.pypi == (
        "pypi://stable-diffusion-cpp-python@0.5.0/stable_diffusion_cpp_python-0.5.0.tar.gz",
    )
    recipe = toolchain.builds[0].recipe
    assert recipe is not None
    assert recipe.folder == "stable_diffusion_cpp_python-0.5.0/vendor/stable-diffusion.cpp"
    assert recipe.targets == (toolchain.builds[0].program,) == ("sd-server",)


@pytest.mark.parametrize("version", ["b9000", "b13000", "b99999", "11549", "master"])
def test_a_version_that_there_is_no_archive_of_is_refused(version: str) -> None:
    with pytest.raises(NotThere, match=version) as caught:
        _lock(version=version)

    assert caught.value.hint is not None


def test_a_file_without_a_digest_cannot_be_pinned() -> None:
    with pytest.raises(SourceError, match="does not say the sha256"):
        _lock(published=[_sdist("2026.10.11549", states_hash=False)])


def test_variants_are_pinned_in_their_order_where_a_platform_has_them() -> None:
    toolchain, _ = _lock(platforms=(LINUX, MAC), variant=("cuda", "vulkan", "cpu"))

    assert [(build.platform, build.variant) for build in toolchain.builds] == [
        (LINUX, "cuda"),
        (LINUX, "vulkan"),
        (LINUX, "cpu"),
        (MAC, "metal"),  # what `cpu` means there
    ]


def test_boards_have_recipes_of_their_own() -> None:
    flags = {}
    for variant in BOARDS:
        (build,) = _lock(platforms=(ARM,), variant={ARM: variant})[0].builds
        assert build.recipe is not None
        flags[variant] = set(build.recipe.flags)

    assert flags["cuda-orin-nano"] - flags["cuda-orin"] == {"GGML_CUDA_NO_VMM=ON"}
    assert "CMAKE_CUDA_ARCHITECTURES=87" in flags["cuda-orin"]
    assert "CMAKE_CUDA_ARCHITECTURES=72" in flags["cuda-xavier"]
    assert "CMAKE_CUDA_ARCHITECTURES=110" in flags["cuda-thor"]


def test_jetson_is_all_boards_and_leaves_out_the_platforms_that_have_none() -> None:
    toolchain, _ = _lock(platforms=None, variant="jetson")

    assert [(build.platform, build.variant) for build in toolchain.builds] == [
        (ARM, board) for board in BOARDS
    ]
    both, _ = _lock(platforms=(ARM,), variant=("cuda-orin", "jetson", "cpu"))
    assert [build.variant for build in both.builds] == [*BOARDS, "cpu"]


def test_a_variant_that_nobody_has_and_a_platform_that_is_not_built_for_are_refused() -> None:
    for variant in ("cdua", ("cdua", "cpu"), "metal", "cuda-orin"):
        with pytest.raises(EaiError, match="no recipe for a build of llama-cpp for linux-x86_64"):
            _lock(variant=variant)
    with pytest.raises(EaiError, match="cannot be built from source for windows-x86_64"):
        _lock(platforms=("windows-x86_64",))
    with pytest.raises(EaiError, match="eai knows no toolchain 'vllm'"):
        _lock(name="vllm")


def test_every_recipe_passes_the_locks_own_checks() -> None:
    for name in (LLAMA, DIFFUSION):
        data = known.source(name)
        variants: dict[str, Variant] = {
            platform: tuple(
                sorted(variant for variant, kind in data.variants.items() if platform in kind.platforms)
            )
            for platform in data.platforms
        }
        toolchain, artifacts = _lock(name=name, platforms=None, variant=variants)
        lock = Lock(version=1, server=Server(), toolchain=(toolchain,), artifact=artifacts)

        assert loads(dumps(lock)) == lock
        tomllib.loads(dumps(lock))


def test_an_archive_of_the_projects_own_is_pinned_by_its_digest(tmp_path: Path) -> None:
    marked = {"CMakeLists.txt": "", "tools/server/server.cpp": "", "x/tools/server/server.cpp": ""}
    tiny_project.archive(tmp_path / "my.tar.gz", marked, folder="llama.cpp-b12000")

    toolchain, (artifact,) = _lock(source=Own(source="my.tar.gz"), version="b12000", base=tmp_path)

    assert toolchain.version == "b12000"
    assert artifact.path == ("path:my.tar.gz",)
    assert artifact.size == (tmp_path / "my.tar.gz").stat().st_size
    recipe = toolchain.builds[0].recipe
    assert recipe is not None
    assert recipe.folder == "llama.cpp-b12000"
    assert "LLAMA_BUILD_NUMBER=12000" in recipe.flags
    assert _lock(source=Own(source="my.tar.gz"), base=tmp_path)[0].version == "unknown"


def test_an_archive_of_something_else_or_none_is_told(tmp_path: Path) -> None:
    tiny_project.archive(tmp_path / "tiny.tar.gz")

    with pytest.raises(EaiError, match="holds no source code of llama-server"):
        _lock(source=Own(source="tiny.tar.gz"), base=tmp_path)
    with pytest.raises(NotThere, match="no archive none"):
        _lock(source=Own(source="none.tar.gz"), base=tmp_path)


def test_without_a_connection_the_index_is_not_asked(tmp_path: Path) -> None:
    made = providers(base=tmp_path, env={}, offline=True, shelf=no_shelf)

    with pytest.raises(Offline):
        made["source"].lock(LLAMA, ToolchainRequest(version="latest", source="source", variant="cpu"), None)


def test_a_build_needs_what_its_flags_switch_on() -> None:
    data = known.source(LLAMA)

    assert "avx2" in data.needs(LINUX, "cpu").cpu
    assert data.needs(LINUX, "cpu-baseline").cpu == ("sse4_2",)
    assert data.needs(ARM, "cpu").cpu == ()
    assert data.needs(MAC, "metal").macos == "13.3"
