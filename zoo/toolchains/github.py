"""The provider `github`: one official release, pinned by the digests of its builds for each platform.

What no release has, such as code for a Jetson's GPU, is pinned as the source code of the same tag.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec.structs import replace

from zoo.digest import Digest
from zoo.errors import EaiError, NotThere, SourceError
from zoo.lock.model import Artifact, Build, Toolchain, ToolchainRequest
from zoo.lock.uri import SOURCE_ARCHIVE
from zoo.platform import Platform
from zoo.sources import github
from zoo.sources.releases import Release, Releases
from zoo.toolchains import known, official
from zoo.toolchains.source import recipe

LATEST = "latest"


class Shelf(Protocol):
    """Has files whose digest nobody states, and unpacks them."""

    def get(self, uri: str, name: str, size: int | None) -> tuple[Digest, int]:
        """Fetch a file of a release, and say its digest and size.

        Raises:
            EaiError: It can't be had.
        """
        ...

    def read(self, uri: str, name: str) -> bytes:
        """Fetch a small file.

        Raises:
            EaiError: It can't be had, or is not small.
        """
        ...

    def tree(self, build: Build) -> str:
        """Unpack a build, or its source code, that was fetched, and say the digest of what came out.

        Raises:
            EaiError: It can't be unpacked.
        """
        ...


class GithubProvider:
    """Finds the official builds of an engine; see `zoo.toolchains.base.Provider`.

    Args:
        releases: Gives the API, when it is to be asked.
        shelf: Gives what fetches files to learn their digests.
        data: Says which files of a release are what.
        source: Says how a toolchain is built.
    """

    def __init__(
        self,
        releases: Callable[[], Releases],
        shelf: Callable[[], Shelf],
        data: Callable[[str], known.Github] = known.github,
        source: Callable[[str], known.Source] = known.source,
    ) -> None:
        self._releases, self._shelf = functools.cache(releases), shelf
        self._data, self._source = data, source

    def lock(
        self, name: str, request: ToolchainRequest, platforms: Sequence[Platform] | None
    ) -> tuple[Toolchain, tuple[Artifact, ...]]:
        """Pin one release for all platforms and variants; see `Provider.lock`."""
        data, source = self._data(name), self._source(name)
        wanted = official.wanted_builds(name, data, source, request, platforms)
        release = self._release(name, data, request.version, wanted, must=platforms is not None)
        artifacts: dict[Digest, Artifact] = {}
        builds = [
            self._build(data, release, pick, artifacts)
            for each in wanted
            if (pick := official.picked(data, release, each)) is not None
        ]
        made = tuple(each for each in wanted if each.asset is None)
        builds += self._made(data, source, release.tag_name, made, artifacts)
        unique = {(build.platform, build.variant): build for build in builds}
        locked = Toolchain(
            name=name, request=request, version=release.tag_name, builds=tuple(unique.values())
        )
        return locked, tuple(artifacts[digest] for digest in sorted(artifacts))

    def _release(
        self, name: str, data: known.Github, asked: str, wanted: Sequence[official.Wanted], *, must: bool
    ) -> Release:
        """The release that a version means.

        Args:
            name: The toolchain's.
            data: What is known of it.
            asked: The version.
            wanted: The builds that it should have.
            must: Whether it may lack none of them: the zoofile names the platforms.
        """
        release = self._newest(name, data, wanted) if asked == LATEST else self._named(name, data, asked)
        lacking = official.lacking(data, release, wanted)
        if lacking and (must or len(lacking) == len(wanted)):
            raise NotThere(
                f"{name} {release.tag_name} has no {'; no '.join(map(str, lacking))}",
                hint="leave that variant or that platform out; a release that is being made may get it yet",
            )
        return release

    def _named(self, name: str, data: known.Github, asked: str) -> Release:
        tag = self._followed(data, asked)
        number = official.number(data, tag)
        if number is None:
            raise EaiError(
                f"{asked!r} is no version of {name}",
                hint='write `version = "latest"`, or the tag of one of its releases',
            )
        if (why := official.fault(data, number)) is not None:
            raise EaiError(f"{name} {tag} does not work: {why}", hint="take another version")
        release = self._releases().tagged(data.repository, tag)
        if release.tag_name != tag:
            raise SourceError(f"GitHub was asked for the release {tag}, and answers with another")
        return release

    def _newest(self, name: str, data: known.Github, wanted: Sequence[official.Wanted]) -> Release:
        """The newest release that lacks nothing, else that which lacks least.

        While a release is made, it can be seen before its files are there.
        """
        best: Release | None = None
        least = len(wanted) + 1
        for release in self._releases().newest(data.repository):
            number = official.number(data, release.tag_name)
            if release.draft or number is None or official.fault(data, number) is not None:
                continue
            lacks = len(official.lacking(data, release, wanted))
            if lacks < least:
                best, least = release, lacks
            if not lacks:
                break
        if best is None:
            raise NotThere(f"{data.repository} has no release with builds of {name}")
        return best

    def _followed(self, data: known.Github, asked: str) -> str:
        """The tag that a version stands for: of `v0.6.0`, what the one file of that release says."""
        if data.pointer is None or re.fullmatch(data.pointer.tag, asked) is None:
            return asked
        release = self._releases().tagged(data.repository, asked)
        if data.pointer.file not in release.complete():
            raise NotThere(
                f"the release {asked} of {data.repository} does not say which builds are its own",
                hint="name the builds by their own tag, such as b11549",
            )
        uri = github.uri(data.repository, asked, data.pointer.file)
        tag = self._shelf().read(uri, data.pointer.file).decode("ascii", "replace").strip()
        if official.number(data, tag) is None:
            raise SourceError(f"{uri} says {tag[:80]!r}, which is no tag of a release with builds")
        return tag

    def _build(
        self, data: known.Github, release: Release, pick: official.Picked, artifacts: dict[Digest, Artifact]
    ) -> Build:
        digests: list[Digest] = []
        stated = True
        for file in pick.files:
            uri = github.uri(data.repository, release.tag_name, file.name)
            digest = file.sha256()
            stated = stated and digest is not None
            digest = digest or self._shelf().get(uri, file.name, file.size)[0]
            digests.append(digest)
            artifacts[digest] = Artifact(digest=digest, size=file.size, github=(uri,))
        build = Build(
            platform=pick.asset.platform,
            variant=pick.variant,
            program=pick.asset.program,
            digest=digests[0],
            beside=tuple(digests[1:]),
        )
        # Whatever is in the store of this machine, the lock is the same: so it holds a tree only where
        # every machine that locks must have fetched the archive.
        return build if stated else replace(build, tree=self._shelf().tree(build))

    def _made(
        self,
        data: known.Github,
        source: known.Source,
        tag: str,
        wanted: Sequence[official.Wanted],
        artifacts: dict[Digest, Artifact],
    ) -> list[Build]:
        """Pin the source code at a tag, which is the same for all of these builds.

        GitHub makes that archive when it is asked for, states no digest, and promises the files in it but not
        its bytes: so it is fetched now, and what it unpacks to is locked as well.
        """
        if not wanted:
            return []
        uri = github.uri(data.repository, tag, SOURCE_ARCHIVE)
        digest, size = self._shelf().get(uri, SOURCE_ARCHIVE, None)
        artifacts[digest] = Artifact(digest=digest, size=size, github=(uri,))
        folder = f"{data.repository.rpartition('/')[2]}-{tag}"
        builds = [
            Build(
                platform=each.platform,
                variant=each.variant,
                program=source.program,
                digest=digest,
                recipe=recipe(source, folder, tag, each.platform, each.variant),
            )
            for each in wanted
        ]
        tree = self._shelf().tree(builds[0])
        return [replace(build, tree=tree) for build in builds]
