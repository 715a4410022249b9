// Files that are taken from the service or from a person: bytes go through RAM alone, never through an address.

import { Problem } from "./api.mjs";
import { el } from "./dom.mjs";

// What a route answers with, as bytes. Throws Problem.
export const bytes = async (method, path, body) => (await asked(method, path, body)).blob();

// Returns if a route answers; what it answers with is not read. Throws Problem.
export const answers = async (path) => (await asked("GET", path)).body?.cancel();

async function asked(method, path, body) {
  const headers = { "Memoria-Console": "1" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const given = { method, headers, cache: "no-store", credentials: "same-origin", referrerPolicy: "no-referrer" };
  if (body !== undefined) given.body = JSON.stringify(body);
  const answer = await fetch(path, given);
  if (answer.ok) return answer;
  throw new Problem(answer.status, await answer.json().catch(() => ({ title: `Status ${answer.status}` })));
}

// Hands a file to the person.
export function save(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = el("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

export function fromBase64(text) {
  const raw = atob(text);
  return Uint8Array.from(raw, (letter) => letter.charCodeAt(0));
}

// The bytes of a chosen file, in base64.
export async function toBase64(file) {
  const data = new Uint8Array(await file.arrayBuffer());
  let raw = "";
  for (let at = 0; at < data.length; at += 0x8000) raw += String.fromCharCode(...data.subarray(at, at + 0x8000));
  return btoa(raw);
}

export function size(count) {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  for (; count >= 1024 && at < units.length - 1; at++) count /= 1024;
  return `${at ? count.toFixed(1) : count} ${units[at]}`;
}
