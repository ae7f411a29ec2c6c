// What is locked: the environment's id, the engine builds, and the bytes of each model.

import { ask } from "./api.js";
import { at, copyable, el } from "./dom.js";

let shown = null;

export function environment(now) {
  if (shown === now.environment) return;
  shown = now.environment;
  const facts = [
    fact("Environment id", copyable(now.environment)),
    fact("Platform", now.platform),
    fact("Engine", now.engines.join("; ") || "unknown"),
  ];
  at("environment").replaceChildren(...facts.flat());
  bytes();
}

function fact(name, ...value) {
  return [el("dt", {}, name), el("dd", {}, ...value)];
}

async function bytes() {
  const answer = await ask("/v1/models");
  const { data } = await answer.json();
  at("environment").append(...data.flatMap((model) => fact(model.id, copyable(model.digest))));
}
