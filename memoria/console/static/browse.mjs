// Browse: pages of memories by time, filters, counts, and search as one types.

import { debounced, latest, patiently, post } from "./api.mjs";
import { count, el, fill, number, told } from "./dom.mjs";
import { card } from "./memory.mjs";
import { pager } from "./pager.mjs";
import { failed } from "./say.mjs";
import { explained, legendOf } from "./terms.mjs";

const FACETS = [["subjects", "subject", "Subjects"], ["speakers", "speaker", "Speakers"], ["sessions", "session", "Sessions"], ["tags", "tag", "Tags"]];
const [FIRST, FURTHER] = [10, 50];

export function start(section, app) {
  const at = (name) => section.querySelector(`#browse-${name}`);
  const form = at("form");
  const list = at("list");
  const picked = new Set();
  const counting = latest();
  const tallying = latest();
  const searching = latest();

  function filters() {
    const value = (name) => at(name).value.trim() || null;
    const kinds = [...form.querySelectorAll("[name=kind]:checked")].map((one) => one.value);
    const found = {
      subject: value("subject"),
      speaker: value("speaker"),
      session: value("session"),
      tags: value("tag") ? [value("tag")] : [],
      kinds,
      since: value("since") && new Date(`${value("since")}T00:00`).toISOString(),
      until: value("until") && new Date(`${value("until")}T00:00`).toISOString(),
    };
    return Object.fromEntries(Object.entries(found).filter(([, one]) => one !== null && one.length !== 0));
  }

  const pages = pager({
    list,
    more: at("more"),
    fetch: async (cursor, signal) => {
      const body = { ...filters(), state: at("state").value, oldest: at("order").value === "oldest", limit: 50 };
      const found = await post("/v1/browse", cursor ? { ...body, before: cursor } : body, { signal });
      return { items: found.memories, next: found.next };
    },
    draw: (seen) => drawn(seen),
    onPage: (found, first) => {
      if (first) at("empty").hidden = found.items.length > 0;
    },
  });

  function drawn(seen, more = []) {
    const box = el("input", { type: "checkbox", "aria-label": "Select this memory", checked: picked.has(seen.memory.id) });
    box.addEventListener("change", () => {
      if (box.checked) picked.add(seen.memory.id);
      else picked.delete(seen.memory.id);
      tellPicked();
    });
    return card(seen, app, { more, acts: [el("label", { class: "check" }, box, " Select")] });
  }

  function tellPicked() {
    at("picked").hidden = picked.size === 0;
    at("picked-count").textContent = `${picked.size} selected`;
    at("forget").hidden = !document.getElementById("letting");
  }

  async function tellCount() {
    const chosen = filters();
    const used = Object.keys(chosen).length + (at("state").value === "any" ? 0 : 1);
    fill(at("filtered"), `${used} in use`).hidden = used === 0;
    fill(at("heading"), "Memories");
    const found = await counting((signal) => post("/v1/count", { ...chosen, state: at("state").value }, { signal }));
    if (found !== undefined && !query()) fill(at("heading"), count(found.memories, "memory", "memories"));
  }

  const query = () => at("query").value.trim();

  // The next hits come with the first ones again: what is in one place does not depend on how many are asked for.
  async function search(k = FIRST) {
    const asked = query();
    if (!asked) return browse();
    pages.clear();
    list.setAttribute("aria-busy", "true");
    const began = performance.now();
    const slow = setTimeout(() => fill(at("known"), "Searching ... The first search of a large store takes longer."), 800);
    const include = { any: ["archived", "expired"], current: ["expired"], archived: ["archived", "expired"] }[at("state").value];
    const found = await searching((signal) => patiently("/v1/search", { ...filters(), query: asked, k, include }, { signal })).finally(() => clearTimeout(slow));
    if (found === undefined) return undefined;
    const shown = found.hits.filter((hit) => at("state").value !== "archived" || hit.standing.archived);
    const show = explained(shown);
    fill(at("legend"), shown.length > 0 && legendOf(shown));
    fill(list, shown.map((hit) => drawn(hit, show(hit))));
    list.setAttribute("aria-busy", "false");
    at("empty").hidden = shown.length > 0;
    at("further").hidden = found.hits.length < k || k === FURTHER;
    fill(at("heading"), shown.length ? `${shown.length} most needed` : "Nothing found");
    const sure = found.known === null ? "" : ` Anything known is wanted with a probability of ${found.known.toFixed(2)}.`;
    fill(at("known"), `${Math.round(performance.now() - began)} ms.${sure}`);
    return undefined;
  }

  function browse() {
    fill(at("known"));
    fill(at("legend"));
    at("further").hidden = true;
    searching(async () => undefined);
    pages.start();
    return tellCount();
  }

  async function tally() {
    fill(at("counting"), "Counting ...").hidden = false;
    const found = await tallying((signal) => post("/v1/facets", {}, { signal }));
    if (found === undefined) return;
    at("counting").hidden = true;
    fill(at("names"), kinds(found), months(found), FACETS.map((facet) => names(found, facet)));
  }

  // On a telephone the memories stand below the names, which are opened there by whoever wants them.
  const roomy = matchMedia("(min-width: 46rem)").matches;
  const heading = (text, how) => el("summary", {}, `${text} `, el("span", { class: "soft" }, how));
  const choice = (text, n, pressed, act) =>
    el("li", {}, el("button", { type: "button", "aria-pressed": String(pressed()), onclick: act }, el("bdi", { dir: "auto" }, told(text)), el("span", { class: "soft" }, number(n))));

  function kinds(found) {
    const rows = found.kinds.names.map(({ name, memories }) => {
      const box = form.querySelector(`[name=kind][value=${name}]`);
      return choice(name, memories, () => box.checked, () => { box.checked = !box.checked; changed(); });
    });
    return el("details", { open: roomy }, heading("Kinds", number(found.memories)), el("ul", { class: "choices" }, rows));
  }

  function months(found) {
    const rows = found.months.toReversed().map(({ name, memories }) => {
      const next = new Date(`${name}-15T00:00`);
      next.setMonth(next.getMonth() + 1);
      const until = `${next.getFullYear()}-${String(next.getMonth() + 1).padStart(2, "0")}-01`;
      return choice(name, memories, () => at("since").value === `${name}-01` && at("until").value === until, () => {
        at("since").value = `${name}-01`;
        at("until").value = until;
        changed();
      });
    });
    return el("details", {}, heading("Months (UTC)", String(found.months.length)), el("ul", { class: "choices" }, rows));
  }

  function names(found, [plural, field, title]) {
    const { names: some, more } = found[plural];
    const rows = some.map(({ name, memories }) =>
      choice(name, memories, () => at(field).value === name, () => {
        at(field).value = at(field).value === name ? "" : name;
        changed();
      }));
    const rest = more > 0 && el("li", { class: "soft" }, `${number(more)} more: name one in the filters.`);
    const empty = some.length === 0 && el("li", { class: "soft" }, "none");
    return el("details", { open: roomy && field === "subject" }, heading(title, number(some.length + more)), el("ul", { class: "choices" }, rows, rest, empty));
  }

  function changed() {
    for (const one of at("names").querySelectorAll("[aria-pressed]")) one.setAttribute("aria-pressed", "false");
    const fields = Object.fromEntries(FACETS.map(([, field]) => [field, at(field).value]));
    at("names").querySelectorAll("details").forEach((one, n) => {
      const field = n < 2 ? null : FACETS[n - 2][1];
      for (const button of one.querySelectorAll("button")) {
        const name = button.querySelector("bdi").textContent;
        const on = field === null ? isOn(name) : fields[field] === name;
        button.setAttribute("aria-pressed", String(on));
      }
    });
    (query() ? search() : browse()).catch(failed);
  }
  const isOn = (name) => Boolean(form.querySelector(`[name=kind][value="${CSS.escape(name)}"]:checked`)) || at("since").value === `${name}-01`;

  at("further").addEventListener("click", () => search(FURTHER).catch(failed));
  const typed = debounced(() => search().catch(failed));
  at("query").addEventListener("input", typed);
  form.addEventListener("submit", (event) => { event.preventDefault(); search().catch(failed); });
  form.addEventListener("reset", () => setTimeout(changed));
  at("filters").addEventListener("change", changed);
  at("unpick").addEventListener("click", () => {
    picked.clear();
    for (const box of list.querySelectorAll("input:checked")) box.checked = false;
    tellPicked();
  });
  at("forget").addEventListener("click", () => app.go("letting", "", { ids: [...picked] }));
  const again = () => { picked.clear(); tellPicked(); changed(); tally().catch(failed); };
  app.onScope(again);
  app.onChange(again);
  // First the page, then the counts: what is seen does not wait for them.
  browse().catch(failed).finally(() => tally().catch(failed));
}
