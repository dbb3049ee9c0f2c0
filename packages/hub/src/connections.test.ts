/**
 * Goal: how long connections and requests may last is as it was set; a client that dawdles is answered, and let go.
 * Method: sockets of the test's own, which say a part of a request, or nothing more.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { startTestHub, type TestHub } from "./testing/test-hub.ts";

let hub: TestHub;
before(async () => {
  hub = await startTestHub({ http: { keepAliveSeconds: 1, headersSeconds: 1, requestSeconds: 3 } });
});
after(() => hub.close());

interface Said {
  readonly text: string;
  readonly seconds: number;
}

/** @returns what came until the hub closed the connection, and when that was */
async function say(text: string): Promise<Said> {
  const { hostname, port } = new URL(hub.server.url);
  const socket: Socket = connect(Number(port), hostname);
  let heard = "";
  socket.on("data", (bytes) => void (heard += bytes.toString()));
  await once(socket, "connect");
  const started = performance.now();
  socket.write(text);
  await once(socket, "close");
  return { text: heard, seconds: (performance.now() - started) / 1_000 };
}

// Timers of a busy host are late, never early: of what lasts too long only the order is asserted.
test("idle connections are closed after --keep-alive; headers and bodies that do not come are 408", async () => {
  const [idle, headers, body] = await Promise.all([
    say("GET /healthz HTTP/1.1\r\nHost: hub\r\n\r\n"),
    say("GET /healthz HTTP/1.1\r\nHost: hub\r\nX-Slow: "),
    say(
      "POST /v1/tasks HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\nContent-Length: 10\r\n" +
        `Authorization: Bearer ${hub.adminToken}\r\n\r\n{`,
    ),
  ]);
  assert.match(idle.text, /^HTTP\/1\.1 200 [^]*Keep-Alive: timeout=1\r\n/i);
  assert.ok(idle.seconds >= 1, String(idle.seconds));
  assert.match(headers.text, /^HTTP\/1\.1 408 /);
  assert.ok(headers.seconds >= 1, String(headers.seconds));
  assert.match(body.text, /^HTTP\/1\.1 408 /);
  assert.ok(body.seconds >= 3 && body.seconds > headers.seconds, String(body.seconds));
});
