// Why: what is found for a question, what came next, and what a prompt is made of.

import { call, latest, patiently } from "./api.mjs";
import { colour } from "./chart.mjs";
import { count, el, fill, number, styled, told } from "./dom.mjs";
import { card, whole } from "./memory.mjs";
import { failed } from "./say.mjs";
import { explained, legendOf, table, termsOf } from "./terms.mjs";

let place;
const run = latest();

export function start(section, app) {
  place = (name) => section.querySelector(`#why-${name}`);
  place("form").addEventListener("submit", (event) => {
    event.preventDefault();
    ask(app).catch(failed);
  });
  const again = () => { if (place("query").value.trim()) ask(app).catch(failed); };
  app.onScope(again);
  app.onChange(again);
}

// An id is that of a memory that was made from others, such as a reply: what was in its prompt.
export function show(id, section, app) {
  if (id) reply(id, app).catch(failed);
}

async function ask(app) {
  const asked = { query: place("query").value.trim(), k: Number(place("k").value) };
  const [found, prompt] = (await run((signal) => Promise.all([
    patiently("/v1/search", { ...asked, runners: Number(place("runners").value) }, { signal }),
    patiently("/v1/context", { ...asked, budget: Number(place("budget").value) }, { signal }),
  ]))) ?? [];
  if (found === undefined) return;
  const all = [...found.hits, ...found.runners];
  const names = termsOf(all);
  const draw = explained(all);
  place("empty").hidden = true;
  place("found").hidden = false;
  const sure = found.known === null ? "" : `; anything known is wanted with probability ${found.known.toFixed(2)}`;
  fill(place("heading"), `${count(found.hits.length, "hit")}, ${found.runners.length} next${sure}`);
  fill(place("legend"), legendOf(all));
  fill(place("hits"), found.hits.map((hit) => card(hit, app, { more: draw(hit) })));
  fill(place("runners-list"), found.runners.map((hit) => card(hit, app, { more: draw(hit) })));
  for (const one of place("runners-list").children) one.classList.add("runner");
  if (!found.runners.length) fill(place("runners-list"), el("li", { class: "soft" }, "None: nothing else was near."));
  fill(place("table"), table(all, names, "Terms of each score", (hit, n) => [`${n + 1}. `, el("bdi", { dir: "auto" }, told(hit.memory.text.slice(0, 60)))]));
  drawPrompt(prompt, "The prompt for this question");
}

async function reply(id, app) {
  const [seen, prompt] = await Promise.all([call("GET", `/v1/memories/${id}`), call("GET", `/v1/memories/${id}/prompt`)]);
  place("found").hidden = true;
  const shown = card({ memory: seen, length: seen.text.length, parts: seen.parts.length, standing: null }, app);
  place("empty").hidden = true;
  drawPrompt(prompt, "What this was made from", el("ul", { class: "cards" }, shown));
}

function drawPrompt(prompt, title, before = null) {
  place("prompt").hidden = false;
  fill(place("prompt-heading"), title);
  const budget = prompt.budget === null ? "" : ` of ${number(prompt.budget)}`;
  const out = prompt.left_out.length ? `; ${prompt.left_out.length} did not fit` : "";
  const gone = prompt.gone.length ? `; ${count(prompt.gone.length, "memory was", "memories were")} forgotten since` : "";
  fill(place("prompt-said"), `${count(prompt.notes.length, "note")}, ${number(prompt.tokens)}${budget} tokens${out}${gone}.`);
  const total = Math.max(prompt.budget ?? prompt.tokens, 1);
  fill(place("budget-bar"), prompt.notes.map((note, n) => styled(el("span"), { width: `${(100 * note.tokens) / total}%`, background: colour(n % 8) })));
  const row = (note, n, kept) => {
    const used = note.used === null ? null : note.used ? "said again" : "not said again";
    return el(
      "tr",
      {},
      el("td", {}, kept && styled(el("span", { class: "chip", "aria-hidden": "true" }), { background: colour(n % 8) })),
      el("th", { scope: "row" }, el("bdi", { dir: "auto" }, told(note.line.slice(2, 302)))),
      el("td", { class: "num" }, number(note.tokens)),
      el("td", {}, kept ? used ?? (note.in_part ? "in part" : "whole") : "does not fit"),
      el("td", {}, note.made_from.length ? `${count(note.made_from.length, "memory", "memories")}` : "observed"),
      el("td", {}, el("button", { type: "button", class: "plain", onclick: () => whole(note.id).catch(failed) }, "Details")),
    );
  };
  const head = ["", "note", "tokens", "how", "made from", ""].map((name) => el(name ? "th" : "td", name ? { scope: "col" } : {}, name));
  fill(
    place("notes"),
    before,
    el(
      "div",
      { class: "wide-table", tabindex: "0", role: "region", "aria-label": "Notes of the prompt" },
      el(
        "table",
        {},
        el("caption", {}, "Notes, oldest first. Tokens are about a quarter of the bytes."),
        el("thead", {}, el("tr", {}, head)),
        el("tbody", {}, prompt.notes.map((note, n) => row(note, n, true)), prompt.left_out.map((note, n) => row(note, n, false))),
      ),
    ),
  );
  fill(place("text"), told(prompt.text));
}
