// The playground: a chat with one of the models, streamed, that can be stopped.

import { ask, events } from "./api.js";
import { at, el, rate } from "./dom.js";

const SOON = 40; // milliseconds: a fast model says more in a second than a browser can lay out one by one

let talk = [];
const unwritten = new Map();
let abort = null;

export function playable(models) {
  const names = models.filter((model) => model.task === "chat").map((model) => model.name);
  const select = at("play-model");
  if (names.join("\n") === [...select.options].map((option) => option.value).join("\n")) return;
  const chosen = select.value || models.find((model) => model.main)?.name;
  select.replaceChildren(...names.map((name) => el("option", { value: name, selected: name === chosen }, name)));
  at("send").disabled = names.length === 0;
}

function bubble(role) {
  const made = { text: el("p", { class: "text" }), facts: el("p", { class: "muted" }) };
  made.root = el("article", { class: `turn ${role}` }, made.text, made.facts);
  at("talk").append(made.root);
  return made;
}

function write(node, text) {
  if (!unwritten.size) setTimeout(flush, SOON);
  unwritten.set(node, (unwritten.get(node) ?? "") + text);
}

// Follow what comes, unless the reader has scrolled up.
function flush() {
  const box = at("talk");
  const follows = box.scrollHeight - box.scrollTop - box.clientHeight < 60;
  for (const [node, text] of unwritten) node.append(document.createTextNode(text));
  unwritten.clear();
  if (follows) box.scrollTop = box.scrollHeight;
}

function thought(turn) {
  if (!turn.thought) {
    turn.thought = el("p", { class: "text" });
    turn.root.prepend(el("details", {}, el("summary", {}, "Thoughts"), turn.thought));
  }
  return turn.thought;
}

async function answer() {
  const turn = bubble("assistant");
  const seen = { text: "", count: 0, began: performance.now(), timings: null };
  turn.root.classList.add("going");
  try {
    const body = { model: at("play-model").value, messages: talk, stream: true };
    const reply = await ask("/v1/chat/completions", { body, signal: abort.signal });
    seen.by = reply.headers.get("x-eai-model");
    for await (const { data } of events(reply)) {
      if (data !== "[DONE]") piece(turn, seen, JSON.parse(data));
    }
  } catch (error) {
    if (error.name !== "AbortError") turn.root.append(el("p", { class: "wrong" }, error.message));
    else seen.stopped = true;
  }
  flush();
  turn.root.classList.remove("going");
  turn.facts.textContent = facts(seen);
  if (seen.text) talk.push({ role: "assistant", content: seen.text });
}

function piece(turn, seen, data) {
  if (data.error) throw new Error(data.error.message);
  const delta = data.choices?.[0]?.delta ?? {};
  const said = delta.content ?? "";
  if (!seen.count && (said || delta.reasoning_content)) seen.began = performance.now();
  if (said || delta.reasoning_content) seen.count += 1;
  if (delta.reasoning_content) write(thought(turn), delta.reasoning_content);
  if (said) write(turn.text, said);
  seen.text += said;
  seen.timings = data.timings ?? seen.timings;
}

function facts(seen) {
  const passed = (performance.now() - seen.began) / 1000;
  const speed = seen.timings?.predicted_per_second ?? (seen.count > 1 ? (seen.count - 1) / passed : null);
  const parts = [seen.by, speed === null ? null : `${rate(speed)} tokens/s`];
  parts.push(`${seen.timings?.predicted_n ?? seen.count} tokens`, seen.stopped ? "stopped" : null);
  return parts.filter(Boolean).join(" · ");
}

async function send() {
  const text = at("say").value.trim();
  if (!text || abort) return;
  abort = new AbortController();
  at("say").value = "";
  bubble("user").text.textContent = text;
  talk.push({ role: "user", content: text });
  at("talk").scrollTop = at("talk").scrollHeight;
  at("send").hidden = true;
  at("stop").hidden = false;
  await answer();
  abort = null;
  at("send").hidden = false;
  at("stop").hidden = true;
  at("say").focus();
}

at("play").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
at("say").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    send();
  }
});
at("stop").addEventListener("click", () => abort?.abort());
at("play-clear").addEventListener("click", () => {
  abort?.abort();
  talk = [];
  at("talk").replaceChildren();
});
