"""`eai up` and `status` as processes, over tiny models and the real engine."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from pathlib import Path

import httpx2
import pytest
from models.chat import SENTENCE
from support.serving import WAIT, until
from support.shop import ZOOFILE, Shop, chat

from zoo.store import Store

pytestmark = pytest.mark.engine


def test_a_project_is_served_in_the_background_and_all_commands_see_it(shop: Shop) -> None:
    done = shop.eai("up", "-d", "--port", "0")
    url = done.stdout.strip()
    assert url.startswith("http://127.0.0.1:")
    assert "chat (chat, main), endless (chat)" in done.stderr
    assert f"curl {url}/chat/completions -d " in done.stderr
    assert chat(url) == SENTENCE
    assert chat(url, model="endless", max_tokens=6).startswith("one two three")

    seen = json.loads(shop.eai("status", "--json").stdout)
    assert (seen["running"], seen["url"], seen["overrides"]) == (True, url, {"port": 0})
    assert [(model["name"], model["state"]) for model in seen["models"]] == [
        ("chat", "ready"),
        ("endless", "ready"),
    ]
    status = shop.eai("status")
    assert status.returncode == 0
    assert seen["environment"] in status.stdout
    assert "not as zoofile.toml says: port 0" in status.stdout

    logs = shop.eai("logs").stdout
    assert [line for line in logs.splitlines() if line.startswith("==>")] == [
        "==> proxy <==",
        "==> chat <==",
        "==> endless <==",
    ]
    assert "/v1/chat/completions chat 200" in logs
    assert "listening on unix://" in shop.eai("logs", "chat").stdout

    assert shop.eai("down").returncode == 0
    gone = shop.eai("status", "--json")
    assert (gone.returncode, json.loads(gone.stdout)["running"]) == (1, False)
    assert shop.eai("status").returncode == 1
    assert shop.eai("down").returncode == 0
    assert "listening on unix://" in shop.eai("logs", "chat").stdout


def test_the_same_lock_is_the_same_environment_after_the_store_is_lost(shop: Shop, tmp_path: Path) -> None:
    shop.up()
    before = json.loads(shop.eai("status", "--json").stdout)["environment"]
    shop.eai("down")
    shop.home = tmp_path / "another home"
    shop.up("--offline")  # what is in the project's own folder needs no connection
    assert json.loads(shop.eai("status", "--json").stdout)["environment"] == before
    shop.eai("down")


def test_in_the_foreground_the_url_is_data_and_ctrl_c_ends_it(shop: Shop) -> None:
    with shop.start("up", "--port", "0") as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert chat(url) == SENTENCE
        process.send_signal(signal.SIGINT)
        _, talk = process.communicate(timeout=WAIT)
    assert process.returncode == 0
    assert "  models       chat (chat, main), endless (chat)\n" in talk
    assert talk.endswith("stopping\n")


def test_a_missing_lock_exits_3(shop: Shop) -> None:
    (shop.folder / "zoo.lock").unlink()
    done = shop.eai("up", "-d")
    assert done.returncode == 3
    assert "hint: run `eai lock`" in done.stderr


def test_a_stale_lock_exits_3_with_every_reason_unless_it_is_frozen(shop: Shop) -> None:
    stale = ZOOFILE.replace("= 2048", "= 1024").replace("[models.endless]", "[models.other]")
    (shop.folder / "zoofile.toml").write_text(stale)
    done = shop.eai("up", "-d")
    assert done.returncode == 3
    assert "chat     setting changed: context-length 2048 → 1024" in done.stderr
    assert "other    in zoofile.toml, not in zoo.lock" in done.stderr
    assert "endless  in zoo.lock, not in zoofile.toml" in done.stderr
    assert "hint: run `eai lock`" in done.stderr
    (shop.folder / "zoofile.toml").write_text("this is no TOML")
    assert chat(shop.up("--frozen")) == SENTENCE


def test_a_lock_alone_is_served_only_where_it_is_frozen(shop: Shop) -> None:
    (shop.folder / "zoofile.toml").unlink()
    done = shop.eai("up", "-d", "--port", "0")
    assert done.returncode == 3
    assert "hint: `eai up --frozen` serves zoo.lock as it is" in done.stderr
    assert chat(shop.up("--frozen")) == SENTENCE


def test_offline_lists_all_that_is_missing_and_exits_5(shop: Shop, tmp_path: Path) -> None:
    lock = shop.folder / "zoo.lock"
    text = lock.read_text()
    for name in ("chat", "endless"):
        before, after = text.split(f'"path:models/{name}.gguf"')
        head, _, mark = before.rpartition("path = [")
        text = f'{head}url = [{mark}"https://models.invalid/{name}.gguf"{after}'
    lock.write_text(text)
    shop.home = tmp_path / "empty"
    done = shop.eai("up", "--offline", "--frozen")
    assert done.returncode == 5
    assert "2 missing" in done.stderr
    assert "chat.gguf" in done.stderr
    assert "endless.gguf" in done.stderr


def test_a_project_is_served_once(shop: Shop) -> None:
    url = shop.up()
    for words in (("up", "-d", "--port", "0"), ("up", "--port", "0")):
        done = shop.eai(*words)
        assert done.returncode == 1
        assert f"is being served already at {url.removesuffix('/v1')}" in done.stderr
    assert chat(url) == SENTENCE


def test_a_port_that_is_taken_is_said_to_be_so_in_the_background_too(shop: Shop) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = shop.eai("up", "-d", "--port", str(port))
    assert done.returncode == 1
    assert f"error: port {port} of 127.0.0.1 is taken by" in done.stderr
    assert "hint: stop that, or choose another port" in done.stderr


@pytest.mark.parametrize("words", [("--port", "70000"), ("--port", "x"), ("--nope",)])
def test_a_wrong_command_exits_2(shop: Shop, words: tuple[str, ...]) -> None:
    assert shop.eai("up", *words).returncode == 2


def test_an_engine_that_does_not_start_is_told_with_its_last_words(shop: Shop) -> None:
    program = shop.folder / "bin" / "llama-server"
    program.write_text(program.read_text().replace("exec", "echo 'E no such tensor' >&2; exit 3; exec"))
    assert shop.eai("lock", "--upgrade").returncode == 0
    done = shop.eai("up", "-d", "--port", "0")
    assert done.returncode == 1
    assert "the engine of chat ended while loading: exit code 3" in done.stderr
    assert "E no such tensor" in done.stderr
    assert shop.running() is None


def test_serving_others_in_the_background_is_warned_of_too(shop: Shop) -> None:
    done = shop.eai("up", "-d", "--host", "0.0.0.0", "--port", "0")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("warning: whoever reaches this machine") == 1
    assert done.stdout.startswith("http://127.0.0.1:")


def test_with_keys_nobody_is_warned_and_this_users_own_commands_need_none(shop: Shop) -> None:
    shop.extra["EAI_API_KEY"] = "right"
    done = shop.eai("up", "-d", "--host", "0.0.0.0", "--port", "0")
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    assert "-H 'Authorization: Bearer YOUR-KEY'" in done.stderr
    url = done.stdout.strip()
    assert httpx2.get(f"{url}/models").status_code == 401
    assert httpx2.get(f"{url}/models", headers={"x-api-key": "right"}).status_code == 200
    del shop.extra["EAI_API_KEY"]
    assert json.loads(shop.eai("status", "--json").stdout)["running"] is True
    assert "x-api-key" not in shop.eai("logs").stdout
    assert shop.eai("down").returncode == 0


def test_a_file_of_keys_that_others_can_read_is_refused(shop: Shop) -> None:
    keys = shop.home / "keys.toml"
    keys.write_text('[keys.me]\nkey = "right"\n')
    keys.chmod(0o644)
    shop.extra["EAI_API_KEYS_FILE"] = str(keys)
    done = shop.eai("up", "--port", "0")
    assert done.returncode == 1
    assert "other users may read or change the API keys" in done.stderr
    assert f"hint: run `chmod 600 {keys}`" in done.stderr


def test_an_address_of_another_machine_is_refused_with_one_of_this(shop: Shop) -> None:
    done = shop.eai("up", "--host", "192.0.2.1", "--port", "0")
    assert done.returncode == 1
    assert "192.0.2.1 is no address of this machine" in done.stderr
    assert "hint: 127.0.0.1" in done.stderr


@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems know no such names")
def test_a_folder_whose_name_is_no_text_is_served(shop: Shop, tmp_path: Path) -> None:
    other = shop.copy(tmp_path / os.fsdecode(b"\xff"))
    try:
        assert chat(other.up()) == SENTENCE
        assert other.eai("status").returncode == 0
    finally:
        assert other.eai("down").returncode == 0


def test_a_proxy_that_was_killed_is_not_running_and_the_next_one_starts(shop: Shop) -> None:
    shop.up()
    seen = shop.running()
    assert seen is not None
    os.kill(seen.pid, signal.SIGKILL)
    until(lambda: shop.running() is None)
    assert shop.eai("status").returncode == 1
    assert chat(shop.up()) == SENTENCE


def test_down_does_not_wait_for_the_ended_process_to_be_reaped(shop: Shop) -> None:
    with shop.start("up", "--port", "0") as process:
        until(lambda: shop.running() is not None)
        assert shop.eai("down").returncode == 0  # this process, its parent, has not asked how it ended
    assert process.returncode == 0


def test_the_store_is_told_what_a_project_and_a_running_server_need(shop: Shop, tmp_path: Path) -> None:
    shop.home = tmp_path / "another home"
    shop.up()
    seen = shop.running()
    assert seen is not None
    store = Store(shop.home / "store")
    held = {path.name: path.resolve() for path in (shop.folder / ".eai" / "current").iterdir()}
    assert set(map(store.object, store.sizes())) < set(held.values())
    assert set(held.values()) > set(store.trees())
    assert shop.folder / ".eai" / "current" in {root.readlink() for root in store.layout.auto_roots.iterdir()}
    (running,) = store.layout.run_roots.iterdir()
    assert f"-{seen.pid}-" in running.name
    used = {store.root / path for path in json.loads(running.read_text())}
    assert used > set(held.values())
    assert any(path.parent == store.layout.views for path in used)
    shop.eai("down")
    assert not list(store.layout.run_roots.iterdir())


def test_a_lock_without_models_is_refused_before_anything_is_fetched(shop: Shop, tmp_path: Path) -> None:
    text = (shop.folder / "zoofile.toml").read_text()
    (shop.folder / "zoofile.toml").write_text(text[: text.index("[models.")])
    assert shop.eai("lock").returncode == 0
    shop.home = tmp_path / "another home"
    done = shop.eai("up", "--port", "0")
    assert done.returncode == 1
    assert "has no model, so there is nothing to serve" in done.stderr
    assert "`eai add NAME`" in done.stderr
    assert not shop.home.exists()
