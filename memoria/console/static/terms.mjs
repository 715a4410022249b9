// Why a memory was found: the terms whose sum is its score, as bars and as a table.

import { legend, stacks } from "./chart.mjs";
import { count, el, told } from "./dom.mjs";

// The names of all terms of some hits: those that weigh most first, so that they have the first colours.
export function termsOf(hits) {
  const weight = new Map();
  for (const hit of hits) {
    for (const [name, value] of Object.entries(hit.terms)) weight.set(name, Math.max(weight.get(name) ?? 0, Math.abs(value)));
  }
  return [...weight].filter(([, w]) => w > 0.005).sort((a, b) => b[1] - a[1]).map(([name]) => name);
}

export const legendOf = (hits) => legend(termsOf(hits));

// Gives a function from a hit to nodes that say why.
export function explained(hits) {
  const names = termsOf(hits);
  const draw = stacks(hits, names);
  return (hit) => {
    const sorted = Object.entries(hit.terms).filter(([, v]) => Math.abs(v) > 0.005).sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]));
    const sure = hit.probability === null ? "" : `, wanted with probability ${hit.probability.toFixed(2)}`;
    const first = sorted.slice(0, 3).map(([name, v]) => `${name} ${v > 0 ? "+" : "−"}${Math.abs(v).toFixed(2)}`).join(", ");
    return [
      draw(hit),
      el("p", { class: "soft need" }, `Need ${hit.score.toFixed(2)}${sure}: ${first}${sorted.length > 3 ? " ..." : ""}`),
      hit.doubted_by.length > 0 && el("p", { class: "note" }, `Doubted by ${count(hit.doubted_by.length, "later statement")}.`),
      hit.passage && el("p", { class: "soft" }, "It is about the passage: ", el("q", { dir: "auto" }, told(hit.passage.slice(0, 300)))),
    ];
  };
}

// A table with a row a hit and a column a term, for screen readers and for who wants the numbers.
export function table(hits, names, caption, named) {
  const cell = (v) => el("td", { class: "num" }, v === undefined ? "" : v.toFixed(2));
  const head = ["memory", "need", "probability", ...names].map((one, n) => el("th", { scope: "col", class: n ? "num" : null }, one));
  const rows = hits.map((hit, n) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, named(hit, n)),
      cell(hit.score),
      cell(hit.probability ?? undefined),
      names.map((name) => cell(hit.terms[name])),
    ));
  return el(
    "div",
    { class: "wide-table", tabindex: "0", role: "region", "aria-label": caption },
    el("table", {}, el("caption", {}, caption), el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows)),
  );
}
