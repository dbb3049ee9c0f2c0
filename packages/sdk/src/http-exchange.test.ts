/**
 * Goal: whatever a server in the sandbox answers, the asker gets an answer or a failure. Method: connections to servers
 * that do what the test says.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8Of } from "@stratos/base";
import type { ProgramInput } from "./api.ts";
import { exchange } from "./http-exchange.ts";
import type { RemoteConnection } from "./remote-program.ts";

/** @param reads  false: the server takes nothing of what it is sent */
function serverThat(answers: () => Iterable<string>, reads = true): { sent: () => number; ask: typeof ask } {
  let pieces = 0;
  async function* output(): AsyncGenerator<Uint8Array> {
    for (const answer of answers()) {
      pieces++;
      yield utf8Of(answer);
    }
  }
  let close!: () => void;
  const ended = new Promise<void>((resolve) => {
    close = resolve;
  });
  const input: ProgramInput = { write: () => (reads ? Promise.resolve() : new Promise(() => {})), end() {} };
  const connection = { input, output: output(), ended, close } as unknown as RemoteConnection;
  const ask = (init: RequestInit = {}): Promise<Response> =>
    exchange(connection, { port: 80, request: new Request("http://localhost/", init) });
  return { sent: () => pieces, ask };
}

test("a server that refuses a request without reading it is heard", async () => {
  const server = serverThat(() => ["HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno"], false);
  const response = await server.ask({ method: "POST", body: "x".repeat(1 << 20) });
  assert.deepEqual([response.status, await response.text()], [413, "no"]);
});

test("interim answers come before the answer, whose fields are kept", async () => {
  const { ask } = serverThat(() => ["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX-A: b\r", "\n\r\n", "all"]);
  const response = await ask();
  assert.deepEqual([response.status, response.headers.get("x-a"), await response.text()], [200, "b", "all"]);
});

for (const [what, first, piece] of [
  ["fields", "HTTP/1.1 200 OK\r\n", "A: b\r\n".repeat(100)],
  ["interim answers", "", "HTTP/1.1 100 Continue\r\n\r\n".repeat(50)],
  ["a line", "", "HTTP".repeat(200)],
] as const)
  test(`${what} without end are given up`, async () => {
    const server = serverThat(function* () {
      yield first;
      // Far beyond the bound, and no endless loop if there is none.
      for (let left = 1000; left > 0; left--) yield piece;
    });
    await assert.rejects(server.ask(), { kind: "port", message: /head does not end/ });
    assert.ok(server.sent() < 200, `${server.sent()} pieces`);
  });
