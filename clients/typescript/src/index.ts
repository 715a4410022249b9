/** A client of the HTTP service of memoria. Paths, bodies and answers have the types of the service's own schema. */

import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./schema.js";

export type { components, paths };
export type Memory = components["schemas"]["Remembered"];
export type Problem = components["schemas"]["Problem"];
export type Memoria = Client<paths>;

/** What the service answered with instead: problem details (RFC 9457), which never repeat content. */
export class MemoriaError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem,
  ) {
    super([problem.title, problem.detail, ...(problem.violations ?? [])].filter(Boolean).join(": "));
    this.name = "MemoriaError";
  }
}

/**
 * A client of the service at `url`, with a token of `memoria serve token`. Calls name the path as the schema does:
 * `memoria.POST("/v1/recall", { body: { query: "..." } })`. A problem is thrown as a MemoriaError.
 */
export function connect(url: string, token: string): Memoria {
  const made = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${token}` } });
  made.use({
    async onResponse({ response }) {
      if (response.ok) return undefined;
      const known = (response.headers.get("content-type") ?? "").includes("json");
      const told = known ? ((await response.clone().json()) as Problem) : { type: "about:blank", title: response.statusText, status: response.status };
      throw new MemoriaError(response.status, told);
    },
  });
  return made;
}
