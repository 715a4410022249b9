// The API, as a client of the same origin. Bodies hold all content: no address does.

const state = { namespace: [], signIn: () => {} };

export class Problem extends Error {
  constructor(status, told) {
    super([told.title, told.detail, ...(told.violations ?? [])].filter(Boolean).join(": "));
    this.status = status;
    this.type = told.type ?? "";
  }
}

// body: sent as JSON. signal: of an AbortController. Throws Problem, or AbortError.
export async function call(method, path, body, { signal } = {}) {
  const headers = { "Memoria-Console": "1" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const given = { method, headers, signal, cache: "no-store", credentials: "same-origin", referrerPolicy: "no-referrer" };
  if (body !== undefined) given.body = JSON.stringify(body);
  let answer;
  try {
    answer = await fetch(path, given);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { title: "The service does not answer" });
  }
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  const told = await answer.json().catch(() => ({ title: `Status ${answer.status}` }));
  if (answer.status === 401) state.signIn();
  throw new Problem(answer.status, told);
}

// POST, about the namespace that was chosen.
export const post = (path, body = {}, options) => call("POST", path, { namespace: namespace(), ...body }, options);

// A search, as `post`. A large store is made ready for the first one, which may take longer than an answer may: what is
// ready by then stays so, and it is asked again.
export async function patiently(path, body, options, tries = 30) {
  try {
    return await post(path, body, options);
  } catch (error) {
    if (error.status !== 504 || tries <= 1) throw error;
    return patiently(path, body, options, tries - 1);
  }
}

export const namespace = () => state.namespace;
export const setNamespace = (parts) => { state.namespace = [...parts]; };
export const onUnsigned = (signIn) => { state.signIn = signIn; };

// Only the last of several calls counts: a new one ends the one before. `run(work)` gives undefined for an ended one.
export function latest() {
  let current = null;
  return async (work) => {
    current?.abort();
    const mine = (current = new AbortController());
    try {
      const found = await work(mine.signal);
      return mine.signal.aborted ? undefined : found;
    } catch (error) {
      if (error.name === "AbortError" || mine.signal.aborted) return undefined;
      throw error;
    }
  };
}

export function debounced(work, wait = 180) {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...given), wait);
  };
}
