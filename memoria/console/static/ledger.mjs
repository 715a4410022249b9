// The ledger: every line of what was erased or decided, and whether it is genuine.

import { call } from "./api.mjs";
import { count, el, fill, moment, number, toldPlain } from "./dom.mjs";
import { bytes, save, toBase64 } from "./files.mjs";
import { moreButton, pager } from "./pager.mjs";
import { certificate } from "./receipts.mjs";
import { failed, panel } from "./say.mjs";

const WORDS = {
  erase: "forgotten", prune: "pruned", recover: "forgotten, its line written after a crash", verify: "a forgetting was verified", hold: "held", release: "released",
  forget: "forgotten in spite of a hold", rotate: "another key signs", sign: "signed by another key", restore: "brought back", import: "imported", restrict: "restricted", lift: "restriction lifted",
};
let lines;
let place;

export function start(section) {
  place = (name) => section.querySelector(`#ledger-${name}`);
  place("verify").addEventListener("click", () => verify().catch(failed));
  place("export").addEventListener("click", async () => {
    try {
      save(await bytes("GET", "/v1/ledger/export"), "ledger.cbor");
    } catch (error) {
      failed(error);
    }
  });
  place("key").addEventListener("click", () => key().catch(failed));
  place("receipt").addEventListener("change", () => check().catch(failed));
  const more = moreButton("Older lines");
  place("list").after(more);
  lines = pager({
    list: place("list"),
    more,
    fetch: async (cursor, signal) => {
      const found = await call("GET", `/v1/ledger?limit=50${cursor === null ? "" : `&before=${cursor}`}`, undefined, { signal });
      place("empty").hidden = found.count > 0;
      place("count").textContent = count(found.count, "line");
      return { items: found.lines, next: found.before };
    },
    draw,
  });
}

export function show() {
  lines.start();
}

function draw(one) {
  const receipt = el("button", { type: "button", class: "plain" }, "Receipt");
  receipt.addEventListener("click", async () => {
    try {
      panel(`Line ${one.number}`, certificate(await call("GET", `/v1/ledger/${one.number}/receipt`)));
    } catch (error) {
      failed(error);
    }
  });
  const facts = Object.entries(one.facts).map(([name, value]) => el("li", {}, `${toldPlain(name)}: `, el("code", {}, toldPlain(JSON.stringify(value)))));
  return el(
    "li",
    { class: "card" },
    el("p", {}, el("strong", {}, `${number(one.number)} `), el("span", { class: "badge" }, WORDS[one.action] ?? toldPlain(one.action)), one.count > 0 && ` ${count(one.count, "memory", "memories")}`),
    el("p", { class: "about" }, moment(one.at), said(one)),
    el("details", {}, el("summary", {}, "All of the line"), el("ul", {}, facts, el("li", {}, "digest of its keyed ids: ", el("code", {}, one.digest)), el("li", {}, "the line before: ", el("code", {}, one.previous)))),
    el("p", { class: "do" }, receipt),
  );
}

function said(one) {
  const found = one.facts.verification;
  if (found) return el("span", {}, `${found.found} found in ${count(found.files, "file")}`);
  const asked = Object.keys(one.facts.asked ?? {});
  return asked.length > 0 && el("span", {}, `by ${asked.map(toldPlain).join(", ")}`);
}

async function verify() {
  fill(place("checked"), "Every line is being verified …");
  const found = await call("POST", "/v1/ledger/verify", { receipts: [] });
  const good = found.problems.length === 0;
  fill(
    place("checked"),
    el("p", {}, el("span", { class: good ? "badge good" : "badge bad" }, good ? "genuine" : "not what was written"), ` ${count(found.lines, "line")}, signed up to line ${number(found.signed)}, by ${count(found.keys.length, "key")}.`),
    found.problems.length > 0 && el("ul", { class: "alert" }, found.problems.map((one) => el("li", {}, toldPlain(one)))),
    el("p", { class: "soft" }, "Keep its head elsewhere; a ledger that is cut short later is found by it:"),
    el("pre", {}, found.head),
  );
}

async function key() {
  const found = await call("GET", "/v1/ledger/key");
  const keep = el("button", { type: "button", class: "go" }, "Save the key");
  keep.addEventListener("click", () => save(new Blob([found.pem]), "key.pem"));
  panel("The public key", el("p", {}, "Receipts and ledger are verified by it, without this store."), el("pre", {}, found.pem), el("p", { class: "soft" }, "Its id: ", el("code", {}, found.id)), el("p", {}, keep));
}

async function check() {
  const [file] = place("receipt").files;
  if (!file) return;
  if (file.size > 100_000) { fill(place("genuine"), el("span", { class: "badge bad" }, "not genuine"), " it is longer than any receipt"); return; }
  const found = await call("POST", "/v1/receipts/verify", { signed: await toBase64(file) });
  fill(
    place("genuine"),
    el("span", { class: found.genuine ? "badge good" : "badge bad" }, found.genuine ? "genuine" : "not genuine"),
    found.genuine ? ` It is line ${number(found.line)} of this ledger.` : ` ${toldPlain(found.problem ?? "")}`,
  );
}
