// What the page says to people: notes that are read out, and questions in a dialog.

import { el } from "./dom.mjs";

// A note for some seconds; alarm: at once, and until it is closed.
export function say(text, { alarm = false } = {}) {
  const place = document.getElementById(alarm ? "alerts" : "toasts");
  const close = el("button", { type: "button", class: "plain", "aria-label": "Close this note" }, "×");
  const note = el("div", { class: alarm ? "toast alarm" : "toast" }, el("span", {}, text), close);
  close.addEventListener("click", () => note.remove());
  place.append(note);
  while (place.children.length > 4) place.firstChild.remove();
  if (!alarm) setTimeout(() => note.remove(), 8000);
}

// Says what went wrong; returns undefined, so that `.catch(failed)` ends a chain.
export function failed(error) {
  if (error.name === "AbortError" || error.status === 401) return;
  say(error.status === undefined ? `The page failed: ${error.name}` : error.message, { alarm: true });
  if (error.status === undefined) console.error(error.name, error.stack?.split("\n")[1] ?? "");
}

// A question in a dialog; gives whether it was answered by the button `go`. about: a node. typed: a word that must be
// typed before the button works. danger: whether what follows cannot be undone.
export function ask({ title, about, go = "OK", cancel = "Cancel", typed = null, danger = false }) {
  const name = `ask-${crypto.randomUUID()}`;
  const yes = el("button", { value: "yes", class: danger ? "danger" : "go", disabled: typed !== null }, go);
  const field = typed === null ? null : el("input", { type: "text", id: `${name}-typed`, autocomplete: "off", spellcheck: "false" });
  field?.addEventListener("input", () => { yes.disabled = field.value !== typed; });
  const dialog = el(
    "dialog",
    { "aria-labelledby": name },
    el("h2", { id: name }, title),
    about,
    el(
      "form",
      { method: "dialog" },
      field && el("label", { for: field.id }, "Type ", el("strong", {}, typed), " to confirm"),
      field,
      el("p", { class: "row" }, yes, el("button", { value: "", formnovalidate: true }, cancel)),
    ),
  );
  return shown(dialog).then((value) => value === "yes");
}

// Shows a dialog until it is closed, and gives its value; focus goes back to where it was.
export function shown(dialog) {
  const before = document.activeElement;
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      before?.focus?.();
      resolve(dialog.returnValue);
    });
  });
}

// A dialog to read: closed by its button, by Escape, or by a click beside it.
export function panel(title, ...children) {
  const name = `panel-${crypto.randomUUID()}`;
  const dialog = el(
    "dialog",
    { "aria-labelledby": name, class: "wide" },
    el("form", { method: "dialog", class: "head" }, el("h2", { id: name }, title), el("button", { "aria-label": "Close" }, "×")),
    ...children,
  );
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  shown(dialog);
  return dialog;
}
