// Elements. Whatever was remembered becomes text nodes alone: there is no way here from a text to markup.

const SVG = "http://www.w3.org/2000/svg";

function set(node, props) {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(node.dataset, value);
    else if (name in { checked: 1, value: 1, disabled: 1, hidden: 1, open: 1 }) node[name] = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  return node;
}

const grown = (node, children) => {
  node.append(...children.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false));
  return node;
};

// el("p", { class: "soft", onclick: f }, "text", node, [more]): children that are no nodes become text.
export const el = (tag, props = {}, ...children) => grown(set(document.createElement(tag), props), children);
export const svg = (tag, props = {}, ...children) => grown(set(document.createElementNS(SVG, tag), props), children);

// The same place with other children.
export const fill = (node, ...children) => {
  node.replaceChildren();
  return grown(node, children);
};

const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

// A text of users as nodes: what cannot be seen, or turns the direction of what follows, is shown by its number.
export function told(text) {
  const nodes = [];
  let from = 0;
  for (const found of text.matchAll(HIDDEN)) {
    if (found.index > from) nodes.push(text.slice(from, found.index));
    const code = found[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    nodes.push(el("span", { class: "unseen" }, `U+${code}`));
    from = found.index + found[0].length;
  }
  if (from < text.length) nodes.push(text.slice(from));
  return nodes;
}

// For attributes, which hold no nodes.
export const toldPlain = (text) => text.replace(HIDDEN, (one) => `[U+${one.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}]`);

// An element that sets its own direction, so that a text cannot turn what stands beside it.
export const quoted = (text, props = {}) => el("bdi", { dir: "auto", ...props }, told(text));

export const number = (value) => value.toLocaleString("en");
export const count = (n, one, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`;

// 2026-05-04 09:30, in the zone of the browser.
export function when(iso, { seconds = false } = {}) {
  if (iso === null || iso === undefined) return "never";
  const at = new Date(iso);
  const pad = (value) => String(value).padStart(2, "0");
  const day = `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
  return `${day} ${pad(at.getHours())}:${pad(at.getMinutes())}${seconds ? `:${pad(at.getSeconds())}` : ""}`;
}
export const moment = (iso) => el("time", { datetime: iso ?? undefined }, when(iso));

// Sizes and colours that are computed are set here: style attributes in markup are against the policy of the page.
export const styled = (node, styles) => {
  for (const [name, value] of Object.entries(styles)) node.style.setProperty(name, value);
  return node;
};
