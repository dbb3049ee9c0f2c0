/** Goal: a page's files come packed to who takes that, as they are to others, and not again to who has them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { Hono } from "hono";
import { takesGzip } from "./packed-files.ts";
import { servePage } from "./serve-page.ts";

test("a page's text comes as gzip where that is taken; who has it is told so", async () => {
  const script = new TextEncoder().encode("export const text = 'again and again';\n".repeat(200));
  const app = new Hono();
  const page = new Map([
    ["index.html", new TextEncoder().encode("<p>short")],
    ["page.js", script],
    ["picture.png", new Uint8Array(5000)],
  ]);
  servePage(app, page);
  const ask = (name: string, headers: Record<string, string> = {}): Promise<Response> =>
    Promise.resolve(app.request(`/${name}`, { headers }));
  const bytesOf = async (response: Response): Promise<Uint8Array> => new Uint8Array(await response.arrayBuffer());

  const packed = await ask("page.js", { "accept-encoding": "gzip, deflate, br" });
  assert.equal(packed.headers.get("content-encoding"), "gzip");
  assert.equal(packed.headers.get("vary"), "Accept-Encoding");
  const bytes = await bytesOf(packed);
  assert.ok(bytes.length < script.length / 10);
  assert.deepEqual(new Uint8Array(gunzipSync(bytes)), script);

  const plain = await ask("page.js");
  assert.equal(plain.headers.get("content-encoding"), null);
  assert.deepEqual(await bytesOf(plain), script);
  for (const name of ["", "picture.png"])
    assert.equal((await ask(name, { "accept-encoding": "gzip" })).headers.get("content-encoding"), null);

  const tag = packed.headers.get("etag")!;
  assert.equal(plain.headers.get("etag"), tag);
  const again = await ask("page.js", { "accept-encoding": "gzip", "if-none-match": `"other", ${tag}` });
  assert.equal(again.status, 304);
  assert.equal((await bytesOf(again)).length, 0);
  assert.equal((await ask("page.js", { "if-none-match": '"other"' })).status, 200);
});

test("a list of codings has gzip, or all of them, with a weight above 0", () => {
  for (const taken of ["gzip", "br, GZIP;q=0.5", "*", "x-gzip", "identity;q=0, *;q=0.1"])
    assert.ok(takesGzip(taken), taken);
  for (const not of [undefined, "", "br", "gzip;q=0", "gzip;q=0, *", "*;q=0"]) assert.ok(!takesGzip(not), not);
});
