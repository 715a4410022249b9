// A list that grows a page at a time: by its button, and by itself when its end comes into view.

import { el } from "./dom.mjs";
import { latest } from "./api.mjs";
import { failed } from "./say.mjs";

// list: where items go. more: the button below it. fetch(cursor, signal): gives { items, next }. draw(item): a node.
export function pager({ list, more, fetch, draw, onPage = () => {} }) {
  const run = latest();
  let cursor = null;
  let busy = false;
  let last = 0;

  async function page(first) {
    if (busy && !first) return;
    const mine = (last += 1);
    busy = true;
    list.setAttribute("aria-busy", "true");
    try {
      const found = await run((signal) => fetch(first ? null : cursor, signal));
      if (found === undefined) return;
      if (first) list.replaceChildren();
      list.append(...found.items.map(draw));
      cursor = found.next;
      more.hidden = cursor === null;
      onPage(found, first);
    } catch (error) {
      failed(error);
    } finally {
      // One that was overtaken says nothing of the one that is under way.
      if (mine === last) {
        busy = false;
        list.setAttribute("aria-busy", "false");
      }
    }
  }

  function clear() {
    run(async () => undefined);
    last += 1;
    busy = false;
    cursor = null;
    list.replaceChildren();
    more.hidden = true;
  }

  more.addEventListener("click", () => page(false));
  new IntersectionObserver((seen) => {
    if (seen.some((one) => one.isIntersecting) && cursor !== null) page(false);
  }, { rootMargin: "600px" }).observe(more);
  return { start: () => page(true), clear };
}

export const moreButton = (text = "Show more") => el("button", { type: "button", class: "more", hidden: true }, text);
