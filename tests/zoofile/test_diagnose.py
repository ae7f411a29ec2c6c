"""All that is wrong with the types of a zoofile is told, each with its line."""

from __future__ import annotations

import pytest
from support.refusing import is_refused

from zoo.errors import ZoofileError
from zoo.zoofile.read import parse


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[models.a]\nfil = 1", "2: `models.a.fil` is no key of a model", "did you mean `file`?"),
        ("[model.a]", "1: `model` is no key of a zoofile", "did you mean `models`?"),
        ("x = 1", "1: `x` is no key of a zoofile", "its keys are zoo, server, toolchain, models"),
        ("models = 1", "1: `models` must be a table", "write [models.NAME]"),
        ("[models]\na = 1", "2: `models.a` must be a table, not 1", "write [models.a]"),
        ("server = []", "1: `server` must be a table, not an array", "write [server]"),
        ("[server]\nport = 0", "2: `server.port` must be an integer from 1 to 65535, not 0", None),
        (
            "[server]\nport = 1970-01-01",
            "2: `server.port` must be an integer from 1 to 65535, not a date",
            None,
        ),
        (
            '[server]\nidle-timeout = "5 min"',
            '2: `server.idle-timeout` must be text in quotes, such as 90s, 30m, 2h, never, not "5 min"',
            None,
        ),
        ('[server]\ndrain-timeout = "9999999999h"', "2: `server.drain-timeout` must be text in quotes", None),
        ('[server]\nmemory = "9999999999TiB"', "2: `server.memory` must be text in quotes", None),
        (
            "[models.a.sampling]\nseed = 4294967295",
            "`models.a.sampling.seed` must be an integer from -1",
            None,
        ),
        (
            "[models.a.sampling]\ntop-k = 2147483648",
            "`models.a.sampling.top-k` must be an integer from 0",
            None,
        ),
        ('[models.a]\ntask = "caht"', '2: `models.a.task` must be one of "chat", "embed"', None),
        ('[models.a]\ngpu-layers = "few"', 'must be an integer, at least 0 or "all", not "few"', None),
        ("[toolchain.x]\nfrom = {}", "2: `toolchain.x.from` must hold one of `path` and `source`", None),
        (
            '[toolchain.x]\nfrom = "brew"',
            'must be one of "github", "pypi", "source" or a table with `path` or `source`, not "brew"',
            None,
        ),
        ('[toolchain.x]\nfrom = { path = "a", source = "b" }', "must hold one of `path` and `source`", None),
        ('[toolchain.x]\nvariant = ["cpu", "cpu"]', '`toolchain.x.variant` names "cpu" twice', None),
        ("[toolchain.x]\nvariant = []", "`toolchain.x.variant` is an empty list", None),
        ("[toolchain.x]\nvariant = { linux-x86_64 = 1 }", "`toolchain.x.variant` may hold only text", None),
        ('[zoo]\nplatforms = ["beos"]', '2: `zoo.platforms[0]` must be one of "linux-aarch64"', None),
        (
            "[models.a.sampling]\ntemperature = nan",
            "2: `models.a.sampling.temperature` must be a number",
            None,
        ),
        ("[server]\nport = 0x" + "f" * 4000, "not a number that large", None),
    ],
)
def test_a_wrong_key_or_type_is_told_with_what_would_be_right(
    text: str, message: str, hint: str | None
) -> None:
    is_refused(text, message, hint)


def test_all_problems_are_told_at_once_in_the_order_of_their_lines() -> None:
    text = """\
[server]
prot = 1
port = "eighty"

[models.a]
hf = "a/b"
lora = [
  { path = "x", scale = "much" },
  4,
]

[models.b.sampling]
temperature = "hot"
topk = 3

[models.c]
path = "/x"
"""
    with pytest.raises(ZoofileError) as caught:
        parse(text)

    first, *rows = caught.value.message.splitlines()
    assert first == "zoofile.toml has 6 problems"
    assert [row.split(": ", 1)[0].strip() for row in rows] == [
        f"zoofile.toml:{line}" for line in (2, 3, 7, 13, 14, 17)
    ]
    assert "`models.a.lora[0].scale` must be a number" in rows[2]
    assert rows[4].endswith("`models.b.sampling.topk` is no key of `sampling`; did you mean `top-k`?")


def test_of_very_many_problems_the_first_are_told() -> None:
    with pytest.raises(ZoofileError, match="has more than 20 problems") as caught:
        parse("".join(f"k{n} = {n}\n" for n in range(50_000)))

    assert len(caught.value.message.splitlines()) == 21
    assert "zoofile.toml:20: `k19` is no key of a zoofile" in caught.value.message
