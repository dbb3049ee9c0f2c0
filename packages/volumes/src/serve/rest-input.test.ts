/** Goal: a body is what was sent, or refused. Method: requests to a route that reads one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Hono } from "hono";
import { readJson, Refusal } from "./rest-input.ts";

async function answer(body: Uint8Array<ArrayBuffer>): Promise<string> {
  const app = new Hono();
  app.post("/", async (context) => context.json(await readJson(context, 100)));
  app.onError((error) => new Response(error instanceof Refusal ? error.message : String(error)));
  const headers = { "content-type": "application/json" };
  return await (await app.request("/", { method: "POST", body, headers })).text();
}

test("a body that is not UTF-8 is refused, also where it ends within a character", async () => {
  const bytes = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(text, "latin1"));
  assert.equal(await answer(bytes('{"a":"\xc3\xa4"}')), '{"a":"ä"}');
  for (const text of ['{"a":"\xff"}', '{"a":"\xc3"}', '{"a":1}\xc3'])
    assert.equal(await answer(bytes(text)), "the body is no JSON: it is not UTF-8");
  assert.match(await answer(bytes("{")), /^the body is no JSON: /);
  assert.equal(await answer(bytes(" ".repeat(101))), "the body is too large");
});
