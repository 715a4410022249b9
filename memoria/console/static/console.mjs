// The page itself: signing in, which section is shown, and the namespace that all sections are about.

import { call, namespace, onUnsigned, setNamespace } from "./api.mjs";
import { el, fill, quoted } from "./dom.mjs";
import { failed, say } from "./say.mjs";

const started = new Map();
const listeners = [];
const changes = [];
const handed = new Map();
const links = [...document.querySelectorAll("#sections a")];
const names = links.map((link) => link.getAttribute("href").slice(1));
const signIn = document.getElementById("sign-in");
let signed = false;

// What sections are given. go(name, id, given): shows another one, and hands something over that is in no address.
export const app = {
  onScope: (listen) => listeners.push(listen),
  // A section that has changed what is remembered says so, and the others draw themselves anew when they are next seen.
  onChange: (listen) => changes.push(listen),
  changed: () => { for (const listen of changes) listen(); },
  go(name, id = "", given = undefined) {
    if (given !== undefined) handed.set(name, given);
    const target = `#${name}${id ? `/${id}` : ""}`;
    if (location.hash === target) route();
    else location.hash = target;
  },
  taken(name) {
    const given = handed.get(name);
    handed.delete(name);
    return given;
  },
};

// A section is shown once its module has started: a form without one would be sent by the browser itself.
// moved: whether somebody went there, so that the focus goes along. Not when the section is filled: by then somebody may
// be typing in it.
async function route(moved = false) {
  if (!signed) return;
  const asked = location.hash;
  const [name, id = ""] = asked.slice(1).split("/");
  const chosen = names.includes(name) ? name : names[0];
  const section = document.getElementById(chosen);
  try {
    if (!started.has(chosen)) {
      started.set(chosen, import(`./${chosen}.mjs`).then((module) => (module.start(section, app), module)));
    }
    const module = await started.get(chosen);
    if (!signed || location.hash !== asked) return;
    uncover(section, chosen);
    if (moved) section.querySelector("h1").focus();
    module.show?.(/^[0-9a-f]{32}$/.test(id) ? id : "", section, app);
  } catch (error) {
    started.delete(chosen);
    failed(error);
  }
}

function uncover(section, chosen) {
  for (const one of document.querySelectorAll("main > section")) one.hidden = one !== section;
  for (const link of links) {
    const here = link.getAttribute("href") === `#${chosen}`;
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${section.querySelector("h1").textContent} - memoria`;
}

function unsigned() {
  if (!signed && !signIn.hidden) return;
  signed = false;
  for (const section of document.querySelectorAll("main > section")) section.hidden = section !== signIn;
  document.getElementById("sign-out").hidden = true;
  document.title = "Sign in - memoria";
  document.getElementById("token").focus();
}

async function begin() {
  const { namespace: own, reader } = await call("GET", "/console/session");
  signed = true;
  signIn.hidden = true;
  document.getElementById("sign-out").hidden = false;
  document.getElementById("sections").hidden = false;
  if (reader) say(`You see what ${reader} sees of ${own.join("/")}.`);
  await route();
}

// The code in the address is worth nothing once it was used, and leaves the address at once.
async function enter() {
  const code = location.hash.match(/^#code=([\w-]+)$/)?.[1];
  if (code !== undefined) {
    history.replaceState(null, "", location.pathname);
    await call("POST", "/console/session", { code }).catch((error) => {
      say(error.status === 401 ? "That address was used before, or is too old." : error.message, { alarm: true });
    });
  }
  await begin().catch((error) => (error.status === 401 ? unsigned() : failed(error)));
}

function chooseScope() {
  const dialog = document.getElementById("scope-dialog");
  const find = document.getElementById("scope-find");
  const list = document.getElementById("scope-list");
  let known = [];
  const choose = (parts) => {
    dialog.close();
    setNamespace(parts);
    fill(document.getElementById("scope"), parts.length ? quoted(parts.join("/")) : "all");
    for (const listen of listeners) listen();
  };
  const draw = () => {
    const fitting = known.filter((one) => one.join("/").startsWith(find.value));
    const shown = fitting.slice(0, 200).map((one) =>
      el("li", {}, el("button", { type: "button", onclick: () => choose(one) }, one.length ? quoted(one.join("/")) : "all")));
    fill(list, shown, fitting.length > 200 && el("li", { class: "soft" }, `${fitting.length - 200} more: type the beginning of a name.`));
  };
  find.addEventListener("input", draw);
  document.getElementById("scope").addEventListener("click", async () => {
    find.value = "";
    dialog.showModal();
    try {
      const found = (await call("POST", "/v1/namespaces", {})).namespaces.map((one) => one.namespace);
      const above = found.flatMap((one) => one.map((_, at) => one.slice(0, at)));
      known = [...new Map([[], ...above, ...found].map((one) => [one.join("/"), one])).values()].sort((a, b) => (a.join("/") < b.join("/") ? -1 : 1));
      draw();
    } catch (error) {
      failed(error);
    }
  });
}

addEventListener("submit", (event) => {
  if (event.target.method !== "dialog") event.preventDefault();
});
document.getElementById("sign-in-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const field = document.getElementById("token");
  const token = field.value;
  field.value = "";
  try {
    await call("POST", "/console/session", { token });
    await begin();
  } catch (error) {
    say(error.status === 401 ? "No such token." : error.message, { alarm: true });
    field.focus();
  }
});
document.getElementById("sign-out").addEventListener("click", async () => {
  await call("DELETE", "/console/session").catch(failed);
  location.hash = "";
  location.reload();
});
document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("main").focus();
});
addEventListener("hashchange", () => {
  if (location.hash.startsWith("#code=")) enter();
  else route(true);
});
onUnsigned(unsigned);
chooseScope();
enter();
export { namespace };
