// The page: listens to what happens, and gives each part what it shows.

import { ask, events, Failure } from "./api.js";
import { chart } from "./chart.js";
import { at, seconds, show } from "./dom.js";
import { environment } from "./environment.js";
import { log } from "./logs.js";
import { models } from "./models.js";
import { playable } from "./play.js";
import { request, swap } from "./tables.js";

const SOON = 1000;
const LATE = 10000;

let started = null;

const parts = {
  status(now) {
    started = Date.now() / 1000 - now.uptime;
    show(at("version"), now.eai);
    show(at("where"), `${location.host} · ${now.platform}`);
    health(now.ready ? "ready" : "loading", now.ready ? "ready" : "loading the main model");
    show(at("streams"), sum(now.models, "streams"));
    show(at("waiting"), sum(now.models, "waiting"));
    show(at("answered"), now.requests.toString());
    models(now);
    playable(now.models);
    environment(now);
    document.title = `eai · ${now.models.filter((model) => model.state === "ready").length} loaded`;
  },
  flow: chart,
  swap,
  request,
  log,
};

function sum(list, key) {
  return list.reduce((total, each) => total + each[key], 0).toString();
}

function health(state, text) {
  at("health").dataset.state = state;
  show(at("health"), text);
}

async function listen() {
  let wait = SOON;
  for (;;) {
    try {
      const answer = await ask("/api/events");
      wait = SOON;
      for (const name of ["swap", "request", "flow", "log"]) parts[name](null);
      for await (const { event, data } of events(answer)) parts[event]?.(JSON.parse(data));
      health("stopping", "disconnected");
    } catch (error) {
      health("stopping", error instanceof Failure ? error.message : "disconnected");
    }
    started = null;
    await new Promise((resolve) => { setTimeout(resolve, wait); });
    wait = Math.min(LATE, wait * 2);
  }
}

setInterval(() => {
  show(at("uptime"), started === null ? "" : `up ${seconds(Date.now() / 1000 - started)}`);
}, SOON);

listen();
