// Signed receipts: what they say, and their files to keep.

import { el, toldPlain } from "./dom.mjs";
import { fromBase64, save } from "./files.mjs";

// A row of a table: its first cell is what it is about; from the third on they are numbers.
export const row = (...cells) => el("tr", {}, cells.map((one, at) => el(at ? "td" : "th", at ? { class: at > 1 ? "num" : undefined } : { scope: "row" }, one)));

export function certificate(statement) {
  const keep = el("button", { type: "button", class: "go" }, "Save the receipt");
  keep.addEventListener("click", () => save(new Blob([fromBase64(statement.signed)], { type: "application/cose" }), `receipt-${statement.line}.cose`));
  const rows = Object.entries(statement.certificate).map(([name, value]) => row(name, toldPlain(String(value))));
  const table = el("div", { class: "wide-table" }, el("table", {}, el("caption", {}, "What the receipt says: no content, no name, no id"), el("tbody", {}, rows)));
  return el("div", {}, table, el("p", { class: "row" }, keep), el("p", { class: "soft" }, "Whoever has the public key of this store verifies it without memoria: see the Ledger."));
}
