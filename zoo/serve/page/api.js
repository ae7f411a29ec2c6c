// How the page asks the server: with the key where one is needed, and reading events as they come.

import { at } from "./dom.js";

const KEPT = "eai-key";

export class Failure extends Error {}

function headers() {
  const key = sessionStorage.getItem(KEPT);
  return key ? { Authorization: `Bearer ${key}` } : {};
}

export async function ask(path, { body, signal } = {}) {
  for (;;) {
    const answer = await fetch(path, {
      method: body === undefined ? "GET" : "POST",
      headers: body === undefined ? headers() : { ...headers(), "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      signal,
    });
    if (answer.ok) return answer;
    if (answer.status !== 401) throw new Failure(await problem(answer));
    await key();
  }
}

async function problem(answer) {
  const said = await answer.json().catch(() => null);
  return said?.error?.message ?? `the server answered ${answer.status}`;
}

let asking = null;

// Whoever needs the key waits for the same dialog.
function key() {
  asking ??= new Promise((resolve) => {
    const dialog = at("ask-key");
    at("key-wrong").hidden = !sessionStorage.getItem(KEPT);
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    dialog.addEventListener("close", () => {
      sessionStorage.setItem(KEPT, at("key").value.trim());
      at("key").value = "";
      asking = null;
      resolve();
    }, { once: true });
    dialog.showModal();
  });
  return asking;
}

// The events of a stream, each as { event, data }, until it ends.
export async function* events(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const parts = (rest + value).split(/\r?\n\r?\n/);
      rest = parts.pop();
      for (const part of parts) {
        const event = read(part);
        if (event.data) yield event;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function read(part) {
  const found = { event: "message", data: "" };
  for (const line of part.split(/\r?\n/)) {
    const [, name, value] = /^([^:]*):? ?(.*)$/.exec(line);
    if (name === "event") found.event = value;
    else if (name === "data") found.data += found.data ? `\n${value}` : value;
  }
  return found;
}
