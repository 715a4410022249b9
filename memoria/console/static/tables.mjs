// Tables that may be wider than the page: they scroll by themselves, by keyboard too.

import { el } from "./dom.mjs";

// title: what it is, for whoever does not see it.
export const wide = (title, ...rows) => el("div", { class: "wide-table", tabindex: "0", role: "region", "aria-label": title }, el("table", {}, rows));
