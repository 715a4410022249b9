// Policies: how memories fade, side by side; how a budget is divided; why a memory is kept.

import { call, post } from "./api.mjs";
import { count, el, fill, number, quoted, styled, svg, toldPlain } from "./dom.mjs";
import { answers, bytes, save } from "./files.mjs";
import { failed } from "./say.mjs";
import { wide } from "./tables.mjs";
import { opener } from "./texts.mjs";

const MOST = 8;
const REPORT = "/v1/policies/report";
const FIRST = ["exponential", "fsrs", "act-r"];
const W = 640;
const H = 300;
const LEFT = 44;
const BOTTOM = 34;
let place;

export function start(section) {
  place = (name) => section.querySelector(`#policies-${name}`);
  place("form").addEventListener("submit", (event) => {
    event.preventDefault();
    draw().catch(failed);
  });
  place("allocate").addEventListener("submit", (event) => {
    event.preventDefault();
    allocate().catch(failed);
  });
  place("evict").addEventListener("click", () => evict().catch(failed));
  place("save").addEventListener("click", () => bytes("GET", REPORT).then((found) => save(found, "policy-lab.html")).catch(failed));
  place("show").addEventListener("click", () => report().catch(failed));
  list().catch(failed);
}

export function show(id) {
  if (id) why(id, place("why")).catch(failed);
}

async function list() {
  const found = await call("GET", "/v1/policies");
  fill(place("names"), found.map((one) => {
    const box = el("input", { type: "checkbox", id: `policy-${one.name}`, value: one.name, checked: FIRST.includes(one.name) });
    box.addEventListener("change", limit);
    return el("label", { class: "check", for: box.id }, box, " ", toldPlain(one.name));
  }));
  fill(place("about"), found.map((one) => el("details", {}, el("summary", {}, toldPlain(one.name)), el("pre", { tabindex: "0" }, toldPlain(one.about)), el("p", { class: "soft" }, Object.entries(one.parameters).map(([name, value]) => `${name} ${JSON.stringify(value)}`).join("; ")))));
  await draw();
}

const chosen = () => [...place("names").querySelectorAll("input:checked")].map((box) => box.value);

function limit() {
  const full = chosen().length >= MOST;
  for (const box of place("names").querySelectorAll("input")) box.disabled = full && !box.checked;
}

async function draw() {
  const policies = chosen();
  if (!policies.length) { fill(place("chart"), el("p", { class: "empty" }, "Choose a policy.")); return; }
  const uses = place("uses").value.split(/[\s,;]+/).filter(Boolean).map(Number).filter((one) => one >= 0);
  const days = Number(place("days").value);
  const found = await call("POST", "/v1/policies/curves", { policies, uses, days, points: 201 });
  fill(place("chart"), chart(found, uses), table(found));
}

const x = (day, days) => LEFT + (W - LEFT - 8) * (day / days);
const y = (value) => 8 + (H - BOTTOM - 8) * (1 - value);

function chart(found, uses) {
  const days = found.days.at(-1);
  const ticks = [0, 0.25, 0.5, 0.75, 1];
  const lines = found.curves.map((one, at) => {
    const points = one.retrievability.map((value, n) => `${x(found.days[n], days).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
    return styled(svg("polyline", { points, fill: "none", "stroke-width": 2.2, "stroke-dasharray": at > 3 ? "6 4" : undefined }), { stroke: `var(--c${at})` });
  });
  const drawn = svg(
    "svg",
    { class: "curves", viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `Retrievability over ${number(days)} days by ${count(found.curves.length, "policy", "policies")}; the table below has the numbers` },
    ticks.map((one) => [svg("line", { class: "axis", x1: LEFT, x2: W - 8, y1: y(one), y2: y(one) }), svg("text", { x: LEFT - 6, y: y(one) + 4, "text-anchor": "end" }, one.toFixed(2))]),
    ticks.map((one) => svg("text", { x: x(one * days, days), y: H - BOTTOM + 18, "text-anchor": one === 1 ? "end" : "middle" }, number(Math.round(one * days)))),
    svg("text", { class: "softly", x: W - 8, y: H - 2, "text-anchor": "end" }, "days"),
    svg("line", { class: "axis", "stroke-dasharray": "4 4", x1: LEFT, x2: W - 8, y1: y(found.below), y2: y(found.below) }),
    svg("text", { class: "softly", x: W - 10, y: y(found.below) - 4, "text-anchor": "end" }, "archived below"),
    uses.filter((day) => day <= days).map((day) => svg("path", { class: "axis", fill: "currentColor", d: `M${x(day, days)} ${H - BOTTOM}l-4 8h8z` })),
    lines,
  );
  const legend = el("ul", { class: "legend" }, found.curves.map((one, at) => el("li", {}, styled(el("span", { class: "swatch" }), { "background-color": `var(--c${at})` }), toldPlain(one.policy))));
  return el("figure", {}, el("div", { class: "wide-table", tabindex: "0", role: "group", "aria-label": "The curves" }, drawn), legend, el("figcaption", {}, uses.length ? "Triangles are uses. All curves are of one memory, stored on day 0." : "One memory, stored on day 0 and never used."));
}

function table(found) {
  const at = [0, 0.25, 0.5, 0.75, 1].map((part) => Math.round(part * (found.days.length - 1)));
  return el(
    "details",
    {},
    el("summary", {}, "The numbers"),
    wide(
      "Retrievability by day",
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Policy"), at.map((n) => el("th", { scope: "col", class: "num" }, `day ${number(Math.round(found.days[n]))}`)), el("th", { scope: "col", class: "num" }, "archived on day"))),
      el("tbody", {}, found.curves.map((one) => el("tr", {}, el("th", { scope: "row" }, toldPlain(one.policy)), at.map((n) => el("td", { class: "num" }, one.retrievability[n].toFixed(3))), el("td", { class: "num" }, one.fades_on === null ? "never" : number(Math.round(one.fades_on)))))),
    ),
  );
}

// The report has a frame of its own, in which nothing runs: what is in it reaches neither this page nor the service.
async function report() {
  const open = place("report").hasChildNodes();
  // A frame would show the answer that there is no report; here it is said.
  if (!open) await answers(REPORT);
  fill(place("report"), !open && el("iframe", { class: "report", src: REPORT, sandbox: true, title: "The report of the policy lab", referrerpolicy: "no-referrer" }));
  place("show").setAttribute("aria-expanded", String(!open));
  place("show").textContent = open ? "Show the report" : "Hide the report";
}

const budget = () => ({ total: Number(place("total").value), by: place("by").value });

async function allocate() {
  const { total, by } = budget();
  const found = await post("/v1/allocate", { total, by });
  const rows = found.shares.map((one) => el(
    "tr",
    {},
    el("th", { scope: "row" }, one.namespace.length ? quoted(one.namespace.join("/")) : "itself"),
    [number(one.places), ...(by === "count" ? [] : [number(one.memories)]), one.hits.toFixed(2), one.uses.toFixed(2), one.next_place.toPrecision(2)].map((cell) => el("td", { class: "num" }, cell)),
  ));
  const heads = ["Namespace", `Its share, in ${by === "count" ? "memories" : by}`, ...(by === "count" ? [] : ["Memories that fit"]), "Uses that this keeps within reach", "Uses in all", "What one place more would keep"];
  fill(
    place("shares"),
    rows.length
      ? wide("How the budget is divided", el("caption", {}, `${number(found.total)} ${by === "count" ? "memories" : by}, divided by how memories are used: each next place goes where it keeps most uses within reach. Nothing was archived.`), el("thead", {}, el("tr", {}, heads.map((one, at) => el("th", { scope: "col", class: at ? "num" : undefined }, one)))), el("tbody", {}, rows))
      : el("p", { class: "empty" }, "There is nothing to divide."),
  );
}

async function evict() {
  const { total, by } = budget();
  const found = await post("/v1/evict", { [by]: total, dry_run: true });
  const shown = found.ids.slice(0, 20).map((id) => {
    const reasons = el("div", {});
    const button = el("button", { type: "button", class: "plain" }, "Why this one");
    button.addEventListener("click", () => why(id, reasons).catch(failed));
    return el("li", { class: "card" }, el("code", {}, id), el("div", {}, opener(id)), button, reasons);
  });
  fill(
    place("shares"),
    el("h3", {}, found.ids.length ? `${count(found.ids.length, "memory", "memories")} would be archived, in this order` : "Nothing would be archived"),
    el("p", { class: "soft" }, `If each namespace kept ${number(total)} ${by === "count" ? "memories" : by} at most. This is a dry run.`),
    el("ol", { class: "cards" }, shown),
    found.ids.length > shown.length && el("p", { class: "soft" }, `and ${number(found.ids.length - shown.length)} more`),
  );
}

async function why(id, where) {
  const found = await call("GET", `/v1/memories/${id}/retention`);
  const features = Object.entries(found.features);
  fill(
    where,
    el("pre", { tabindex: "0" }, toldPlain(found.summary)),
    features.length > 0 && wide("What its salience is made of", el("caption", {}, "What its salience is made of"), el("tbody", {}, features.map(([name, adds]) => el("tr", {}, el("th", { scope: "row" }, toldPlain(name)), el("td", { class: "num" }, `${adds < 0 ? "" : "+"}${adds.toFixed(2)}`))))),
  );
}
