// What became of models, and of requests: the newest first.

import { at, clock, el, seconds } from "./dom.js";

const KEPT = 50;
const FAILED = 400;

export function swap(news) {
  add("swaps", news, "Nothing was loaded or unloaded yet.", (each) => [
    el("td", { class: "muted" }, clock(each.at)),
    el("td", {}, el("span", { class: "pill", "data-state": each.what }, each.what)),
    el("td", {}, each.model, each.why ? el("p", { class: "wrong" }, each.why.split("\n")[0]) : null),
    el("td", { class: "right muted" }, each.seconds === null ? "" : seconds(each.seconds)),
  ]);
}

export function request(news) {
  add("requests", news, "Nobody has asked yet.", (each) => [
    el("td", { class: "muted" }, clock(each.at)),
    el("td", {}, each.model),
    el("td", {}, each.path),
    el("td", {}, el("span", { class: "pill", "data-state": each.status < FAILED ? "ready" : "failed" }, `${each.status}`)),
    el("td", { class: "right" }, each.first === null ? "" : seconds(each.first)),
    el("td", { class: "right" }, seconds(each.whole)),
  ]);
}

function add(id, news, empty, cells) {
  const body = at(id).tBodies[0];
  if (news === null) body.replaceChildren();
  for (const each of news ?? []) body.prepend(el("tr", {}, ...cells(each)));
  while (body.rows.length > KEPT) body.lastElementChild.remove();
  if (body.rows.length > 1) body.querySelector(".none")?.remove();
  if (!body.rows.length) body.append(el("tr", { class: "none" }, el("td", { class: "muted", colspan: 6 }, empty)));
}
