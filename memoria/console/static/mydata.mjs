// My data: what is stored about a person, a copy of it, and memories from elsewhere.

import { call, namespace, post } from "./api.mjs";
import { count, el, fill, moment, number, quoted, toldPlain } from "./dom.mjs";
import { bytes, save, size, toBase64 } from "./files.mjs";
import { ask, failed, say } from "./say.mjs";
import { wide } from "./tables.mjs";
import { opener, whole } from "./texts.mjs";

const WAYS = { subject: "it is about them", speaker: "they said it", mention: "it names them", near: "it may name them", included: "it was included", derived: "made from one of these" };
const LARGEST = 5 << 20;
const ENDINGS = { json: "json", markdown: "md", html: "html" };
let place;
let app;

export function start(section, given) {
  app = given;
  place = (name) => section.querySelector(`#mydata-${name}`);
  place("form").addEventListener("submit", (event) => {
    event.preventDefault();
    look().catch(failed);
  });
  place("import").addEventListener("submit", (event) => {
    event.preventDefault();
    preview().catch(failed);
  });
  app.onScope(() => { fill(place("about")); fill(place("preview")); });
}

function asked() {
  const names = place("names").value.split(/[\n,]+/).map((one) => one.trim()).filter(Boolean);
  const include = [...place("about").querySelectorAll("input[data-near]:checked")].map((box) => box.value);
  return { names, include };
}

async function look() {
  const given = asked();
  const found = await post("/v1/person/about", given);
  const list = el("ol", { class: "cards" }, found.found.map((one) => el("li", { class: "card" }, el("p", { class: "about" }, one.ways.map((way) => el("span", {}, WAYS[way] ?? way))), el("div", {}, opener(one.id)))));
  fill(
    place("about"),
    el("h3", { tabindex: "-1" }, `${count(found.count, "memory is", "memories are")} about them`),
    el("p", { class: "about soft" }, Object.entries(WAYS).filter(([way]) => found.counts[way]).map(([way, words]) => el("span", {}, `${number(found.counts[way])}: ${words}. `))),
    found.count > 0 && copy(given),
    el("details", {}, el("summary", {}, "Each of them"), list, found.count > found.found.length && el("p", { class: "soft" }, `and ${number(found.count - found.found.length)} more, which are in the copy`)),
    found.near.length > 0 && near(found.near, given.include),
    found.count > 0 && letGo(found),
  );
  place("about").querySelector("h3").focus();
}

function copy(given) {
  const form = el("select", { id: "mydata-form-of-copy" }, [["html", "a page to read"], ["markdown", "Markdown"], ["json", "JSON, for programs"]].map(([value, words]) => el("option", { value }, words)));
  const others = el("input", { type: "checkbox", id: "mydata-others" });
  const button = el("button", { type: "button", class: "go" }, "Save a copy");
  button.addEventListener("click", async () => {
    try {
      const body = { namespace: namespace(), ...given, form: form.value, without_others: others.checked };
      save(await bytes("POST", "/v1/person/export", body), `person.${ENDINGS[form.value]}`);
      say("The copy is saved.");
    } catch (error) {
      failed(error);
    }
  });
  return el(
    "div",
    { class: "row" },
    el("div", {}, el("label", { for: form.id }, "A copy of all of it, as"), form),
    el("div", {}, el("label", { class: "check", for: others.id }, others, " Leave out texts that name other people")),
    el("div", { class: "fit" }, button),
  );
}

function near(found, included) {
  const items = found.map((one) => {
    const box = el("input", { type: "checkbox", id: `near-${one.id}`, value: one.id, "data-near": true, checked: included.includes(one.id) });
    return el("li", { class: "card" }, el("label", { class: "check", for: box.id }, box, " It is about them too"), el("div", {}, opener(one.id)));
  });
  const again = el("button", { type: "button" }, "Look again with these");
  again.addEventListener("click", () => look().catch(failed));
  return el("div", {}, el("h3", {}, `${count(found.length, "memory", "memories")} may be about somebody else`), el("p", { class: "soft" }, "Nothing is done with them unless you say that they count."), el("ul", { class: "cards" }, items), again);
}

function letGo(found) {
  const button = el("button", { type: "button", class: "danger" }, "Let all of it go …");
  button.addEventListener("click", () => app.go("letting", "", { ids: found.found.map((one) => one.id) }));
  return el("p", {}, button, found.count > found.found.length && el("span", { class: "soft" }, ` the first ${number(found.found.length)}`));
}

let bringing = null;

async function preview() {
  const [file] = place("file").files;
  if (file.size > LARGEST) {
    say(`The file has ${size(file.size)}; here it may have ${size(LARGEST)}. Larger ones go by \`memoria import\`.`, { alarm: true });
    return;
  }
  const zone = place("zone").value.trim();
  const body = { namespace: namespace(), origin: place("origin").value, data: await toBase64(file), skip_bad: place("bad").checked, everything: place("all").checked, ...(zone ? { zone } : {}) };
  const found = await call("POST", "/v1/import/preview", { ...body, show: 10 });
  bringing = { ...body, digest: found.digest };
  draw(found);
}

function draw({ survey, first }) {
  const blocked = survey.malformed > 0 && !bringing.skip_bad;
  const rows = [
    ["memories in it", number(survey.found)],
    ["conversations", number(survey.sessions)],
    ...Object.entries(survey.kinds).map(([kind, n]) => [kind, number(n)]),
    ["first", survey.first && moment(survey.first)],
    ["last", survey.last && moment(survey.last)],
    ["without a time: dated now", survey.undated ? number(survey.undated) : null],
    ...Object.entries(survey.skipped).map(([reason, n]) => [`left out: ${toldPlain(reason)}`, number(n)]),
  ].filter(([, value]) => value);
  const go = el("button", { type: "button", class: "go", disabled: blocked || survey.found === 0 }, `Store ${count(survey.found, "memory", "memories")} …`);
  go.addEventListener("click", () => store(survey.found).catch(failed));
  fill(
    place("preview"),
    el("h3", { tabindex: "-1" }, "What is in the file"),
    el("p", { class: "soft" }, "Nothing is stored yet."),
    wide("What is in the file", el("tbody", {}, rows.map(([name, value]) => el("tr", {}, el("th", { scope: "row" }, name), el("td", { class: "num" }, value))))),
    survey.bad.length > 0 && el("div", { class: "alert" }, blocked ? "Malformed, so nothing would be stored unless what is malformed is left out:" : "Malformed, and left out:", el("ul", {}, survey.bad.map((one) => el("li", {}, toldPlain(one))))),
    first.length > 0 && el("h3", {}, `The first ${number(first.length)}`),
    el("ol", { class: "cards" }, first.map((one) => el("li", { class: "card" }, one.text.length > 1500 ? whole(one.text) : el("p", { class: "said" }, quoted(one.text)), el("p", { class: "about" }, el("span", {}, toldPlain(one.place)), one.speaker !== null && el("span", {}, "by ", quoted(one.speaker)), one.created_at && el("span", {}, moment(one.created_at)))))),
    el("p", {}, go),
  );
  place("preview").querySelector("h3").focus();
}

async function store(found) {
  if (!(await ask({ title: `Store ${count(found, "memory", "memories")}?`, about: el("p", {}, "What is stored already is not stored twice, and what was forgotten here is left out."), go: "Store them" }))) return;
  const done = await call("POST", "/v1/import", bringing);
  fill(
    place("preview"),
    el("h3", { tabindex: "-1" }, `${count(done.stored, "memory is", "memories are")} stored`),
    el("p", {}, `${number(done.present)} were there already; ${number(done.refused)} were forgotten here and are left out; ${number(done.differs)} are there with another text, which stays.`),
  );
  place("preview").querySelector("h3").focus();
}
