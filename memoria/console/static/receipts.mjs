// Signed receipts: what they say, and their files to keep.

import { el, toldPlain } from "./dom.mjs";
import { fromBase64, save } from "./files.mjs";
import { wide } from "./tables.mjs";

const OPEN = "(to be filled in)";

// A row of a table: its first cell is what it is about; from the third on they are numbers.
export const row = (...cells) => el("tr", {}, cells.map((one, at) => el(at ? "td" : "th", at ? { class: at > 1 ? "num" : undefined } : { scope: "row" }, one)));

export function certificate(statement) {
  const keep = el("button", { type: "button", class: "go" }, "Save the receipt");
  keep.addEventListener("click", () => save(new Blob([fromBase64(statement.signed)], { type: "application/cose" }), `receipt-${statement.line}.cose`));
  const items = Object.entries(statement.certificate);
  const open = items.filter(([, value]) => value === OPEN);
  return el(
    "div",
    {},
    table("What the receipt says: no content, no name, no id", items.filter(([, value]) => value !== OPEN)),
    open.length > 0 && el("details", {}, el("summary", {}, "What people add, to make it a certificate of sanitisation"), el("ul", {}, open.map(([name]) => el("li", {}, name)))),
    el("p", { class: "row" }, keep), el("p", { class: "soft" }, "Whoever has the public key of this store verifies it without memoria: see the Ledger."),
  );
}

const table = (title, items) => wide(title, el("caption", {}, title), el("tbody", {}, items.map(([name, value]) => row(name, toldPlain(String(value))))));
