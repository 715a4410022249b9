// Texts that are asked for one by one, whole, when a person wants to read them.

import { call } from "./api.mjs";
import { el, fill, moment, quoted, told } from "./dom.mjs";
import { failed } from "./say.mjs";

const PIECE = 20_000;

// A text as text, whatever is in it; a long one in pieces, so that drawing it takes no time.
export function whole(text) {
  const pieces = [];
  for (let at = 0; at < text.length; at += PIECE) pieces.push(el("span", {}, told(text.slice(at, at + PIECE))));
  return el("p", { class: "big", dir: "auto", tabindex: text.length > 1500 ? "0" : undefined }, pieces);
}

// A button that shows the text of a memory below itself, and takes it away again.
export function opener(id, label = "Show text") {
  const place = el("div", { id: `text-${crypto.randomUUID()}`, hidden: true });
  const button = el("button", { type: "button", class: "plain", "aria-expanded": "false", "aria-controls": place.id }, label);
  button.addEventListener("click", async () => {
    const open = place.hidden;
    if (open && !place.hasChildNodes()) {
      try {
        const memory = await call("GET", `/v1/memories/${id}`);
        fill(place, whole(memory.text));
      } catch (error) {
        failed(error);
        return;
      }
    }
    place.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
    button.textContent = open ? "Hide text" : label;
  });
  return [button, place];
}

// What is known of a memory without its text.
export const facts = (one) => el(
  "p",
  { class: "about" },
  one.subject !== null && el("span", {}, "about ", quoted(one.subject)),
  el("span", {}, one.kind),
  el("span", {}, moment(one.created_at)),
  one.namespace.length > 0 && el("span", {}, "in ", quoted(one.namespace.join("/"))),
);
