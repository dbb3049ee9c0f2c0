/**
 * Goal: a server that ends a connection just as it is handed out fails a statement, and not the hub. Method: a server
 * that says "ready" and "terminating connection" in one breath, as a real one does when it is shut down.
 */
import assert from "node:assert/strict";
import { createServer, type AddressInfo } from "node:net";
import { test } from "node:test";
import { DatabaseError } from "./database.ts";
import { openDatabase } from "./open-database.ts";

/** PostgreSQL's protocol 3.0: a kind, the length with itself, the content. */
function message(kind: string, content: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(kind, 0, "latin1");
  head.writeInt32BE(content.length + 4, 1);
  return Buffer.concat([head, content]);
}

test("a connection that ends as it is handed out fails one statement", async (t) => {
  const uncaught: unknown[] = [];
  const note = (error: unknown): void => void uncaught.push(error);
  process.on("uncaughtException", note);
  const ready = [message("R", Buffer.alloc(4)), message("Z", Buffer.from("I"))];
  const ends = message("E", Buffer.from("SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0"));
  let connections = 0;
  const server = createServer((socket) => {
    socket.on("error", () => {});
    const isFirst = ++connections === 1;
    socket.once("data", () => {
      if (!isFirst) return void socket.end(Buffer.concat([...ready, ends]));
      socket.write(Buffer.concat(ready));
      // It answers its first statement, `select 1`, and is gone.
      socket.once("data", () => socket.end(Buffer.concat([message("C", Buffer.from("SELECT 0\0")), ready[1]!])));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  t.after(() => {
    process.off("uncaughtException", note);
    server.close();
  });
  const database = await openDatabase(`postgres://hub@127.0.0.1:${port}/hub`, { poolSize: 1 });
  t.after(() => database.close());
  await new Promise((resolve) => setTimeout(resolve, 50));
  await assert.rejects(
    database.transaction("read committed", async () => {}),
    (error) => error instanceof DatabaseError && error.isPassing,
  );
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(uncaught, []);
});
