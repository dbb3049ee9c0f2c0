/** Goal: who sends a body that does not fit reads what is wrong, and where. Method: schemas as the API has them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { JsonSchema } from "./route.ts";
import { FAULTS_WITH_SCHEMAS, schemaFault } from "./schema-fault.ts";
import { CHANNEL, REBUILD, BATCH, TOKEN } from "./schemas.ts";

const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, ...FAULTS_WITH_SCHEMAS });

function faultOf(schema: JsonSchema, body: unknown): string {
  const check = ajv.compile(schema);
  assert.equal(check(body), false);
  return schemaFault(check.errors, "body");
}

const command = { kind: "command", payload: {} };

test("the place, what was there, and what is wanted", () => {
  for (const [schema, body, words] of [
    [TOKEN, null, "body: expected an object"],
    [TOKEN, { principal: "anna" }, "scopes: is missing"],
    [TOKEN, { principal: "a b", scopes: ["*"] }, /^principal: "a b": expected a word of letters, digits/],
    [TOKEN, { principal: "anna", scopes: [] }, "scopes: expected 1 at least"],
    [TOKEN, { principal: "anna", scope: ["*"], scopes: ["*"] }, "scope: there is no such key; did you mean scopes?"],
    [TOKEN, { principal: "anna", scopes: [7] }, "scopes[0]: expected a text"],
    [BATCH, { tasks: [command, { kind: "command" }] }, "tasks[1].payload: is missing"],
    [BATCH, { tasks: [{ ...command, weight: 0 }] }, "tasks[0].weight: 0: expected a number from 1 to 1000000"],
    [CHANNEL, { policy: "lifo" }, 'policy: "lifo": expected fifo, priority, fair'],
    [CHANNEL, { retentionDays: "7" }, "retentionDays: expected a whole number"],
    [REBUILD, { reason: "two\nlines" }, 'reason: "two\\nlines": expected one line of text'],
    [REBUILD, { reason: "" }, "reason: is empty"],
  ] as const) {
    const fault = faultOf(schema, body);
    if (typeof words === "string") assert.equal(fault, words);
    else assert.match(fault, words);
  }
});
