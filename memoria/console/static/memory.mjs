// How a memory is shown, in every section.

import { call } from "./api.mjs";
import { count, el, moment, quoted, told } from "./dom.mjs";
import { failed, panel } from "./say.mjs";

const PIECE = 20_000;

// A card. seen: { memory, length, parts, standing }. more: further nodes. acts: buttons beside the usual ones.
export function card(seen, app, { more = [], acts = [], heading = null } = {}) {
  const { memory, standing } = seen;
  return el(
    "li",
    { class: "card", data: { id: memory.id } },
    heading,
    said(seen),
    el("p", { class: "about" }, facts(memory), flags(standing, seen.parts)),
    more,
    el("p", { class: "do" }, acts, ways(memory, app)),
  );
}

// The text: all of it, or its beginning with a way to all of it.
export function said(seen) {
  const { memory, length } = seen;
  const text = el("p", { class: "said", dir: "auto" }, told(memory.text));
  if (length <= memory.text.length) return text;
  const open = el("button", { type: "button", class: "plain" }, `Show all ${count(length, "character")}`);
  open.addEventListener("click", () => whole(memory.id).catch(failed));
  return el("div", {}, text, el("p", { class: "do" }, open));
}

// All of a memory in a dialog, piece by piece, so that a text of a megabyte does not stop the page.
export async function whole(id) {
  const memory = await call("GET", `/v1/memories/${id}`);
  const place = el("div", { class: "big said", tabindex: "0", role: "region", "aria-label": "The whole text" });
  const dialog = panel("The whole memory", el("p", { class: "about soft" }, facts(memory)), place, details(memory));
  for (let at = 0; at < memory.text.length && dialog.isConnected; at += PIECE) {
    place.append(el("span", { dir: "auto" }, told(memory.text.slice(at, at + PIECE))));
    await new Promise((resolve) => setTimeout(resolve));
  }
  place.dataset.whole = "yes";
}

function facts(memory) {
  const fact = (name, value) => value && el("span", {}, `${name} `, quoted(value));
  return [
    el("span", {}, moment(memory.created_at)),
    el("span", {}, memory.kind),
    fact("about", memory.subject),
    fact("by", memory.speaker),
    fact("in", memory.session),
    fact("from", memory.source),
    memory.namespace.length > 0 && fact("namespace", memory.namespace.join("/")),
    memory.tags.length > 0 && fact("tags", memory.tags.join(", ")),
    memory.valid_from && el("span", {}, "valid from ", moment(memory.valid_from)),
    memory.valid_to && el("span", {}, "valid until ", moment(memory.valid_to)),
    memory.expires_at && el("span", {}, "expires ", moment(memory.expires_at)),
  ];
}

function flags(standing, parts) {
  return [
    standing?.pinned && el("span", { class: "badge good" }, "pinned"),
    standing?.held && el("span", { class: "badge warn" }, "held"),
    standing?.archived && el("span", { class: "badge" }, "archived"),
    parts > 0 && el("span", { class: "badge" }, `gist of ${parts}`),
  ];
}

function ways(memory, app) {
  const link = (section, text) => el("button", { type: "button", class: "plain", onclick: () => app.go(section, memory.id) }, text);
  return [
    el("button", { type: "button", class: "plain", onclick: () => whole(memory.id).catch(failed) }, "Details"),
    link("time", "Time"),
    link("lineage", "Lineage"),
    memory.derived_from.length > 0 && link("why", "Made from"),
  ];
}

function details(memory) {
  const row = (name, value) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, value));
  const parts = memory.parts.map((part) => el("li", { class: "card" }, el("p", { class: "said", dir: "auto" }, told(part.text)), el("p", { class: "about" }, facts(part))));
  return [
    el(
      "table",
      {},
      el("caption", { class: "seen-only" }, "Fields"),
      el(
        "tbody",
        {},
        row("id", el("code", {}, memory.id)),
        row("salience", memory.salience.toFixed(2) + (memory.judged ? ", judged from the text" : ", given")),
        row("key", memory.key ? quoted(memory.key) : "none"),
        row("made from", memory.derived_from.length ? count(memory.derived_from.length, "memory", "memories") : "nothing: it was observed"),
        row("seen by", memory.visible_to === null ? "whoever reads the namespace" : memory.visible_to.length ? quoted(memory.visible_to.join(", ")) : "the owner alone"),
        row("metadata", Object.keys(memory.metadata).length ? el("pre", {}, told(JSON.stringify(memory.metadata, null, 1))) : "none"),
      ),
    ),
    parts.length > 0 && el("details", {}, el("summary", {}, `${count(parts.length, "part")} of this gist`), el("ul", { class: "cards" }, parts)),
  ];
}
