"""Archives as the official releases have them: a tar in one folder with links, a flat zip with modes."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from collections.abc import Iterator, Mapping

from support.github import File

from zoo.platform import current

LLAMA, SD = "ggml-org/llama.cpp", "leejet/stable-diffusion.cpp"
LINKS = {"libllama.so": "libllama.so.0", "libllama.so.0": "libllama.so.0.6.0"}


def tar(
    members: Mapping[str, bytes], *, top: str = "", links: Mapping[str, str] | None = None, mode: int = 0o755
) -> bytes:
    """Pack a tar as GNU tar does, each file with this mode."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", format=tarfile.GNU_FORMAT, compresslevel=1) as made:
        if top:
            made.addfile(_info(f"{top}/", tarfile.DIRTYPE, 0o755))
        for name, content in members.items():
            info = _info(f"{top}/{name}" if top else name, tarfile.REGTYPE, mode)
            info.size = len(content)
            made.addfile(info, io.BytesIO(content))
        for name, target in (links or {}).items():
            info = _info(f"{top}/{name}" if top else name, tarfile.SYMTYPE, 0o777)
            info.linkname = target
            made.addfile(info)
    return out.getvalue()


def hostile(kind: str, top: str) -> bytes:
    """Pack a tar that wants to do harm: `climbing`, `absolute`, `linking` or a `bomb`."""
    inside = {"llama-server": b"#!"}
    if kind == "climbing":
        return tar({**inside, "../../escaped": b"x"}, top=top)
    if kind == "absolute":
        return tar({f"{top}/llama-server": b"#!", "/escaped": b"x"})
    if kind == "linking":
        return tar(inside, top=top, links={"libllama.so": "/etc/passwd"})
    return tar({**inside, "bomb": bytes(80 << 20)}, top=top)


def _info(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.uname, info.gname = kind, mode, "runner", "runner"
    return info


def zipped(members: Mapping[str, bytes], *, mode: int = 0o755) -> bytes:
    """Pack a zip as Info-ZIP does: the modes are in the external attributes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFREG | mode) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            made.writestr(info, content)
    return out.getvalue()


def unix(tag: str, server: bytes, what: str) -> bytes:
    """An archive of llama.cpp for Linux or macOS."""
    members = {"llama-server": server, "libllama.so.0.6.0": what.encode(), "LICENSE": b"MIT License"}
    return tar(members, top=f"llama-{tag}", links=LINKS)


def windows(what: str) -> bytes:
    """An archive of llama.cpp for Windows."""
    return zipped({"llama-server.exe": what.encode(), "llama.dll": b"MZ"})


def llama(tag: str, server: bytes, *, digest: bool = True) -> tuple[File, ...]:
    """The files of a release of llama.cpp."""
    return tuple(File(name=name, content=content, digest=digest) for name, content in _llama(tag, server))


def here(tag: str, server: bytes) -> File:
    """The archive of llama.cpp for this platform, as it is without a GPU."""
    what = {
        "linux-x86_64": "ubuntu-x64",
        "linux-aarch64": "ubuntu-arm64",
        "macos-arm64": "macos-arm64",
        "macos-x86_64": "macos-x64",
    }[current()]
    return File(name=f"llama-{tag}-bin-{what}.tar.gz", content=unix(tag, server, what))


def _llama(tag: str, server: bytes) -> Iterator[tuple[str, bytes]]:
    for what in ("ubuntu-x64", "ubuntu-vulkan-x64", "ubuntu-arm64", "ubuntu-vulkan-arm64", "ubuntu-s390x"):
        yield f"llama-{tag}-bin-{what}.tar.gz", unix(tag, server, what)
    for what in ("macos-arm64", "macos-x64", "ubuntu-rocm-10.0-x64", "ubuntu-sycl-fp16-x64"):
        yield f"llama-{tag}-bin-{what}.tar.gz", unix(tag, server, what)
    for cuda in ("ubuntu-cuda-12.8-x64", "ubuntu-cuda-13.4-x64", "ubuntu-cuda-13.4-arm64"):
        yield f"llama-{tag}-bin-{cuda}.tar.gz", unix(tag, server, cuda)
        name = f"cudart-llama-{tag}-bin-{cuda}"
        yield f"{name}.tar.gz", tar({"libcudart.so.13": cuda.encode()}, top=name)
    for what in ("cpu-x64", "cpu-arm64", "vulkan-x64", "vulkan-arm64", "rocm-10.0-x64", "sycl-x64"):
        yield f"llama-{tag}-bin-win-{what}.zip", windows(what)
    for cuda in ("12.4-x64", "13.4-x64", "13.4-arm64"):
        yield f"llama-{tag}-bin-win-cuda-{cuda}.zip", windows(cuda)
        yield f"cudart-llama-bin-win-cuda-{cuda}.zip", zipped({"cudart64_13.dll": cuda.encode()})
    yield f"llama-{tag}-xcframework.zip", zipped({"Info.plist": b"<plist/>"})


def sd(sha: str, server: bytes) -> tuple[File, ...]:
    """The files of a release of stable-diffusion.cpp."""
    flat = {
        "Linux-Ubuntu-24.04-x86_64": {"sd-server": server, "sd-cli": b"#!"},
        "Linux-Ubuntu-24.04-x86_64-vulkan": {"sd-server": server},
        "Linux-Ubuntu-24.04-x86_64-rocm-7.2.1": {"build/bin/sd-server": server},
        "Darwin-macOS-15.7.1-arm64": {"sd-server": server, "libstable-diffusion.dylib": b"dylib"},
        "win-cpu-x64": {"sd-server.exe": b"MZ"},
        "win-cuda12-x64": {"sd-server.exe": b"MZ12"},
        "win-vulkan-x64": {"sd-server.exe": b"MZv"},
    }
    builds = (
        File(name=f"sd-master-{sha}-bin-{name}.zip", content=zipped(members))
        for name, members in flat.items()
    )
    return (*builds, File(name="cudart-sd-bin-win-cu12-x64.zip", content=zipped({"cudart64_12.dll": b"MZc"})))
