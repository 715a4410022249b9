// Lineage: what a memory was made from, on the left, and what was made from it, on the right.

import { call, latest } from "./api.mjs";
import { count, el, fill, svg, told, toldPlain, when } from "./dom.mjs";
import { card } from "./memory.mjs";
import { failed } from "./say.mjs";

const [ACROSS, DOWN, WIDE, HIGH] = [300, 84, 240, 66];
const HOW = { derived: "was made into", supersedes: "was superseded by", doubts: "is doubted by", ends: "was ended by" };
const DASH = { derived: null, supersedes: "8 4", doubts: "2 3", ends: "8 4 2 4" };
let place;
const run = latest();

export function start(section, app) {
  place = (name) => section.querySelector(`#lineage-${name}`);
  place("form").addEventListener("submit", (event) => {
    event.preventDefault();
    app.go("lineage", place("id").value);
  });
}

export function show(id, section, app) {
  if (!id) return;
  place("id").value = id;
  draw(id, app).catch(failed);
}

async function draw(id, app) {
  const found = await run((signal) => call("GET", `/v1/memories/${id}/lineage`, undefined, { signal }));
  if (found === undefined) return;
  const memories = new Map(found.memories.map((one) => [one.id, one]));
  const ids = [...memories.keys(), ...found.gone];
  const at = placed(ids, found.ties);
  const left = found.left_out ? ` ${count(found.left_out, "memory", "memories")} further away are left out.` : "";
  const gone = found.gone.length ? ` ${count(found.gone.length, "memory", "memories")} of it were forgotten.` : "";
  fill(place("said"), `${count(memories.size, "memory", "memories")}, ${count(found.ties.length, "link")}.${gone}${left}`);
  place("empty").hidden = true;
  place("keys").hidden = place("graph").hidden = place("list").hidden = false;
  fill(place("graph"), picture(found, memories, at, app));
  place("graph").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  fill(place("list").querySelector("ul"), found.ties.map((tie) => el("li", {}, name(memories, tie.parent), ` ${tie.weight < 0 ? "is kept beside" : HOW[tie.relation]} `, name(memories, tie.child))));
  const own = await call("GET", `/v1/memories/${id}`);
  fill(place("card"), card({ memory: own, length: own.text.length, parts: own.parts.length, standing: null }, app));
}

const name = (memories, id) => {
  const memory = memories.get(id);
  return memory ? el("q", { dir: "auto" }, told(memory.text.slice(0, 90))) : el("span", { class: "soft" }, `a forgotten memory (${id.slice(0, 8)})`);
};

// A column for each generation: the longest way down from a memory without sources. Few rounds even for long chains.
function placed(ids, ties) {
  const column = new Map(ids.map((id) => [id, 0]));
  for (let moved = true, rounds = 0; moved && rounds < ids.length; rounds += 1) {
    moved = false;
    for (const { parent, child } of ties) {
      if (column.get(child) <= column.get(parent)) {
        column.set(child, column.get(parent) + 1);
        moved = true;
      }
    }
  }
  const rows = new Map();
  return new Map([...ids].sort().map((id) => {
    const x = column.get(id);
    const y = rows.get(x) ?? 0;
    rows.set(x, y + 1);
    return [id, { x: x * ACROSS + 12, y: y * DOWN + 12 }];
  }));
}

function picture(found, memories, at, app) {
  const width = Math.max(...[...at.values()].map((one) => one.x)) + WIDE + 12;
  const height = Math.max(...[...at.values()].map((one) => one.y)) + HIGH + 12;
  const arrow = (tie) => {
    const [from, to] = [at.get(tie.parent), at.get(tie.child)];
    const [x0, y0, x1, y1] = [from.x + WIDE, from.y + HIGH / 2, to.x - 2, to.y + HIGH / 2];
    return svg("path", { d: `M${x0} ${y0}C${x0 + 30} ${y0} ${x1 - 30} ${y1} ${x1} ${y1}`, "stroke-dasharray": DASH[tie.relation], "marker-end": "url(#lineage-tip)" });
  };
  const tip = svg("marker", { id: "lineage-tip", viewBox: "0 0 8 8", refX: 8, refY: 4, markerWidth: 8, markerHeight: 8, orient: "auto" }, svg("path", { d: "M0 0L8 4L0 8z" }));
  const boxes = [...at].map(([id, where]) => box(id, where, memories.get(id), found, app));
  return svg("svg", { width, height, role: "group", "aria-label": "Graph of lineage" }, svg("defs", {}, tip), found.ties.map(arrow), boxes);
}

function box(id, { x, y }, memory, found, app) {
  const lines = memory ? wrapped(toldPlain(memory.text), 34, 2) : ["forgotten"];
  const beside = found.ties.filter((tie) => tie.parent === id || tie.child === id).length;
  const label = memory ? `${toldPlain(memory.text).slice(0, 120)}, ${when(memory.created_at)}, ${count(beside, "link")}` : `A forgotten memory, ${count(beside, "link")}`;
  const node = svg(
    "a",
    { href: `#lineage/${id}`, tabindex: 0, "aria-label": label, "aria-current": id === found.of ? "true" : null, "data-id": id },
    svg("rect", { x, y, width: WIDE, height: HIGH, rx: 6 }),
    svg("text", { x: x + 10, y: y + 18, class: "softly" }, memory ? `${when(memory.created_at)} ${memory.kind}` : id.slice(0, 8)),
    lines.map((line, n) => svg("text", { x: x + 10, y: y + 37 + 16 * n }, line)),
  );
  node.addEventListener("keydown", (event) => {
    const way = { ArrowRight: ["parent", "child"], ArrowLeft: ["child", "parent"] }[event.key];
    if (way === undefined) return;
    event.preventDefault();
    const next = found.ties.find((tie) => tie[way[0]] === id)?.[way[1]];
    if (next) node.ownerSVGElement.querySelector(`[data-id="${next}"]`)?.focus();
  });
  if (!memory) node.removeAttribute("href");
  return node;
}

function wrapped(text, width, most) {
  const lines = [""];
  for (const word of text.split(/\s+/)) {
    if ((lines.at(-1) + word).length > width && lines.at(-1)) lines.push("");
    lines[lines.length - 1] += `${word.slice(0, width)} `;
  }
  if (lines.length <= most) return lines;
  return [...lines.slice(0, most - 1), `${lines[most - 1].slice(0, width - 1).trimEnd()}…`];
}

