// Night: what a pass of sleep would do, thing by thing; and facts that wait for a yes.

import { call, post } from "./api.mjs";
import { count, el, fill, number, quoted, toldPlain } from "./dom.mjs";
import { moreButton, pager } from "./pager.mjs";
import { ask, failed, say } from "./say.mjs";
import { facts, opener, whole } from "./texts.mjs";

const KINDS = {
  settle: ["What later statements change", "What ends stays in the past and can be read there."],
  gather: ["Gathered into gists", "Each part stays whole inside, and can be forgotten out of it."],
  archive: ["Archived, because it has faded", "Out of recall; it can be brought back."],
  forget: ["Forgotten for ever, because it has long faded", "This cannot be undone."],
  expire: ["Erased, because its time has passed", "This cannot be undone; until then nobody sees it."],
};
const FINAL = new Set(["forget", "expire"]);
const INFERRED = new Set(["settle", "gather"]);
let place;
let planned = null;
let waiting;
let toggled = 0;

export function start(section, app) {
  place = (name) => section.querySelector(`#night-${name}`);
  place("form").addEventListener("submit", (event) => {
    event.preventDefault();
    plan().catch(failed);
  });
  place("switch").addEventListener("change", toggle);
  place("keep").addEventListener("click", () => decide("keep"));
  place("decline").addEventListener("click", () => decide("decline"));
  place("facts").addEventListener("change", counted);
  const more = moreButton();
  place("facts").after(more);
  waiting = pager({
    list: place("facts"),
    more,
    fetch: async (cursor, signal) => {
      const before = toggled;
      const found = await call("GET", `/v1/review?limit=50${cursor === null ? "" : `&after=${cursor}`}`, undefined, { signal });
      // What somebody has said meanwhile counts, not what was so when it was asked.
      if (before === toggled) place("switch").checked = found.on;
      if (cursor === null) place("none").hidden = found.memories.length > 0;
      return { items: found.memories, next: found.after };
    },
    draw: drawFact,
    onPage: counted,
  });
  app.onScope(() => { planned = null; fill(place("plan")); });
}

export function show() {
  waiting.start();
}

const options = () => ({ fade: place("fade").checked, prune: place("prune").checked });

async function plan() {
  const asked = options();
  const found = await post("/v1/night/plan", asked);
  planned = { asked, things: found.things };
  const boxes = [];
  const groups = Object.keys(KINDS).map((what) => drawGroup(what, found.things.filter((one) => one.what === what), boxes));
  const go = el("button", { type: "button", class: "go" });
  const no = el("button", { type: "button" });
  const all = el("input", { type: "checkbox", id: "night-all" });
  const inferred = () => boxes.filter((one) => one.checked && INFERRED.has(one.dataset.what)).map((one) => one.value);
  const drawn = () => {
    const n = boxes.filter((one) => one.checked).length;
    go.disabled = n === 0;
    go.textContent = `Do what is chosen (${number(n)})`;
    const refusable = inferred().length;
    no.disabled = refusable === 0;
    no.textContent = `Never do these (${number(refusable)})`;
    all.checked = n === boxes.length && n > 0;
    all.indeterminate = n > 0 && n < boxes.length;
  };
  all.addEventListener("change", () => { for (const box of boxes) box.checked = all.checked; drawn(); });
  for (const box of boxes) box.addEventListener("change", drawn);
  go.addEventListener("click", () => carryOut(boxes.filter((one) => one.checked).map((one) => one.value)));
  no.addEventListener("click", () => refuse(inferred()));
  drawn();
  fill(
    place("plan"),
    el("h2", { tabindex: "-1" }, found.things.length ? `A night would do ${count(found.things.length, "thing")}` : "A night would do nothing"),
    el("p", { class: "soft" }, `It looked at ${count(found.replayed, "memory", "memories")}. Nothing has changed yet.${found.capped ? " More is left for another night." : ""}`),
    found.things.length > 0 && el("p", {}, el("label", { class: "check", for: all.id }, all, " All of it")),
    groups,
    found.things.length > 0 && el("p", { class: "row" }, go, found.things.some((one) => INFERRED.has(one.what)) && no),
  );
  place("plan").querySelector("h2").focus();
}

function drawGroup(what, things, boxes) {
  if (!things.length) return [];
  const [title, about] = KINDS[what];
  const cards = things.map((one, at) => {
    const box = el("input", { type: "checkbox", id: `night-${what}-${at}`, value: one.key, data: { what } });
    boxes.push(box);
    return el(
      "li",
      { class: "card" },
      el("label", { class: "pick", for: box.id }, box, el("span", {}, saidOf(one))),
      one.text && el("div", {}, el("p", { class: "about" }, "It would say:"), whole(one.text)),
      one.by && el("div", {}, opener(one.by, "Show the statement")),
      one.ids.map((id, n) => el("div", {}, opener(id, one.ids.length > 1 ? `Show text ${n + 1}` : "Show text"))),
    );
  });
  return [el("h3", {}, `${title} (${number(things.length)})`), el("p", { class: "soft" }, about), el("ul", { class: "cards" }, cards)];
}

function saidOf(one) {
  if (one.what === "gather") return one.gist ? `${count(one.ids.length, "memory joins", "memories join")} a gist` : `${count(one.ids.length, "memory", "memories")} become one gist`;
  if (one.what === "settle") return `${{ doubt: "makes doubtful", delete: "ends", update: "replaces" }[one.action] ?? toldPlain(one.action)} ${count(one.ids.length, "memory", "memories")}: ${toldPlain(one.reason)}`;
  return "1 memory";
}

async function carryOut(only) {
  const chosen = planned.things.filter((one) => only.includes(one.key));
  const final = chosen.filter((one) => FINAL.has(one.what)).length;
  const about = el("p", {}, final ? `${count(final, "of them erases", "of them erase")} a memory for ever.` : "All of it can be undone.");
  const how = final ? { typed: String(chosen.length), danger: true, go: "Do it for ever" } : { go: "Do it" };
  if (!(await ask({ title: `Do ${count(chosen.length, "thing")}?`, about, ...how }))) return;
  try {
    const done = await post("/v1/night", { ...planned.asked, only });
    const words = [
      done.settled && count(done.settled, "change of fact", "changes of fact"),
      done.gists.length && count(done.gists.length, "gist"),
      done.archived.length && `${number(done.archived.length)} archived`,
      done.forgotten.length && `${number(done.forgotten.length)} forgotten`,
      done.expired.length && `${number(done.expired.length)} erased in time`,
    ].filter(Boolean);
    say(`Done: ${words.join(", ") || "nothing"}.`);
    if (done.gone.length) say(`${count(done.gone.length, "thing has", "things have")} changed since you looked, and nothing came of it.`, { alarm: true });
    await plan();
  } catch (error) {
    failed(error);
  }
}

async function refuse(only) {
  const about = el("p", {}, "Nothing of them is done, and they are not proposed again: memories hold beside what was said later, and no gist is made of just these.");
  if (!(await ask({ title: `Never do ${count(only.length, "thing")}?`, about, go: "Never" }))) return;
  try {
    const done = await post("/v1/night/refuse", { only });
    say(`${count(done.refused.length, "thing is", "things are")} not proposed again.`);
    await plan();
  } catch (error) {
    failed(error);
  }
}

function drawFact(memory) {
  const box = el("input", { type: "checkbox", id: `fact-${memory.id}`, value: memory.id });
  return el(
    "li",
    { class: "card" },
    el("label", { class: "pick", for: box.id }, box, memory.text.length > 1500 ? whole(memory.text) : quoted(memory.text)),
    facts(memory),
    memory.derived_from.map((id) => el("div", {}, opener(id, "Show what it was found in"))),
  );
}

const picked = () => [...place("facts").querySelectorAll("input:checked")].map((box) => box.value);

function counted() {
  const n = picked().length;
  for (const name of ["keep", "decline"]) place(name).disabled = n === 0;
  place("picked").textContent = n ? count(n, "fact is chosen", "facts are chosen") : "";
}

async function decide(which) {
  const ids = picked();
  if (which === "decline" && !(await ask({ title: `Forget ${count(ids.length, "fact")}?`, about: el("p", {}, "They are erased, and not learnt again from the same words. What they were found in stays."), go: "Forget", danger: true }))) return;
  try {
    await call("POST", "/v1/review", { [which]: ids });
    say(which === "keep" ? `${count(ids.length, "fact is", "facts are")} used from now on.` : `${count(ids.length, "fact is", "facts are")} forgotten.`);
    waiting.start();
  } catch (error) {
    failed(error);
  }
}

async function toggle() {
  const box = place("switch");
  const on = box.checked;
  const mine = (toggled += 1);
  try {
    await call("PUT", "/v1/review", { on });
    say(on ? "What is inferred waits for a yes from now on." : "What is inferred is used at once from now on. Facts that wait go on waiting.");
  } catch (error) {
    if (mine === toggled) box.checked = !on;
    failed(error);
  }
}
