// The client against a running service: MEMORIA_URL and MEMORIA_TOKEN name it. Checked by the compiler, then run.

import assert from "node:assert/strict";
import { type Memory, MemoriaError, connect } from "memoria-client";

const { MEMORIA_URL: url, MEMORIA_TOKEN: token } = process.env;
assert(url && token);
const memoria = connect(url, token);

const { data: tea } = await memoria.POST("/v1/memories", {
  body: { namespace: ["client"], memory: { text: "Ada takes her tea without sugar.", subject: "ada" } },
});
const kept: Memory = tea!;
assert.deepEqual(kept.namespace, ["client"]);

const { data: found } = await memoria.POST("/v1/recall", { body: { query: "How does Ada drink tea?", k: 1, explain: true } });
const hit = found!.hits[0]!;
assert.equal(hit.memory.id, kept.id);
assert(Math.abs(Object.values(hit.terms!).reduce((sum, one) => sum + one, 0) - hit.score) < 1e-6);

const { data: read } = await memoria.GET("/v1/memories/{id}", { params: { path: { id: kept.id } } });
assert.equal(read!.text, "Ada takes her tea without sugar.");

// Letting go: what is agreed to goes, or nothing.
const { data: plan } = await memoria.POST("/v1/letting/plan", { body: { subject: "ada" } });
assert.deepEqual(plan!.going.map((one) => one.id), [kept.id]);
await memoria.PATCH("/v1/memories/{id}", { params: { path: { id: kept.id } }, body: { text: "Ada takes her tea with honey." } });
await assert.rejects(
  memoria.POST("/v1/letting/confirm", { body: { subject: "ada", digest: plan!.digest } }),
  (error) => error instanceof MemoriaError && error.status === 409 && error.problem.type === "urn:memoria:PlanChanged",
);
const { data: again } = await memoria.POST("/v1/letting/plan", { body: { subject: "ada" } });
const { data: gone } = await memoria.POST("/v1/letting/confirm", { body: { subject: "ada", digest: again!.digest } });
assert.deepEqual(gone!.receipt.forgotten, [kept.id]);
await assert.rejects(
  memoria.GET("/v1/memories/{id}", { params: { path: { id: kept.id } } }),
  (error) => error instanceof MemoriaError && error.status === 404,
);
await assert.rejects(connect(url, "wrong").GET("/v1/stats"), (error) => error instanceof MemoriaError && error.status === 401);

// What the schema does not know, the compiler refuses.
// @ts-expect-error no such path
void (() => memoria.GET("/v1/nothing"));
// @ts-expect-error k is a number
void (() => memoria.POST("/v1/recall", { body: { query: "x", k: "many" } }));
// @ts-expect-error a memory has a text
void (() => memoria.POST("/v1/memories", { body: { memory: { subject: "ada" } } }));

console.log("the client works");
