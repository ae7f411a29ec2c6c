"""What must hold between the values of a zoofile."""

from __future__ import annotations

import json

import pytest
from support.refusing import is_refused

from zoo.errors import ZoofileError
from zoo.zoofile.read import parse


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ('[server]\nallowed-hosts = ["Zoo.lan"]', "`server.allowed-hosts[0]` cannot be", "small letters"),
        ('[server]\nallowed-hosts = ["zoo.lan:80"]', "`server.allowed-hosts[0]` cannot be", "without scheme"),
        ('[server]\nallowed-origins = ["*"]', "`server.allowed-origins[0]` cannot be", "as browsers do"),
        ('[server]\nallowed-origins = ["null"]', "`server.allowed-origins[0]` cannot be", "as browsers do"),
        (
            '[server]\nallowed-origins = ["https://a.b/"]',
            "`server.allowed-origins[0]` cannot be",
            "as browsers",
        ),
        ('[server]\nhost = "http://x"', "2: `server.host` is no address", "without scheme and port"),
        (
            '[toolchain.x]\nvariant = { beos = "cpu" }',
            "`toolchain.x.variant.beos` is no platform",
            "linux-x86_64",
        ),
        ('[toolchain.x]\nversion = "b 1"', "2: `toolchain.x.version` is no version", '"latest"'),
        ("[zoo]\nplatforms = []", "2: `zoo.platforms` is empty", "leave it out"),
        (
            '[zoo]\nplatforms = [\n"linux-x86_64",\n"linux-x86_64"]',
            "2: `zoo.platforms[1]` names linux-x86_64 again",
            "once",
        ),
        (
            "[models.a]\nmain = true\n[models.b]\nmain = true",
            "4: `models.b.main` is the second main model",
            "one",
        ),
        (
            "[models.a]\n[models.A]",
            "2: `models.A` differs from `a` only in upper and lower case",
            "another name",
        ),
        ('[models.a]\naliases = [""]', '2: `models.a.aliases[0]` cannot be ""', "1 to 128 characters"),
        ('[models.a]\naliases = ["B"]\n[models.b]', '"B" leads to `b` already', "another"),
        (
            '[models.a]\naliases = ["x"]\n[models.b]\naliases = ["X"]',
            '4: `models.b.aliases[0]` "X" leads to `a` already',
            "another",
        ),
        ('[models."a b"]', '1: `models."a b"` is no name of a model', "letters, digits"),
        ('[models."../a"]', "is no name of a model", "letters, digits"),
        (f"[models.{'a' * 129}]", "is no name of a model", "up to 128"),
        (
            '[models.a]\nhf = "o/r"',
            "2: `models.a.hf` names a repository, but no file in it",
            'file = "NAME.gguf"',
        ),
        (
            '[models.a]\nhf = "o/r/f.gguf"\nfile="x"',
            '2: `models.a.hf` cannot be "o/r/f.gguf"',
            'file = "f.gguf"',
        ),
        ('[models.a]\nhf = "https://h/o/r"\nfile="x"', "cannot be", "OWNER/REPO"),
        (
            '[models.a]\nhf = "o/r"\nfile = "f"\npattern = "Q4"',
            "4: `models.a.pattern` stands beside `file`",
            "keep",
        ),
        ('[models.a]\nhf = "o/r"\nfile = "../f"', '3: `models.a.file` cannot be "../f"', "`..`"),
        (
            '[models.a]\nhf = "o/r"\nfile = "f"\nrevision = "a b"',
            "4: `models.a.revision` cannot be",
            "a commit",
        ),
        ('[models.a]\nfile = "f"', "2: `models.a.file` goes with `hf` only", "name the repository with `hf`"),
        ('[models.a]\npath = "p"\nurl = "https://h/f"', "`models.a.path` is one origin too many", "keep one"),
        ('[models.a]\npath = "/etc/passwd"', "2: `models.a.path` cannot be", "relative to zoofile.toml"),
        ('[models.a]\npath = "C:x.gguf"', "2: `models.a.path` cannot be", "relative to zoofile.toml"),
        ("[models.a]\npath = 'm\\x.gguf'", "2: `models.a.path` cannot be", "`/` between folders"),
        ('[models.a]\npath = "models/"', "2: `models.a.path` cannot be", "path of a file"),
        ('[models.a]\nurl = "file:///x"', "2: `models.a.url` cannot be", "use `path`"),
        ('[models.a]\nurl = "https://me:pw@h/f"', "2: `models.a.url` cannot be", "leave out the user"),
        ('[models.a]\nbundled = "../x"', "2: `models.a.bundled` cannot be", "comes with eai"),
        ('[models.a]\nmmproj = "m"', "2: `models.a.mmproj` goes with a model of its own origin", "catalogue"),
        ('[models.a]\npath = "p"\nmmproj = "/m"', "3: `models.a.mmproj` cannot be", "relative"),
        (
            '[models.a]\npath = "p"\nmmproj = "m"\ntask = "embed"',
            "3: `models.a.mmproj` is for chat",
            "leave it out",
        ),
        ('[models.a]\ntask = "chat"\npooling = "cls"', "3: `models.a.pooling` is for task", "leave it out"),
        (
            '[models.a]\ntask = "rerank"\npooling = "cls"',
            '3: `models.a.pooling` must be "rank"',
            "leave it out",
        ),
        ('[models.a]\nchat-template = "/t"', "2: `models.a.chat-template` is no path", "relative"),
        ("[models.a]\nlora = [\n{ scale = 1.0 }]", "2: `models.a.lora[0]` names no origin", "give it one of"),
        (
            "[[models.a.lora]]\npath = 'x'\nscale = inf",
            "3: `models.a.lora[0].scale` is no finite number",
            None,
        ),
        (
            "[[models.a.lora]]\nhf = 'o/r'\npattern = 'Q'",
            "3: `models.a.lora[0].pattern` is for split",
            "use `file`",
        ),
        ("[models.a.sampling]\ntemperature = inf", "2: `models.a.sampling.temperature` is no finite", None),
        (
            '[models.a]\nargs = ["--port", "1"]',
            "2: `models.a.args[0]` may not hold `--port`",
            "listens where",
        ),
        ("a = 0x" + "f" * 4000, "1: `a` is no key", None),
    ],
)
def test_values_that_do_not_go_together_are_told_with_what_would(
    text: str, message: str, hint: str | None
) -> None:
    is_refused(text, message, hint)


@pytest.mark.parametrize(
    "declared",
    ["public", "none", [], ["files.lan", "10.0.0.7:8000", "10.0.0.0/8", "[::1]:80", "[fd00::1]", "fd00::/8"]],
)
def test_images_may_be_fetched_from_these(declared: str | list[str]) -> None:
    text = f"[server]\nremote-images = {json.dumps(declared)}\n"
    assert parse(text).server.remote_images == (declared if isinstance(declared, str) else tuple(declared))


@pytest.mark.parametrize(
    "entry",
    [
        "http://files.lan",
        "files.lan/a",
        "files.lan:0",
        "files.lan:99999",
        "10.0.0.1/8",
        "[::g]",
        "::1",
        "a b",
        "-a",
    ],
)
def test_what_is_no_host_for_images_is_named(entry: str) -> None:
    with pytest.raises(ZoofileError, match=r"remote-images"):
        parse(f"[server]\nremote-images = [{json.dumps(entry)}]\n")


CID = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("ipfs://bafy", "a CID alone"),
        (f"/ipfs/{CID}", "a CID alone"),
        (f"https://{CID}.ipfs.example", "a CID alone"),
        (f"{CID} ", "a CID alone"),
        (f"{CID}?format=raw", "a CID alone"),
        ("bafkqaaa", "a CID alone"),
        (CID[:-1], "it is not valid base32"),
        (f"b{CID[1:].upper()}", "it is not valid base32"),
        (f"bafyrei{'a' * 52}", "codec dag-cbor (0x71); files are made of"),
        (f"bafkrgqa{'a' * 102}", "hash sha2-512 (0x13)"),
        ("k51qzi5uqu5dlvj2baxnqndepeb86cbk3ng7n3i46uzyxzyqj2xjonzllnv0v8", "codec libp2p-key"),
        (f"{CID}/", "the path of a file"),
        (f"{CID}/../x", "`..`"),
        (f"{CID}//x", "one `/` behind the CID"),
    ],
)
def test_what_is_no_cid_of_a_model_is_refused_where_it_stands(text: str, remedy: str) -> None:
    with pytest.raises(ZoofileError, match=r"^zoofile\.toml:2: `models\.a\.ipfs` cannot be") as caught:
        parse(f'[models.a]\nipfs = "{text}"\n')
    assert remedy in (caught.value.hint or "")


@pytest.mark.parametrize(
    "text",
    [
        CID,
        CID.upper(),
        "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH",
        "k2jmtxxqhury8bqpaf1ih0aecs13ggn509z34wmru59f0gfgph06fwod",
        "zdj7WndrMfj1z2RSJcvF4WTLjgt44F4VREakvfVHwMMmoe5Zv",
        f"{CID}/folder/a b.gguf",
    ],
)
def test_a_cid_may_be_written_in_every_base(text: str) -> None:
    assert parse(f'[models.a]\nipfs = "{text}"\n').models["a"].ipfs == text
