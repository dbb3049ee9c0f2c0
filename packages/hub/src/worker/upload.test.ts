/**
 * Goal: what a run made is not lost, and made again, because the hub is away for a while; what the hub refuses ends.
 * Method: a file, a `fetch` in the hub's place, virtual time.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test, type TestContext } from "node:test";
import { HubClient, HubProblem } from "@stratos/hub-api";
import { uploadArtefacts } from "./upload.ts";

const folder = mkdtempSync(join(tmpdir(), "hub-upload-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = { name: "out", path: join(folder, "out"), role: "output", media: "text/plain" };
writeFileSync(file.path, "made\n");

/** Uploads to a hub that answers with what `answer` returns after so many milliseconds; a word: why it does not. */
async function upload(
  context: TestContext,
  answer: (request: string, elapsedMs: number) => Response | string,
  stopper = new AbortController(),
): Promise<{ result: unknown; elapsedMs: number }> {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  let elapsedMs = 0;
  let hasAsked = false;
  const fetch = async (url: string, init: RequestInit): Promise<Response> => {
    hasAsked = true;
    const response = answer(`${init.method} ${url.replace(/sha256:\w+/, "DIGEST")}`, elapsedMs);
    if (response instanceof Response) return response;
    throw new TypeError("fetch failed", { cause: Object.assign(new Error(response), { code: response }) });
  };
  const client = new HubClient({ url: "http://hub.example", token: "x", fetch });
  let isOver = false;
  const result = uploadArtefacts(client, [file], stopper.signal)
    .catch((error: unknown) => error)
    .finally(() => (isOver = true));
  for (; !isOver; await new Promise((resolve) => setImmediate(resolve))) {
    // The file is read in real time, before.
    if (!hasAsked) continue;
    elapsedMs += 100;
    context.mock.timers.tick(100);
    if (elapsedMs > 60 * 60_000) stopper.abort();
  }
  return { result: await result, elapsedMs };
}

const problem = (status: number): Response => Response.json({ detail: "no", status }, { status });
const begins = (): Response => Response.json({ offset: 0, isComplete: false });

test("an upload outlasts a hub that is away for minutes", async (context) => {
  const backMs = 5 * 60_000;
  const requests: string[] = [];
  const { result, elapsedMs } = await upload(context, (request, elapsed) => {
    if (elapsed < backMs) return elapsed < backMs / 2 ? "ECONNREFUSED" : "UND_ERR_SOCKET";
    requests.push(request);
    return request.startsWith("GET") ? begins() : new Response(null, { status: 204 });
  });
  assert.ok(Array.isArray(result) && result.length === 1, String(result));
  assert.ok(elapsedMs < backMs + 10_000, "and it is soon there when the hub is");
  assert.deepEqual(requests, [
    "GET http://hub.example/v1/blobs/DIGEST/state",
    "PUT http://hub.example/v1/blobs/DIGEST?offset=0&size=5",
  ]);
});

test("it ends with the run, between two requests too", async (context) => {
  const stopper = new AbortController();
  const { result, elapsedMs } = await upload(
    context,
    (_, elapsed) => {
      if (elapsed === 0) setTimeout(() => stopper.abort(), 60_000);
      return "ECONNREFUSED";
    },
    stopper,
  );
  assert.ok(result instanceof TypeError);
  assert.ok(elapsedMs < 60_500, `after ${elapsedMs} ms`);
});

test("what waiting does not mend ends it, a name that nobody knows after some requests", async (context) => {
  for (const [code, most] of [
    ["DEPTH_ZERO_SELF_SIGNED_CERT", 1],
    ["ENOENT", 1],
    ["ENOTFOUND", 10],
  ] as const) {
    let asked = 0;
    const { result } = await upload(context, () => {
      asked++;
      return code;
    });
    assert.ok(result instanceof TypeError);
    assert.ok(asked <= most && (most === 1 || asked > 1), `${code}: ${asked} times`);
    context.mock.timers.reset();
  }
});

test("what the hub refuses is not asked for again, its own troubles some times", async (context) => {
  for (const [status, most] of [
    [403, 1],
    [500, 10],
  ] as const) {
    let asked = 0;
    const { result } = await upload(context, () => {
      asked++;
      return problem(status);
    });
    assert.ok(result instanceof HubProblem && result.status === status);
    assert.ok(asked <= most && (most === 1 || asked > 1), `${status}: ${asked} times`);
    context.mock.timers.reset();
  }
});
