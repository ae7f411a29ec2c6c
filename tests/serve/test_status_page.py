"""The status page in a real browser, before a whole proxy and the real engine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from models.chat import SENTENCE, write_chat
from playwright.sync_api import BrowserContext, Page, expect
from support.browser import Seen, chromium
from support.proxies import ASK, Weights
from support.serving import Proxies, Proxy, environment, served

from zoo.serve.keys import Key

pytestmark = pytest.mark.engine
expect.set_options(timeout=20_000)

MARKUP = "<img src=x onerror=alert(1)> <b>bold</b>"


@pytest.fixture(scope="module")
def browser() -> Iterator[BrowserContext]:
    with chromium(viewport={"width": 1280, "height": 900}) as made:
        yield made


@pytest.fixture
def page(browser: BrowserContext) -> Iterator[Page]:
    made = browser.new_page()
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared(weights: Weights, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    (markup,) = write_chat(tmp_path_factory.mktemp("markup") / "markup.gguf", say=MARKUP)
    with tempfile.TemporaryDirectory(prefix="eai") as folder:
        made = Proxies(Path(folder))
        proxy = made.start(
            environment(
                served(weights.chat, "chat", main=True),
                served(weights.other, "other"),
                served(weights.endless, "endless", "--context-shift"),
                served(markup, "markup"),
                served(weights.chat, "embedder", "--embeddings", "--pooling", "mean", task="embed"),
                memory="1GiB",
                idle_timeout="2s",
            )
        )
        proxy.until_ready()
        yield proxy
        made.close()


def say(page: Page, model: str, text: str) -> None:
    page.select_option("#play-model", model)
    page.fill("#say", text)
    page.press("#say", "Enter")


def test_a_person_sees_what_runs_and_chats(page: Page, shared: Proxy, tmp_path: Path) -> None:
    seen = Seen.of(page)
    page.goto(shared.url)
    expect(page.locator("#health")).to_have_text("ready")
    models = page.locator("#models li")
    expect(models).to_have_count(5)
    other = page.locator("[data-model=other] .pill")
    expect(page.locator("[data-model=chat] .pill")).to_have_text("ready")
    expect(page.locator("#memory")).to_contain_text("planned of 1.0 GiB")
    assert page.locator("#play-model option").all_inner_texts() == ["chat", "other", "endless", "markup"]

    say(page, "other", "Who are you?")
    answer = page.locator(".turn.assistant").first
    expect(answer.locator(".text")).to_have_text("I am the other one.")
    expect(answer).to_contain_text("other · ")
    expect(answer).to_contain_text(" tokens/s · ")
    expect(other).to_have_text("ready")
    expect(page.locator("#swaps tr", has_text="other").first).to_contain_text("loaded")
    expect(page.locator("#requests tbody tr").first).to_contain_text("/v1/chat/completions")

    say(page, "endless", "Count!")
    line = page.locator("#chart path.line[data-model=endless]")
    before = line.get_attribute("d")
    expect(line).not_to_have_attribute("d", before or "")
    expect(page.locator("#legend li", has_text="endless")).not_to_have_text("endless0/s")
    page.screenshot(path=tmp_path / "page.png", full_page=True)
    assert (tmp_path / "page.png").stat().st_size > 20_000
    page.click("#stop")
    expect(page.locator(".turn.assistant").last).to_contain_text("stopped")
    expect(page.locator("#streams")).to_have_text("0")

    expect(other).to_have_text("unloaded")
    expect(page.locator("#swaps tr", has_text="other").first).to_contain_text("unloaded")
    expect(page.locator("#log")).to_contain_text("/v1/chat/completions other 200")
    page.click("#log-tabs [data-source=other]")
    expect(page.locator("#log")).to_contain_text("llama")
    expect(page.locator("#environment")).to_contain_text("e" * 64)
    assert seen.errors == []
    assert [url for url in seen.asked if not url.startswith(f"{shared.url}/")] == []


def test_what_a_model_says_is_never_markup(page: Page, shared: Proxy) -> None:
    seen = Seen.of(page)
    page.goto(shared.url)
    say(page, "markup", "<i>me</i>")
    expect(page.locator(".turn.assistant .text")).to_have_text(MARKUP)
    expect(page.locator(".turn.user .text")).to_have_text("<i>me</i>")
    assert page.locator("#talk img, #talk b, #talk i").count() == 0
    assert seen.errors == []


def test_a_person_loads_and_unloads_a_model(page: Page, shared: Proxy) -> None:
    seen = Seen.of(page)
    page.goto(shared.url)
    model = page.locator("[data-model=embedder]")
    expect(model.locator(".pill")).to_have_text("unloaded")
    model.get_by_role("button", name="Load").click()
    expect(model.locator(".pill")).to_have_text("ready")
    model.get_by_role("button", name="Unload").click()
    expect(model.locator(".pill")).to_have_text("unloaded")
    expect(page.locator("#swaps tr", has_text="embedder").first).to_contain_text("unloaded")
    assert seen.errors == []


def test_on_a_phone_nothing_is_wider_than_the_screen(page: Page, shared: Proxy, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.emulate_media(color_scheme="dark")
    page.goto(shared.url)
    expect(page.locator("#models li")).to_have_count(5)
    page.screenshot(path=tmp_path / "phone.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_page_loads_without_a_key_and_asks_for_one(
    page: Page, proxies: Proxies, weights: Weights
) -> None:
    env = environment(served(weights.chat, "chat", main=True))
    proxy = proxies.start(env, keys=(Key.of("me", "right"),))
    proxy.until_ready()
    page.goto(proxy.url)
    dialog = page.locator("#ask-key")
    expect(dialog).to_be_visible()
    assert page.locator("#models li").count() == 0
    page.fill("#key", "wrong")
    page.press("#key", "Enter")
    expect(page.locator("#key-wrong")).to_be_visible()
    page.fill("#key", "right")
    page.click("#ask-key button")
    expect(page.locator("#models li")).to_have_count(1)
    say(page, "chat", "Hello")
    expect(page.locator(".turn.assistant .text")).to_have_text(SENTENCE)
    assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]


def test_the_page_comes_back_with_the_proxy(page: Page, proxies: Proxies, weights: Weights) -> None:
    env = environment(served(weights.chat, "chat", main=True))
    first = proxies.start(env)
    first.until_ready()
    page.goto(first.url)
    expect(page.locator("#health")).to_have_text("ready")
    first.end()
    expect(page.locator("#health")).to_have_text("disconnected")
    second = proxies.start(env, port=int(first.url.rpartition(":")[2]))
    second.until_ready()
    expect(page.locator("#health")).to_have_text("ready")
    assert httpx2.post(f"{second.url}/v1/chat/completions", json=ASK).status_code == 200
    expect(page.locator("#requests tbody tr")).to_have_count(1)
    expect(page.locator("#requests tbody tr")).to_contain_text("chat")
