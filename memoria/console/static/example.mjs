import { call, namespace } from "./api.mjs";
import { el, fill } from "./dom.mjs";
import { ask, say } from "./say.mjs";

export function start(section, app) {
  const form = section.querySelector("form");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const name = form.elements["example-name"].value;
    if (!(await ask({ title: "Greet?", about: el("p", {}, name), go: "Greet" }))) return;
    const { memories } = await call("GET", "/v1/stats");
    fill(section.querySelector("ol"), el("li", { class: "card" }, `${name}, there are ${memories} memories.`));
    section.querySelector(".empty").hidden = true;
    say(`Greeted in ${namespace().join("/") || "all namespaces"}.`);
  });
  app.onScope(() => say("The namespace is another one."));
}

export function show(id) {
  if (id) say(`Asked for ${id}.`);
}
