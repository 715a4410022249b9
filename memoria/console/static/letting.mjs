// Letting go: what is chosen, what exactly would go, a typed word, and the proof.

import { call, debounced, latest, namespace, post } from "./api.mjs";
import { count, el, fill, number, quoted, toldPlain } from "./dom.mjs";
import { size } from "./files.mjs";
import { moreButton, pager } from "./pager.mjs";
import { certificate, row } from "./receipts.mjs";
import { ask, failed, say } from "./say.mjs";
import { wide } from "./tables.mjs";
import { facts, opener, whole } from "./texts.mjs";

const FIELDS = ["subject", "mentions", "speaker", "session"];
const chosen = new Map();
let place;
let hand;

export function start(section, app) {
  place = (name) => section.querySelector(`#letting-${name}`);
  place("form").addEventListener("submit", (event) => {
    event.preventDefault();
    plan().catch(failed);
  });
  place("find").addEventListener("input", debounced(find));
  place("clear").addEventListener("click", () => { chosen.clear(); drawChosen(); });
  place("again").addEventListener("click", () => { reset(); place("subject").focus(); });
  app.onScope(() => { reset(); suggest(); });
  suggest();
  hand = app;
}

export function show() {
  const given = hand.taken("letting");
  if (given === undefined) return;
  reset();
  for (const id of given.ids ?? []) chosen.set(id, null);
  for (const name of FIELDS) place(name).value = given[name] ?? "";
  drawChosen();
  plan().catch(failed);
}

function reset() {
  place("form").reset();
  chosen.clear();
  drawChosen();
  fill(place("found"));
  for (const name of ["plan", "proof"]) fill(place(name));
  step("choose");
}

// Shows one of the three steps: what is chosen, what would go, the proof.
function step(shown) {
  for (const name of ["choose", "plan", "proof"]) place(name).hidden = name !== shown;
  place("again").hidden = true;
  if (shown !== "choose") place(shown).querySelector("h2").focus();
}

// Subjects that there are, to choose from while typing.
async function suggest() {
  try {
    const found = await post("/v1/facets");
    fill(place("subjects"), found.subjects.names.map((one) => el("option", { value: one.name }, count(one.memories, "memory", "memories"))));
  } catch (error) {
    if (error.status !== 401) fill(place("subjects"));
  }
}

const run = latest();

async function find() {
  const query = place("find").value.trim();
  if (!query) { fill(place("found")); return; }
  try {
    const found = await run((signal) => post("/v1/recall", { query, k: 20, include: ["archived", "expired", "upcoming"] }, { signal }));
    if (found === undefined) return;
    fill(place("found"), found.hits.map(({ memory }) => {
      const box = el("input", { type: "checkbox", checked: chosen.has(memory.id), id: `pick-${memory.id}` });
      box.addEventListener("change", () => {
        if (box.checked) chosen.set(memory.id, memory);
        else chosen.delete(memory.id);
        drawChosen();
      });
      const text = memory.text.length > 300 ? `${memory.text.slice(0, 300)} …` : memory.text;
      return el("li", { class: "card" }, el("label", { class: "pick", for: box.id }, box, quoted(text)), facts(memory));
    }));
    if (!found.hits.length) fill(place("found"), el("li", { class: "empty" }, "Nothing is found."));
  } catch (error) {
    failed(error);
  }
}

function drawChosen() {
  place("chosen").hidden = chosen.size === 0;
  place("count").textContent = count(chosen.size, "memory is chosen", "memories are chosen");
}

// What is asked for, as the API takes it.
function criteria() {
  const asked = { namespace: namespace(), guard: place("guard").value };
  for (const name of FIELDS) if (place(name).value.trim()) asked[name] = place(name).value.trim();
  if (chosen.size) asked.ids = [...chosen.keys()];
  return asked;
}

async function plan() {
  const asked = criteria();
  if (!FIELDS.some((name) => name in asked) && !asked.ids) {
    say("Name a subject or something else, or choose memories.", { alarm: true });
    return;
  }
  const found = await call("POST", "/v1/letting/plan", { ...asked, limit: 50 });
  drawPlan(asked, found);
  step("plan");
}

function drawPlan(asked, found) {
  const list = el("ol", { class: "cards" });
  const more = moreButton();
  const go = el("button", { type: "button", class: "danger", disabled: found.count === 0 || found.held.length > 0 }, "Let go …");
  go.addEventListener("click", () => agree(asked, found));
  const back = el("button", { type: "button" }, "Choose again");
  back.addEventListener("click", () => { step("choose"); place("subject").focus(); });
  fill(
    place("plan"),
    el("h2", { tabindex: "-1" }, found.count ? `${count(found.count, "memory", "memories")} would go, for ever` : "Nothing would go"),
    el("p", { class: "soft" }, "This is a dry run: nothing has changed. If anything of it changes before you confirm, nothing is erased."),
    found.held.length > 0 && el("div", { class: "alert" }, `${count(found.held.length, "memory is", "memories are")} under a hold, which stands against all of this. Release it first, under Time.`, found.held.map((id) => el("div", {}, el("code", {}, id), " ", opener(id)))),
    list,
    more,
    drawRest(found),
    el("p", { class: "row" }, go, back),
  );
  const pages = pager({
    list,
    more,
    fetch: async (cursor, signal) => {
      const page = cursor === null ? found : await call("POST", "/v1/letting/plan", { ...asked, limit: 50, after: cursor }, { signal });
      return { items: page.going, next: page.left ? page.going.at(-1).id : null };
    },
    draw: (one) => el(
      "li",
      { class: "card" },
      facts(one),
      el("p", {}, el("span", { class: one.asked ? "badge" : "badge warn" }, one.asked ? "asked for" : "made from what goes"), " ", size(one.bytes)),
      el("div", {}, opener(one.id)),
    ),
  });
  pages.start();
}

// Whatever else changes, in words: gists that are made again, weights, copies.
function drawRest(found) {
  const parts = [];
  if (found.rewritten.length) {
    parts.push(
      el("h3", {}, `${count(found.rewritten.length, "gist is", "gists are")} made again without it`),
      el("ul", { class: "cards" }, found.rewritten.map((one) => el("li", { class: "card" }, el("p", { class: "soft" }, "As it will be:"), whole(one.text), el("div", {}, opener(one.id, "Show it as it is"))))),
    );
  }
  if (found.freed.length) parts.push(el("h3", {}, `${count(found.freed.length, "part becomes a memory", "parts become memories")} of its own again`), el("ul", { class: "cards" }, found.freed.map((one) => el("li", { class: "card" }, whole(one.text)))));
  if (found.standing_again.length) parts.push(el("h3", {}, `${count(found.standing_again.length, "memory holds", "memories hold")} again`), el("p", { class: "soft" }, "What ended or replaced it goes."), el("ul", { class: "cards" }, found.standing_again.map((id) => el("li", { class: "card" }, opener(id)))));
  if (found.shards.length) parts.push(el("h3", {}, "Weights that learnt any of it are wiped"), el("ul", {}, found.shards.map((name) => el("li", {}, el("code", {}, toldPlain(name))))));
  if (found.exports.length) parts.push(el("h3", {}, "Copies of these weights are wiped where they lie"), el("ul", {}, found.exports.map((name) => el("li", {}, el("code", {}, toldPlain(name))))));
  if (found.near.length) parts.push(el("h3", {}, `${count(found.near.length, "memory stays, though it", "memories stay, though they")} may mean the same name`), el("ul", { class: "cards" }, found.near.map((id) => el("li", { class: "card" }, opener(id)))));
  return el("div", {}, parts.length ? parts : el("p", { class: "soft" }, "No gist, no weights and no copy is touched by it."));
}

// The word to type: the subject if it is a plain one, else how many go.
function word(asked, found) {
  const plain = /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,39}$/u.test(asked.subject ?? "") && !asked.ids;
  return plain ? asked.subject : String(found.count);
}

async function agree(asked, found) {
  const scan = el("input", { type: "checkbox", id: "letting-scan", checked: true });
  const about = el(
    "div",
    {},
    el("p", {}, `${count(found.count, "memory is", "memories are")} erased from every file of this store, with keys and vectors. Nobody can bring ${found.count === 1 ? "it" : "them"} back.`),
    el("label", { class: "check", for: scan.id }, scan, " Prove it: scan every file before and after"),
  );
  const title = "Forget this for ever?";
  if (!(await ask({ title, about, go: "Forget for ever", typed: word(asked, found), danger: true }))) return;
  const body = { ...asked, digest: found.digest };
  try {
    if (scan.checked) await prove(body);
    else drawDone(await call("POST", "/v1/letting/confirm", body), null);
  } catch (error) {
    if (error.status === 403 && scan.checked) {
      say("The scan is for an operator of the store: untick it to forget without it.", { alarm: true });
    } else if (error.type === "urn:memoria:PlanChanged") changed();
    else failed(error);
  }
}

function changed() {
  say("What would go has changed since you looked: nothing was erased. This is what would go now.", { alarm: true });
  plan().catch(failed);
}

const wait = (time) => new Promise((done) => { setTimeout(done, time); });

async function prove(body) {
  let job = await call("POST", "/v1/letting/proofs", body);
  const before = meter("Before: the scanner looks for what is still there");
  const after = meter("After: it looks for the same again, and for a memory that stays");
  const state = el("p", { role: "status" }, "The files are read …");
  fill(place("proof"), el("h2", { tabindex: "-1" }, "The proof"), state, before.node, after.node);
  step("proof");
  while (["before", "erasing", "after"].includes(job.state)) {
    (job.state === "before" ? before : after).at(job.running);
    if (job.state !== "before") before.done(job.before);
    state.textContent = { before: "Reading every file, before anything is erased …", erasing: "Erasing …", after: "Erased. Reading every file again …" }[job.state];
    await wait(120);
    job = await call("GET", `/v1/letting/proofs/${job.id}`);
  }
  if (job.state === "done") drawDone(job.result, job.before);
  else if (job.state === "changed") changed();
  else ended(state, job);
}

function ended(state, job) {
  const why = job.state === "held" ? "A hold stands against it: nothing was erased." : `The proof has failed (${job.problem}). The ledger says whether it was erased.`;
  state.replaceWith(el("p", { class: "alert", role: "alert" }, why));
  place("again").hidden = false;
}

// How far a scan is, as a bar and in numbers.
function meter(title) {
  const bar = el("progress", { max: "1", value: 0 });
  const says = el("p", { class: "soft" }, "waits");
  const node = el("div", { class: "meter" }, el("h3", {}, title), bar, says);
  bar.setAttribute("aria-label", title);
  return {
    node,
    at(running) {
      if (!running || !running.of_files) return;
      bar.max = Math.max(1, running.of_bytes);
      bar.value = running.bytes;
      says.textContent = `file ${number(running.files)} of ${number(running.of_files)}, ${size(running.bytes)} of ${size(running.of_bytes)}`;
    },
    done(found) {
      if (!found) return;
      bar.max = bar.value = 1;
      says.textContent = `${count(found.files, "file")}, ${size(found.bytes)}: found ${number(found.found)} of ${number(found.needles)} byte strings`;
    },
  };
}

function scans(before, after) {
  const clean = after.found === 0;
  return [
    wide(
      "What the scanner found in the files",
      el("caption", {}, "What the scanner found in the files"),
      el("thead", {}, el("tr", {}, ["Looked for", "When", "Files", "Read", "Found"].map((one, at) => el("th", { scope: "col", class: at > 1 ? "num" : undefined }, one)))),
      el(
        "tbody",
        {},
        before && row("what goes: its keys, texts and vectors", "before", number(before.files), size(before.bytes), `${number(before.found)} of ${number(before.needles)}`),
        row("the same, and its ids", "after", number(after.files), size(after.bytes), el("strong", {}, `${number(after.found)} of ${number(after.needles)}`)),
        after.control > 0 && row("a memory that stays (control)", "after, same pass", number(after.files), size(after.bytes), `${number(after.control_found)} of ${number(after.control)}`),
      ),
    ),
    el("p", {}, el("span", { class: clean ? "badge good" : "badge bad" }, clean ? "nothing is left" : "something is left"), ` ${clean ? "" : after.left.map(toldPlain).join(", ")}`),
    before && el("p", { class: "soft" }, seen(before, after)),
    el("p", { class: "soft" }, `The store itself was asked ${count(after.checks, "time")} whether a row, a slot, a link or a place in an index is left.`),
  ];
}

function seen(before, after) {
  if (before.found > 0) return `That the scanner sees is shown by what it found before: ${before.left.map(toldPlain).join(", ")}${after.control_found ? ", and by the memory that stays" : ""}. Texts are encrypted in the files even while they are remembered, so what is found are keys and vectors.`;
  return "Before, the scanner found nothing either: the files of this store are sealed as a whole, so the scan by itself proves nothing here. What was asked of the store does.";
}

function drawDone(result, before) {
  const { receipt, statement, scanned } = result;
  const gone = receipt.forgotten.length + receipt.derived.length;
  const mark = el("p", { role: "status" }, statement ? "The signature is being verified …" : "");
  fill(
    place("proof"),
    el("h2", { tabindex: "-1" }, `${count(gone, "memory is", "memories are")} forgotten`),
    el("p", {}, [
      receipt.derived.length > 0 && `${count(receipt.derived.length, "of them was", "of them were")} made from what was asked for. `,
      receipt.rewritten.length > 0 && `${count(receipt.rewritten.length, "gist was", "gists were")} made again. `,
      result.shards.length > 0 && `${count(result.shards.length, "shard of weights was", "shards of weights were")} wiped. `,
      `It took ${(receipt.seconds * 1000).toFixed(0)} ms until it was durable.`,
    ]),
    scanned && el("h3", {}, "The byte scan"),
    scanned && scans(before, scanned),
    el("h3", {}, "The receipt"),
    statement ? mark : el("p", { class: "soft" }, "Signed receipts count what is in the whole store: an operator of it sees them, in the ledger."),
    statement && certificate(statement),
  );
  step("proof");
  place("again").hidden = false;
  suggest();
  if (statement) verified(statement, mark);
}

async function verified(statement, mark) {
  try {
    const found = await call("POST", "/v1/receipts/verify", { signed: statement.signed });
    const says = found.genuine ? `signature verified: line ${found.line} of the ledger` : "not genuine";
    fill(mark, el("span", { class: found.genuine ? "badge good" : "badge bad" }, says), " ", found.problem ?? "");
  } catch (error) {
    fill(mark, el("span", { class: "badge warn" }, "not verified"));
    failed(error);
  }
}
