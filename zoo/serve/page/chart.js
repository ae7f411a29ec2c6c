// The chart of how fast answers stream: one line for each model, drawn by hand as SVG.

import { at, el, rate, show } from "./dom.js";

const LENGTH = 300;
const LEAST = 170;
const LEFT = 40;
const BOTTOM = 22;
const TOP = 8;
const COLOURS = 6;
const SVG = "http://www.w3.org/2000/svg";

let samples = [];
const colours = new Map();

export function chart(news) {
  samples = news === null ? [] : [...samples, ...news].slice(-LENGTH);
  const last = samples.at(-1)?.rates ?? {};
  show(at("rate"), rate(Object.values(last).reduce((total, each) => total + each, 0)));
  draw(last);
}

addEventListener("resize", () => chart([]));

function colour(model) {
  if (!colours.has(model)) colours.set(model, colours.size % COLOURS);
  return colours.get(model);
}

function svg(tag, attributes, text = null) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== null) made.textContent = text;
  return made;
}

function draw(last) {
  const width = Math.max(240, at("chart").clientWidth);
  const height = Math.max(LEAST, at("chart").clientHeight);
  const names = [...new Set(samples.flatMap((sample) => Object.keys(sample.rates)))];
  const top = ceiling(Math.max(4, ...samples.flatMap((sample) => Object.values(sample.rates))));
  const x = (index) => LEFT + ((LENGTH - samples.length + index) / (LENGTH - 1)) * (width - LEFT - 4);
  const y = (value) => TOP + (1 - value / top) * (height - TOP - BOTTOM);
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img" });
  root.append(svg("title", {}, "Events a second over the last five minutes"), ...grid(width, height, top, y));
  for (const name of names) root.append(...line(name, x, y));
  at("chart").replaceChildren(root);
  at("legend").replaceChildren(...legend(names, last));
}

function grid(width, height, top, y) {
  const marks = [0, top / 2, top].flatMap((value) => [
    svg("line", { class: "grid", x1: LEFT, x2: width, y1: y(value), y2: y(value) }),
    svg("text", { class: "axis", x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, String(value)),
  ]);
  const foot = height - 4;
  return [
    ...marks,
    svg("text", { class: "axis", x: LEFT, y: foot }, "5 min ago"),
    svg("text", { class: "axis", x: width - 4, y: foot, "text-anchor": "end" }, "now"),
  ];
}

function line(name, x, y) {
  const points = samples.map((sample, index) => `${x(index).toFixed(1)},${y(sample.rates[name] ?? 0).toFixed(1)}`);
  const number = colour(name);
  const path = `M${points.join("L")}`;
  const base = y(0).toFixed(1);
  const area = `${path}L${x(samples.length - 1).toFixed(1)},${base}L${x(0).toFixed(1)},${base}Z`;
  return [
    svg("path", { class: `area c${number}`, d: area }),
    svg("path", { class: `line c${number}`, d: path, "data-model": name }),
  ];
}

function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((step) => step * power >= value) * power;
}

function legend(names, last) {
  const entries = names.map((name) => el(
    "li",
    {},
    el("i", { class: `c${colour(name)}` }),
    el("span", {}, name),
    el("b", {}, `${rate(last[name] ?? 0)}/s`),
  ));
  const none = el("li", { class: "muted" }, "Nothing has streamed yet.");
  return entries.length ? entries : [none];
}
