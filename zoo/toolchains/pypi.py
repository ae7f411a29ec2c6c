"""The provider `pypi`: one release of a project, pinned by the digest of its wheel for each platform."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence

from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from zoo.digest import Digest
from zoo.errors import EaiError, NotThere, SourceError
from zoo.lock.model import Artifact, Build, Toolchain, ToolchainRequest
from zoo.platform import Platform
from zoo.sources import pypi
from zoo.sources.index import IndexFile, PackageIndex
from zoo.toolchains import known

LATEST = "latest"
_BUILD = re.compile(r"b(?P<build>[1-9][0-9]{0,8})")

Release = dict[Platform, IndexFile]


class PypiProvider:
    """Finds the builds of llama.cpp in a package index; see `zoo.toolchains.base.Provider`.

    Args:
        index: Gives the index, when it is to be asked.
        data: What is known of the project.
    """

    def __init__(self, index: Callable[[], PackageIndex], data: known.Pypi | None = None) -> None:
        self._index, self._data = functools.cache(index), data or known.llama_cpp().pypi

    def lock(
        self, name: str, request: ToolchainRequest, platforms: Sequence[Platform] | None
    ) -> tuple[Toolchain, tuple[Artifact, ...]]:
        """Pin one release for all platforms; see `Provider.lock`."""
        known.require(name)
        if name != known.LLAMA_CPP:
            raise EaiError(
                f"a package index has no build of {name}, only its source code",
                hint=f'write `from = "source"` in [toolchain.{name}]',
            )
        version, release = self._choose(request.version, platforms)
        lacking = [platform for platform in platforms or () if platform not in release]
        if lacking:
            raise EaiError(
                f"{self._data.project} {version} has no wheel for {', '.join(lacking)}",
                hint=f"it has one for {', '.join(sorted(release))}: name those in `zoo.platforms`",
            )
        wanted = sorted(set(platforms or release))
        builds = tuple(self._build(platform, release[platform], request) for platform in wanted)
        locked = Toolchain(name=name, request=request, version=f"b{self._number(version)}", builds=builds)
        return locked, tuple(self._artifact(version, release[platform]) for platform in wanted)

    def _choose(self, asked: str, platforms: Sequence[Platform] | None) -> tuple[Version, Release]:
        """The newest release that is what was asked for, complete if any of those is."""
        releases = self._releases()
        if asked != LATEST:
            number = self._parse(asked)
            releases = {
                version: release for version, release in releases.items() if self._number(version) == number
            }
        if not releases:
            raise NotThere(
                f"the package index has no {self._data.project} wheel for llama.cpp {asked}",
                hint='`version = "latest"` takes the newest that it has',
            )
        newest = sorted(releases, reverse=True)
        needed = set(platforms or self._data.wheels)
        # While a release is being uploaded, some of its wheels are not there yet.
        chosen = next((version for version in newest if needed <= releases[version].keys()), newest[0])
        return chosen, releases[chosen]

    def _releases(self) -> dict[Version, Release]:
        """Every release that can be run, with its wheel for each platform."""
        tags = {f"{self._data.python}-{wheel.tag}": platform for platform, wheel in self._data.wheels.items()}
        releases: dict[Version, Release] = {}
        for file in self._index().files(self._data.project):
            if file.yanked or not file.filename.endswith(".whl"):
                continue
            try:
                _, version, _, found = parse_wheel_filename(file.filename)
            except (InvalidWheelFilename, InvalidVersion):
                continue
            number = self._number(version)
            if number is None or number < self._data.oldest or version.is_prerelease:
                continue
            for tag in found:
                if (platform := tags.get(str(tag))) is not None:
                    releases.setdefault(version, {})[platform] = file
        return releases

    def _number(self, version: Version) -> int | None:
        match = re.fullmatch(self._data.version, str(version))
        return int(match["build"]) if match else None

    def _parse(self, asked: str) -> int:
        match = _BUILD.fullmatch(asked)
        if match is None:
            raise EaiError(
                f"{asked!r} is no version of llama.cpp",
                hint='write `version = "latest"`, or a build such as "b11549"',
            )
        if int(match["build"]) < self._data.oldest:
            raise EaiError(
                f"eai runs wheels of llama.cpp from b{self._data.oldest} on, and {asked} is older",
                hint='write `version = "latest"`, or a newer build',
            )
        return int(match["build"])

    def _build(self, platform: Platform, file: IndexFile, request: ToolchainRequest) -> Build:
        has = self._data.wheels[platform].variant
        asked = request.variants(platform)
        if not {has, "cpu"} & set(asked):
            raise EaiError(
                f"there is no {' or '.join(asked)} build of llama.cpp for {platform} in the package index,"
                f" only {has}",
                hint=f'write `variant = "{has}"`, or adopt a llama-server: `from = {{ path = "…" }}`',
            )
        return Build(platform=platform, variant=has, program=self._data.program, digest=_digest(file))

    def _artifact(self, version: Version, file: IndexFile) -> Artifact:
        uri = pypi.uri(self._data.project, str(version), file.filename)
        return Artifact(digest=_digest(file), size=self._index().size(file), pypi=(uri,))


def _digest(file: IndexFile) -> Digest:
    if file.sha256 is None:
        raise SourceError(
            f"the package index does not say the sha256 of {file.filename}",
            hint="use an index that follows PEP 503 or PEP 691 with hashes",
        )
    return Digest.of_hex(file.sha256)
