"""Builds of official releases are pinned for every platform."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import pytest
from support import official
from support.github import File, GitHub, serving

from zoo.digest import Digest
from zoo.errors import EaiError, NotThere, SourceError
from zoo.lock.check import toolchain_faults
from zoo.lock.model import Artifact, Build, Toolchain, ToolchainRequest
from zoo.lock.uri import SOURCE_ARCHIVE, fault
from zoo.platform import PLATFORMS, Platform
from zoo.sources.releases import Releases, configured
from zoo.toolchains import known
from zoo.toolchains.github import GithubProvider
from zoo.toolchains.variants import BOARDS

LLAMA, SD = "llama-cpp", "stable-diffusion-cpp"
ALL = ("cuda", "vulkan", "cpu")


@dataclass
class Shelf:
    """Has the files that the local GitHub has, and says what it was asked for."""

    github: GitHub
    got: list[str] = field(default_factory=list)

    def _content(self, uri: str) -> bytes:
        repository, _, rest = uri.removeprefix("github://").partition("@")
        tag, _, name = rest.partition("/")
        releases = self.github.repos[repository]
        return next(f.content for r in releases if r.tag == tag for f in r.files if f.name == name)

    def get(self, uri: str, name: str, size: int | None) -> tuple[Digest, int]:
        self.got.append(name)
        content = b"source" if name == SOURCE_ARCHIVE else self._content(uri)
        return Digest.of_hex(hashlib.sha256(content).hexdigest()), len(content)

    def read(self, uri: str, name: str) -> bytes:
        return self._content(uri)

    def tree(self, build: Build) -> str:
        return "ab" * 32


@pytest.fixture
def github() -> Iterator[GitHub]:
    with serving() as made:
        made.release(official.LLAMA, "b11540", *official.llama("b11540", b"#!older"))
        made.release(official.LLAMA, "b11549", *official.llama("b11549", b"#!"))
        made.release(official.SD, "master-827-97d2990", *official.sd("97d2990", b"#!"))
        yield made


def _lock(
    github: GitHub,
    *platforms: Platform,
    name: str = LLAMA,
    version: str = "latest",
    variant: str | tuple[str, ...] | dict[str, str | tuple[str, ...]] = "cpu",
    shelf: Shelf | None = None,
) -> tuple[Toolchain, tuple[Artifact, ...]]:
    request = ToolchainRequest(version=version, source="github", variant=variant, platforms=platforms or None)
    provider = GithubProvider(
        lambda: Releases(configured(github.env), sleep=lambda _: None), lambda: shelf or Shelf(github)
    )
    toolchain, artifacts = provider.lock(name, request, platforms or None)
    assert list(toolchain_faults(toolchain)) == []
    assert all(fault(kind, uri) is None for each in artifacts for kind, uri in each.sources())
    assert {digest for build in toolchain.builds for digest in build.digests()} == {
        a.digest for a in artifacts
    }
    return toolchain, artifacts


def _variants(builds: Sequence[Build]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for build in builds:
        found.setdefault(build.platform, []).append(build.variant)
    return found


def test_one_question_pins_every_platform_and_variant(github: GitHub) -> None:
    toolchain, artifacts = _lock(github, variant=ALL)

    assert toolchain.version == "b11549"
    assert _variants(toolchain.builds) == {
        "linux-aarch64": ["cuda-13.4", "vulkan", "cpu"],
        "linux-x86_64": ["cuda-13.4", "vulkan", "cpu"],
        "macos-arm64": ["metal"],
        "macos-x86_64": ["cpu"],
        "windows-arm64": ["cuda-13.4", "vulkan", "cpu"],
        "windows-x86_64": ["cuda-13.4", "vulkan", "cpu"],
    }
    assert len(github.asked) == 1
    assert github.storage.asked == []
    linux = next(build for build in toolchain.builds if build.platform == "linux-x86_64" and build.beside)
    assert linux.program == "llama-server"
    names = {each.digest: each.github[0].rpartition("/")[2] for each in artifacts}
    assert [names[digest] for digest in linux.digests()] == [
        "llama-b11549-bin-ubuntu-cuda-13.4-x64.tar.gz",
        "cudart-llama-b11549-bin-ubuntu-cuda-13.4-x64.tar.gz",
    ]
    assert all(build.tree is None for build in toolchain.builds)


def test_one_version_of_cuda_can_be_asked_for(github: GitHub) -> None:
    toolchain, artifacts = _lock(github, "linux-x86_64", variant=("cuda-12.8", "cpu"))

    assert _variants(toolchain.builds) == {"linux-x86_64": ["cuda-12.8", "cpu"]}
    assert sum("cuda-12.8" in each.github[0] for each in artifacts) == 2
    both, _ = _lock(github, "linux-x86_64", variant=("cuda", "cuda-13.4", "cuda-12.8"))
    assert _variants(both.builds) == {"linux-x86_64": ["cuda-13.4", "cuda-12.8"]}


def test_windows_is_locked_with_programs_of_its_own(github: GitHub) -> None:
    toolchain, artifacts = _lock(github, "windows-x86_64", "windows-arm64", variant=("cuda", "cpu"))

    assert {build.program for build in toolchain.builds} == {"llama-server.exe"}
    assert (
        sum(each.github[0].rpartition("/")[2].startswith("cudart-llama-bin-win-cuda") for each in artifacts)
        == 2
    )


def test_stable_diffusion_is_named_by_its_commit(github: GitHub) -> None:
    toolchain, artifacts = _lock(github, name=SD, variant=("cuda", "rocm", "vulkan", "cpu"))

    assert toolchain.version == "master-827-97d2990"
    assert _variants(toolchain.builds) == {
        "linux-x86_64": ["rocm-7.2.1", "vulkan", "cpu"],
        "macos-arm64": ["metal"],
        "macos-x86_64": ["cpu"],
        "windows-x86_64": ["cuda-12", "vulkan", "cpu"],
    }
    programs = {
        build.variant: build.program for build in toolchain.builds if build.platform == "linux-x86_64"
    }
    assert programs == {"rocm-7.2.1": "bin/sd-server", "vulkan": "sd-server", "cpu": "sd-server"}
    assert any(each.github[0].endswith("/cudart-sd-bin-win-cu12-x64.zip") for each in artifacts)


def test_latest_passes_over_what_has_no_builds_or_not_all_of_them(github: GitHub) -> None:
    half = [file for file in official.llama("b11560", b"#!") if "macos" not in file.name]
    busy = [
        replace(f, state="starter") if "macos-arm64" in f.name else f for f in official.llama("b11555", b"")
    ]
    github.release(official.LLAMA, "b11555", *busy)
    github.release(official.LLAMA, "b11560", *half)
    github.release(official.LLAMA, "v0.6.0", File(name="nightly-tag.txt", content=b"b11549\n"))
    github.release(official.LLAMA, "b11570", *official.llama("b11570", b"#!"), draft=True)
    github.release(official.LLAMA, "gguf-v0.19", File(name="x.whl", content=b"x"))

    assert _lock(github)[0].version == "b11549"
    assert _lock(github, "macos-arm64", "linux-x86_64")[0].version == "b11549"
    assert _lock(github, "linux-x86_64")[0].version == "b11560"


def test_what_upstream_gave_up_does_not_keep_the_other_platforms_back(github: GitHub) -> None:
    github.repos[official.LLAMA] = []
    fewer = [file for file in official.llama("b11600", b"#!") if "macos-x64" not in file.name]
    github.release(official.LLAMA, "b11600", *fewer)

    toolchain, _ = _lock(github)
    assert {build.platform for build in toolchain.builds} == set(PLATFORMS) - {"macos-x86_64"}
    with pytest.raises(NotThere, match="b11600 has no cpu build for macos-x86_64"):
        _lock(github, "macos-x86_64", "linux-x86_64")


def test_a_cuda_build_without_its_libraries_is_not_there_yet(github: GitHub) -> None:
    lacking = [f for f in official.llama("b11550", b"#!") if not f.name.startswith("cudart-llama-b11550")]
    github.release(official.LLAMA, "b11550", *lacking)

    assert _lock(github, "linux-x86_64", variant="cuda")[0].version == "b11549"


@pytest.mark.parametrize(("version", "tag"), [("b11540", "b11540"), ("v0.6.0", "b11540")])
def test_a_version_is_found_by_its_number_or_by_the_name_that_points_to_it(
    github: GitHub, version: str, tag: str
) -> None:
    github.release(official.LLAMA, "v0.6.0", File(name="nightly-tag.txt", content=b"b11540\n"))

    assert _lock(github, "linux-x86_64", version=version)[0].version == tag


def test_a_version_that_points_nowhere_is_told(github: GitHub) -> None:
    github.release(official.LLAMA, "v0.5.0")
    github.release(official.LLAMA, "v0.6.0", File(name="nightly-tag.txt", content=b"../../etc"))
    with pytest.raises(NotThere, match="does not say which builds"):
        _lock(github, version="v0.5.0")
    with pytest.raises(SourceError, match="no tag of a release with builds"):
        _lock(github, version="v0.6.0")
    with pytest.raises(NotThere):
        _lock(github, version="v0.7.0")


@pytest.mark.parametrize("version", ["11549", "b0", "master-827-97d2990", "b1/../x"])
def test_what_is_no_version_is_told_before_anybody_is_asked(github: GitHub, version: str) -> None:
    with pytest.raises(EaiError, match="is no version of llama-cpp"):
        _lock(github, version=version)
    assert github.asked == []


def test_a_release_that_is_known_to_be_broken_is_refused_and_passed_over(github: GitHub) -> None:
    with pytest.raises(EaiError, match="b9165 does not work: its archives hold links to nothing"):
        _lock(github, version="b9165")
    github.release(official.LLAMA, "b9169", *official.llama("b9169", b"#!"))
    assert _lock(github)[0].version == "b11549"


def test_where_no_digest_is_stated_the_files_are_fetched_and_their_tree_is_locked(github: GitHub) -> None:
    github.release(official.LLAMA, "b11600", *official.llama("b11600", b"#!", digest=False))
    shelf = Shelf(github)

    toolchain, artifacts = _lock(github, "linux-x86_64", variant=("cuda", "cpu"), shelf=shelf)

    assert len(shelf.got) == len(artifacts) == 3
    assert [build.tree for build in toolchain.builds] == ["ab" * 32] * 2


@pytest.mark.parametrize(
    ("platforms", "variant", "says", "hint"),
    [
        (
            ("linux-x86_64",),
            "jetson",
            "has a cuda-orin or cuda-orin-nano or .* build for linux-x86_64",
            "cpu",
        ),
        (("linux-x86_64",), "vulcan", "no release of llama-cpp has a variant vulcan", "cuda-xavier, jetson,"),
        (("macos-arm64",), "cuda", "no release of llama-cpp has a cuda build for macos-arm64", "metal"),
        (("linux-x86_64",), "cuda-11.0", "has no cuda-11.0 build for linux-x86_64", "leave that variant"),
    ],
)
def test_what_there_is_none_of_is_told_with_what_there_is(
    github: GitHub, platforms: tuple[Platform, ...], variant: str, says: str, hint: str
) -> None:
    with pytest.raises(EaiError, match=says) as caught:
        _lock(github, *platforms, variant=variant)
    assert hint in str(caught.value.hint)


def test_what_no_release_has_is_built_of_the_source_code_of_the_same_tag(github: GitHub) -> None:
    shelf = Shelf(github)
    toolchain, artifacts = _lock(github, variant=("jetson", "cpu-baseline", "cuda", "cpu"), shelf=shelf)

    assert _variants(toolchain.builds)["linux-aarch64"] == ["cuda-13.4", "cpu", *BOARDS]
    assert _variants(toolchain.builds)["linux-x86_64"] == ["cuda-13.4", "cpu", "cpu-baseline"]
    made = [build for build in toolchain.builds if build.recipe is not None]
    assert {build.variant for build in made} == {*BOARDS, "cpu-baseline"}
    assert {(build.tree, build.program) for build in made} == {("ab" * 32, "llama-server")}
    recipes = {build.variant: build.recipe for build in made if build.recipe is not None}
    assert {recipe.folder for recipe in recipes.values()} == {"llama.cpp-b11549"}
    assert all("LLAMA_BUILD_NUMBER=11549" in recipe.flags for recipe in recipes.values())
    assert "CMAKE_CUDA_ARCHITECTURES=110" in recipes["cuda-thor"].flags
    assert shelf.got == [SOURCE_ARCHIVE]  # once for all of them
    (source,) = (each for each in artifacts if each.digest == made[0].digest)
    assert (source.size, source.github) == (6, (f"github://{official.LLAMA}@b11549/{SOURCE_ARCHIVE}",))


def test_a_build_for_one_board_is_no_member_of_the_family_that_releases_have(github: GitHub) -> None:
    toolchain, _ = _lock(github, "linux-aarch64", variant=("cuda-orin", "cpu"))

    assert _variants(toolchain.builds) == {"linux-aarch64": ["cpu", "cuda-orin"]}


def test_source_code_that_is_not_whole_is_not_built(github: GitHub) -> None:
    with pytest.raises(EaiError, match="it lacks ggml, a submodule") as caught:
        _lock(github, "linux-aarch64", name=SD, variant="jetson")
    assert caught.value.hint == '`from = "source"` builds it on the machine'


def test_an_engine_without_a_build_for_a_platform_is_built_there(github: GitHub) -> None:
    with pytest.raises(EaiError, match="no release of stable-diffusion-cpp has a cpu build") as caught:
        _lock(github, "linux-aarch64", name=SD)
    assert '`from = "source"`' in str(caught.value.hint)


def test_a_toolchain_that_nobody_knows_is_refused(github: GitHub) -> None:
    with pytest.raises(EaiError, match="no toolchain 'whisper'"):
        _lock(github, name="whisper")


def test_names_that_a_release_should_not_have_are_never_locked(github: GitHub) -> None:
    odd = File(name="../llama-b11600-bin-ubuntu-x64.tar.gz", content=b"x")
    github.release(official.LLAMA, "b11600", odd)

    assert _lock(github, "linux-x86_64")[0].version == "b11549"


def test_the_data_knows_every_platform_and_no_file_twice() -> None:
    assets = known.github(LLAMA).assets

    assert {asset.platform for asset in assets} == set(PLATFORMS)
    for name in known.NAMES:
        rows = [(asset.platform, asset.variant) for asset in known.github(name).assets]
        assert len(rows) == len(set(rows))
