// The models: what each does, what it takes of the memory, and the buttons that load and unload it.

import { ask } from "./api.js";
import { at, bytes, el, show } from "./dom.js";

const rows = new Map();
const ACTIONS = { unloaded: "load", ready: "unload" };

export function models(now) {
  memory(now);
  for (const model of now.models) {
    if (!rows.has(model.name)) {
      rows.set(model.name, row(model));
      at("models").append(rows.get(model.name).root);
    }
    update(rows.get(model.name), model);
  }
}

function memory(now) {
  const loaded = now.models.filter((model) => model.state !== "unloaded");
  const bars = [bar("Memory", now.memory, loaded.map((model) => [model, model.used?.host ?? null, host(model)]))];
  if (now.memory.gpu) {
    const taken = loaded.map((model) => [model, model.used?.gpu ?? null, model.gpu_memory]);
    bars.push(bar("GPU memory", now.memory.gpu, taken));
  }
  at("memory").replaceChildren(...bars);
}

const host = (model) => model.memory - (model.gpu_memory ?? 0);

function bar(title, { budget, declared, loaded }, taken) {
  const track = el("div", { class: "bar", role: "img", "aria-label": `${title}: ${bytes(loaded)} of ${bytes(budget)}` });
  for (const [model, used, planned] of taken) {
    if (!planned) continue;
    const seen = used === null ? "" : `, ${bytes(used)} in use`;
    const part = el("span", { class: "part", title: `${model.name}: ${bytes(planned)} planned${seen}` });
    part.dataset.state = model.state;
    part.style.width = `${Math.min(100, (planned / Math.max(budget, 1)) * 100)}%`;
    if (used !== null) {
      const inner = el("i");
      inner.style.width = `${Math.min(100, (used / planned) * 100)}%`;
      part.append(inner);
    }
    track.append(part);
  }
  const used = taken.reduce((total, [, each]) => total + (each ?? 0), 0);
  const inUse = used ? `${bytes(used)} in use, ` : "";
  const whole = `${inUse}${bytes(loaded)} planned of ${bytes(budget)}${declared ? "" : " there is"}`;
  return el("div", { class: "budget" }, el("p", {}, el("b", {}, title), el("span", {}, whole)), track);
}

function row(model) {
  const made = {
    state: el("span", { class: "pill" }),
    doing: el("span", { class: "doing" }),
    problem: el("p", { class: "wrong", hidden: true }),
    button: el("button", { type: "button" }),
  };
  const badges = [model.main ? "main" : null, model.task].filter(Boolean);
  made.button.addEventListener("click", () => act(model.name, made));
  made.root = el(
    "li",
    { "data-model": model.name },
    el("div", { class: "name" }, el("b", {}, model.name), ...badges.map((badge) => el("span", { class: "badge" }, badge))),
    made.state,
    made.doing,
    made.button,
    made.problem,
  );
  return made;
}

function update(made, model) {
  made.root.dataset.state = model.state;
  made.state.dataset.state = model.state;
  show(made.state, model.state);
  show(made.doing, doing(model));
  made.action = ACTIONS[model.state];
  show(made.button, made.action === "unload" ? "Unload" : "Load");
  made.button.disabled = made.action === undefined || made.busy === true;
  say(made, made.failure ?? model.problem);
}

function doing(model) {
  const parts = [bytes(model.memory)];
  if (model.streams) parts.push(`${model.streams} stream${model.streams === 1 ? "" : "s"}`);
  if (model.waiting) parts.push(`${model.waiting} waiting`);
  if (model.crashes) parts.push(`${model.crashes} crash${model.crashes === 1 ? "" : "es"}`);
  return parts.join(" · ");
}

function say(made, problem) {
  made.problem.hidden = !problem;
  show(made.problem, problem ? problem.split("\n")[0] : "");
}

async function act(name, made) {
  made.busy = true;
  made.button.disabled = true;
  made.failure = null;
  try {
    await ask(`/api/models/${made.action}`, { body: { model: name } });
  } catch (error) {
    made.failure = error.message;
    say(made, made.failure);
  } finally {
    made.busy = false;
    made.button.disabled = made.action === undefined;
  }
}
