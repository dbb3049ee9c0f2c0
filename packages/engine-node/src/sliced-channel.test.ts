/**
 * Goal: what is written goes in order, however much it is, and nobody waits for a reader that has something else to do.
 * Method: a Unix socket whose other end the test reads when it wants to.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { closeSync, fstatSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as passTime } from "node:timers/promises";
import { SlicedChannel } from "./sliced-channel.ts";

interface Pair {
  readonly channel: SlicedChannel;
  readonly socket: Socket;
  readonly reader: Socket;
}

async function pair(t: TestContext): Promise<Pair> {
  const folder = mkdtempSync(join(tmpdir(), "stratos-sliced-"));
  const server = createServer({ pauseOnConnect: true }).listen(join(folder, "socket"));
  await once(server, "listening");
  // Else it would end with the reader, without a word.
  const socket = connect({ path: join(folder, "socket"), allowHalfOpen: true });
  const [reader] = (await once(server, "connection")) as [Socket];
  await once(socket, "connect");
  t.after(() => {
    for (const each of [socket, reader]) each.destroy();
    server.close();
    rmSync(folder, { recursive: true });
  });
  const { fd } = (socket as unknown as { readonly _handle: { readonly fd: number } })._handle;
  return { channel: new SlicedChannel(socket, fd), socket, reader };
}

function pieces(sizes: readonly number[]): Uint8Array[] {
  return sizes.map((size, index) => {
    const piece = new Uint8Array(new SharedArrayBuffer(size));
    for (let at = 0; at < size; at += 1021) piece[at] = index + 1 + at;
    return piece;
  });
}

test("little and much go in the order in which they were written, whenever the other side reads", async (t) => {
  const { channel, reader } = await pair(t);
  const all = pieces([3, 9 << 20, 5, 0, 300_000, (4 << 20) + 1, 200_000, 7]);
  const whole = Buffer.concat(all);
  // So much stays in the socket itself, and what follows has to wait for it.
  for (const piece of all) channel.write(piece);
  for (let tick = 0; tick < 5; tick++) await passTime(1);
  const taken: Buffer[] = [];
  let count = 0;
  reader.on("data", (bytes: Buffer) => {
    taken.push(bytes);
    const before = count;
    count += bytes.length;
    // Busy with something else for a while, again and again.
    if (count >> 21 === before >> 21) return;
    reader.pause();
    setTimeout(() => reader.resume(), 5);
  });
  reader.resume();
  while (count < whole.length) await passTime(1);
  channel.write(all[0]!);
  while (count < whole.length + 3) await passTime(1);
  assert.ok(Buffer.concat(taken).equals(Buffer.concat([whole, all[0]!])));
});

test("what the other side no longer takes is told by the socket, once", async (t) => {
  const { channel, socket, reader } = await pair(t);
  const errors: unknown[] = [];
  socket.on("error", (error) => errors.push((error as NodeJS.ErrnoException).code));
  channel.write(pieces([9 << 20])[0]!);
  reader.destroy();
  await new Promise((resolve) => socket.on("close", resolve));
  channel.write(pieces([9 << 20])[0]!);
  assert.equal(errors.length, 1);
  // Whether it had left something unread.
  assert.match(String(errors[0]), /^(?:EPIPE|ECONNRESET)$/);
});

test("much goes once who has written it is through with its turn", async () => {
  const folder = mkdtempSync(join(tmpdir(), "stratos-sliced-"));
  const fd = openSync(join(folder, "file"), "w");
  try {
    const channel = new SlicedChannel({ writable: true, writableLength: 0, write: fail, destroy: fail }, fd);
    channel.write(new Uint8Array(1 << 19));
    assert.equal(fstatSync(fd).size, 0);
    while (fstatSync(fd).size < 1 << 19) await passTime(1);
  } finally {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  }
});

function fail(): never {
  throw new Error("it goes by itself");
}
