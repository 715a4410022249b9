// Time: what was known at a moment, what followed what, how a memory fades, and what never does.

import { call, debounced, latest, patiently, post } from "./api.mjs";
import { curves } from "./chart.mjs";
import { count, el, fill, moment, quoted, told, when } from "./dom.mjs";
import { card } from "./memory.mjs";
import { pager } from "./pager.mjs";
import { failed } from "./say.mjs";
import { explained } from "./terms.mjs";

let place;
let pages;
let bounds = [Date.now() - 864e5, Date.now()];
const one = latest();
const searching = latest();

export function start(section, app) {
  place = (name) => section.querySelector(`#time-${name}`);
  pages = pager({
    list: place("list"),
    more: place("more"),
    fetch: async (cursor, signal) => {
      const body = { at: at().toISOString(), limit: 30, ...(cursor ? { before: cursor } : {}) };
      const found = await post("/v1/as_of", body, { signal });
      return { items: found.memories, next: found.next };
    },
    draw: (seen) => card(seen, app),
    onPage: (found, first) => { if (first) place("empty").hidden = found.items.length > 0; },
  });
  const slid = debounced(() => then(app).catch(failed), 120);
  place("slider").addEventListener("input", () => {
    const [from, to] = bounds;
    setAt(new Date(from + ((to - from) * place("slider").value) / 1000));
    slid();
  });
  place("at").addEventListener("change", () => { setSlider(); slid(); });
  place("form").addEventListener("submit", (event) => { event.preventDefault(); then(app).catch(failed); });
  place("next").addEventListener("submit", (event) => { event.preventDefault(); fading(app).catch(failed); });
  const all = () => begin(app).catch(failed);
  app.onScope(all);
  app.onChange(all);
  all();
}

export function show(id, section, app) {
  place("one").hidden = !id;
  if (id) about(id, app).catch(failed);
}

async function begin(app) {
  const oldest = await post("/v1/browse", { limit: 1, oldest: true });
  const first = oldest.memories[0]?.memory.created_at;
  bounds = [first ? +new Date(first) : Date.now() - 864e5, Date.now()];
  setAt(new Date(bounds[1]));
  setSlider();
  await Promise.all([then(app), fading(app), kept("pinned", app), kept("held", app)]);
}

const at = () => (place("at").value ? new Date(place("at").value) : new Date());
const setAt = (date) => { place("at").value = when(date).replace(" ", "T"); };
const setSlider = () => {
  const [from, to] = bounds;
  place("slider").value = Math.round((1000 * (at() - from)) / Math.max(to - from, 1));
  place("slider").setAttribute("aria-valuetext", when(at()));
};

async function then(app) {
  place("slider").setAttribute("aria-valuetext", when(at()));
  const query = place("query").value.trim();
  fill(place("then"), query ? "What would have been found then:" : "What was known and true at ", query ? "" : when(at()));
  if (!query) {
    searching(async () => undefined);
    return pages.start();
  }
  pages.clear();
  const found = await searching((signal) => patiently("/v1/search", { query, k: 10, as_of: at().toISOString() }, { signal }));
  if (found === undefined) return undefined;
  const draw = explained(found.hits);
  fill(place("list"), found.hits.map((hit) => card(hit, app, { more: draw(hit) })));
  place("empty").hidden = found.hits.length > 0;
  return undefined;
}

async function fading(app) {
  const days = Number(place("days").value);
  const found = await post("/v1/fading", { days, limit: 50 });
  const n = found.due.length;
  fill(place("fading"), n ? `${found.more ? "More than " : ""}${count(n, "memory", "memories")} fade within ${count(days, "day")} if not used.` : `Nothing fades within ${count(days, "day")}.`);
  const row = ({ memory: seen, due, retrievability }) =>
    el(
      "tr",
      {},
      el("td", {}, moment(due)),
      el("td", { class: "num" }, retrievability.toFixed(2)),
      el("th", { scope: "row" }, el("button", { type: "button", class: "plain", onclick: () => app.go("time", seen.memory.id) }, quoted(seen.memory.text.slice(0, 120)))),
    );
  const head = ["due", "now", "memory"].map((name) => el("th", { scope: "col" }, name));
  fill(place("due"), n > 0 && el("div", { class: "wide-table", tabindex: "0", role: "region", "aria-label": "What fades" }, el("table", {}, el("caption", {}, "Archived, not forgotten, when sleep is told to fade"), el("thead", {}, el("tr", {}, head)), el("tbody", {}, found.due.map(row)))));
}

async function kept(flag, app) {
  const found = await post("/v1/kept", { flag, limit: 50 });
  const drawn = found.memories.map((seen) => {
    const reason = found.reasons[seen.memory.id];
    return card(seen, app, { more: reason ? [el("p", { class: "note" }, "Because: ", quoted(reason))] : [] });
  });
  const more = found.more && el("li", { class: "soft" }, "and more");
  fill(place(flag), drawn.length ? [drawn, more] : el("li", { class: "soft" }, "none"));
}

async function about(id, app) {
  const got = await one((signal) =>
    Promise.all([
      call("GET", `/v1/memories/${id}`, undefined, { signal }),
      call("GET", `/v1/memories/${id}/history`, undefined, { signal }),
      call("GET", `/v1/memories/${id}/forgetting`, undefined, { signal }),
    ]));
  if (got === undefined) return;
  const [memory, { memories }, fades] = got;
  fill(place("card"), card({ memory, length: memory.text.length, parts: memory.parts.length, standing: fades.standing }, app));
  fill(place("chain"), memories.map((step) => link(step, id, app)));
  drawCurve(fades);
  place("why").hidden = true;
  place("kept").onclick = async () => {
    try {
      const found = await call("GET", `/v1/memories/${id}/retention`);
      fill(place("why"), found.summary).hidden = false;
    } catch (error) {
      failed(error);
    }
  };
}

function link(step, id, app) {
  const from = step.valid_from ?? step.created_at;
  const span = [moment(from), " to ", step.valid_to ? moment(step.valid_to) : "now"];
  const text = el("bdi", { dir: "auto" }, told(step.text.slice(0, 300)));
  const shown = step.id === id ? el("strong", {}, text) : el("button", { type: "button", class: "plain", onclick: () => app.go("time", step.id) }, text);
  return el("li", { class: step.valid_to ? null : "now" }, el("div", { class: "soft" }, span, step.valid_to ? " (ended)" : ""), shown);
}

function drawCurve(fades) {
  const due = fades.due ? `due to fade on ${when(fades.due)}` : fades.standing.archived ? "archived already" : fades.standing.pinned || fades.standing.held ? "never due: it is pinned or held" : "never due";
  const uses = count(fades.retrievals, "use");
  const said = `Retrievability ${fades.retrievability.toFixed(2)} now; ${due}. ${uses} and ${count(fades.lapses, "lapse")} since it was stored. By ${fades.policy}, archived below ${fades.threshold}.`;
  const past = fades.past.length ? "" : " Its past curve is not drawn: not all of its uses are known one by one.";
  fill(place("said"), said + past);
  const lines = [{ name: "past", points: fades.past, colour: 0 }, { name: "future", points: fades.future, dashed: true, colour: 0 }];
  fill(place("curve"), curves({ lines, marks: fades.uses, now: fades.now, due: fades.due, threshold: fades.threshold, label: said }));
  fill(place("uses").querySelector("div"), el("ul", {}, fades.uses.map((use, n) => el("li", {}, moment(use), n === 0 && fades.uses.length === fades.retrievals + 1 ? " stored" : " used"))));
}
