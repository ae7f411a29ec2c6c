// Small helpers: elements, numbers for people, copying.

export const at = (id) => document.getElementById(id);

// Text is only ever set as text, so nothing that a model or a log says becomes markup.
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export function show(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function bytes(size) {
  const mib = size / 2 ** 20;
  return mib >= 1024 ? `${(mib / 1024).toFixed(1)} GiB` : `${Math.round(mib)} MiB`;
}

export function seconds(value) {
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  if (value < 60) return `${value.toFixed(value < 10 ? 1 : 0)} s`;
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const first = units.findIndex(([, length]) => value >= length);
  const [unit, length] = units[first];
  const next = units[first + 1];
  const rest = next ? ` ${Math.floor((value % length) / next[1])} ${next[0]}` : "";
  return `${Math.floor(value / length)} ${unit}${rest}`;
}

export const clock = (at) => new Date(at * 1000).toLocaleTimeString([], { hour12: false });

export const rate = (value) => (value >= 100 || value === 0 ? Math.round(value).toString() : value.toFixed(1));

export function copyable(text, shown = text) {
  const button = el("button", { type: "button", class: "quiet", title: `Copy ${text}` }, "Copy");
  button.addEventListener("click", async () => {
    await copy(text, button);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  return el("span", { class: "copyable" }, el("code", { title: text }, shown), button);
}

async function copy(text, near) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  // Over plain http from another machine, browsers give no clipboard.
  const area = el("textarea", { class: "offscreen", readonly: true });
  area.value = text;
  near.after(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
