// The logs of the proxy and of each engine, as they grow.

import { at, el } from "./dom.js";

const KEPT = 1000;
const logs = new Map();
let shown = null;

export function log(news) {
  if (news === null) {
    logs.clear();
    at("log-tabs").replaceChildren();
    return;
  }
  if (!logs.has(news.source)) add(news.source);
  const lines = logs.get(news.source);
  lines.push(...news.lines);
  lines.splice(0, lines.length - KEPT);
  if (news.source === shown) draw();
}

function add(source) {
  logs.set(source, []);
  const tab = el("button", { type: "button", role: "tab", class: "quiet", onclick: () => choose(source) }, source);
  tab.dataset.source = source;
  at("log-tabs").append(tab);
  choose(shown !== null && logs.has(shown) ? shown : source);
}

function choose(source) {
  shown = source;
  for (const tab of at("log-tabs").children) {
    tab.setAttribute("aria-selected", String(tab.dataset.source === source));
  }
  draw();
  at("log").scrollTop = at("log").scrollHeight;
}

function draw() {
  const box = at("log");
  const follows = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
  box.textContent = logs.get(shown).join("\n") || "Nothing has been said yet.";
  if (follows) box.scrollTop = box.scrollHeight;
}
