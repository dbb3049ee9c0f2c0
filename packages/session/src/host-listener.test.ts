/**
 * Goal: what a service sends arrives in order, whatever room there is, and a program that does not read cannot fill the
 * host. Method: a connection that takes as much as the test says, and a loop whose turns it counts.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { EAGAIN, EPIPE } from "@stratos/abi";
import type { EventLoop } from "@stratos/host";
import type { HostConnection, HostFile } from "@stratos/kernel";
import { GuestClient, writeInGuest } from "./host-listener.ts";

/** The kernel's end of a connection. */
class Connection {
  room = 0;
  sent = "";
  readonly files: HostFile[] = [];
  readonly incoming: string[] = [];
  hasEnded = false;
  isClosed = false;
  wasReset = false;
  wake: () => void = () => {};

  onReady(callback: () => void): void {
    this.wake = callback;
  }

  send(bytes: Uint8Array, files: readonly HostFile[]): number {
    if (this.room === 0) return -EAGAIN;
    const count = Math.min(this.room, bytes.length);
    this.sent += Buffer.from(bytes.subarray(0, count)).toString();
    this.files.push(...files);
    this.room -= count;
    return count;
  }

  receive(into: Uint8Array): number {
    const next = this.incoming.shift();
    if (next === undefined) return this.hasEnded ? 0 : -EAGAIN;
    into.set(Buffer.from(next));
    return next.length;
  }

  close(): void {
    this.isClosed = true;
  }

  reset(): void {
    this.isClosed = true;
    this.wasReset = true;
  }
}

function serve(): { connection: Connection; client: GuestClient; turns: () => void; heard: string[] } {
  const connection = new Connection();
  const due: (() => void)[] = [];
  const loop = { callSoon: (callback: () => void) => void due.push(callback) } as EventLoop;
  const client = new GuestClient(connection as unknown as HostConnection, loop);
  const heard: string[] = [];
  client.serve({
    onData: (bytes) => void heard.push(Buffer.from(bytes).toString()),
    onEnd: () => void heard.push("end"),
  });
  return { connection, client, heard, turns: () => due.splice(0).forEach((callback) => callback()) };
}

it("bytes that find no room go when there is some, in order, and their files once", () => {
  const { connection, client, turns } = serve();
  let held = 0;
  const again = { release: () => void held-- };
  const file = { again: () => (held++, again) } as unknown as HostFile;
  client.send(Buffer.from("one"));
  client.send(Buffer.from("two"), [file]);
  // The sender may release its own: the file waits with the bytes.
  assert.equal(held, 1);
  for (const room of [2, 2, 9]) {
    connection.room = room;
    connection.wake();
    turns();
  }
  assert.equal(connection.sent, "onetwo");
  assert.deepEqual([connection.files, held], [[again], 0]);
});

it("files whose bytes never go are given back", () => {
  for (const end of ["close", "reset"]) {
    const { connection, client, turns } = serve();
    let held = 0;
    client.send(Buffer.from("one"), [{ again: () => (held++, { release: () => void held-- }) } as unknown as HostFile]);
    if (end === "close") client.close();
    else connection.hasEnded = true;
    turns();
    assert.equal(held, 0, end);
  }
});

it("what is written into a pipe goes as there is room, and is done once", () => {
  const due: (() => void)[] = [];
  const loop = { callSoon: (callback: () => void) => void due.push(callback) } as EventLoop;
  const turns = (): void => due.splice(0).forEach((callback) => callback());
  let wake = (): void => {};
  let written = "";
  let done = 0;
  const answers = [2, -EAGAIN, 9, -EPIPE];
  const file = {
    onRoom: (callback: () => void) => void (wake = callback),
    write: (bytes: Uint8Array) => {
      const answer = answers.shift()!;
      if (answer > 0) written += Buffer.from(bytes.subarray(0, answer)).toString();
      return Math.min(answer, bytes.length);
    },
  } as unknown as HostFile;
  writeInGuest(loop, file, Buffer.from("hello"), () => done++);
  assert.equal(written, "");
  turns();
  assert.deepEqual([written, done], ["he", 0]);
  wake();
  wake();
  turns();
  assert.deepEqual([written, done], ["hello", 1]);
  wake();
  turns();
  // Nobody reads it: that is an end, too.
  writeInGuest(loop, file, Buffer.from("hello"), () => done++);
  turns();
  assert.deepEqual([written, done], ["hello", 2]);
});

it("a program that does not read is reset when more waits for it than may", () => {
  const { connection, client, heard } = serve();
  for (let count = 0; count < 65; count++) client.send(new Uint8Array(1 << 16));
  assert.ok(connection.wasReset);
  assert.deepEqual(heard, ["end"]);
  client.send(Buffer.from("more"));
});

it("bytes are taken one piece a turn, and the end comes after them", () => {
  const { connection, heard, turns } = serve();
  connection.incoming.push("a", "b");
  connection.hasEnded = true;
  for (const expected of [["a"], ["a", "b"], ["a", "b", "end"], ["a", "b", "end"]]) {
    turns();
    assert.deepEqual(heard, expected);
  }
});

it("a service that closes hears no more", () => {
  const { connection, client, heard, turns } = serve();
  connection.incoming.push("a");
  connection.room = 10;
  client.send(Buffer.from("bye"));
  client.close();
  turns();
  assert.deepEqual(heard, []);
  assert.deepEqual([connection.sent, connection.isClosed, connection.wasReset], ["bye", true, false]);
});
