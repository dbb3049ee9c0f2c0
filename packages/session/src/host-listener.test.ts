/**
 * Goal: a service is served in the host's own time, never while its machine is saved, and a program that does not read
 * cannot fill the host. Method: a connection that takes what it gets, and a loop whose turns the test counts.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { EAGAIN, EPIPE } from "@stratos/abi";
import type { EventLoop } from "@stratos/host";
import type { HostConnection, HostFile, Kernel } from "@stratos/kernel";
import { GuestClient, ServiceHold, writeInGuest } from "./host-listener.ts";

/** The kernel's end of a connection. */
class Connection {
  sent = "";
  /** It takes nothing of it. */
  outgoingBytes = 0;
  readonly incoming: string[] = [];
  hasEnded = false;
  isClosed = false;
  wasReset = false;
  wake: () => void = () => {};

  onReady(callback: () => void): void {
    this.wake = callback;
  }

  post(bytes: Uint8Array): void {
    this.sent += Buffer.from(bytes).toString();
    this.outgoingBytes += bytes.length;
  }

  flush(): void {}

  dropOutgoing(): void {}

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

class Hold extends ServiceHold {
  waits = 0;

  constructor() {
    super(() => this.waits++);
  }
}

function kernel(): Kernel {
  return { hostServices: { dueCount: 0 } } as Kernel;
}

function serve(): { connection: Connection; client: GuestClient; hold: Hold; turns: () => void; heard: string[] } {
  const connection = new Connection();
  const due: (() => void)[] = [];
  const loop = { callSoon: (callback: () => void) => void due.push(callback) } as EventLoop;
  const hold = new Hold();
  const client = new GuestClient(connection as unknown as HostConnection, { kernel: kernel(), loop, hold });
  const heard: string[] = [];
  client.serve({
    onData: (bytes) => void heard.push(Buffer.from(bytes).toString()),
    onEnd: () => void heard.push("end"),
  });
  return { connection, client, hold, heard, turns: () => due.splice(0).forEach((callback) => callback()) };
}

it("what a service does while its machine is saved is done when that is over, in order", () => {
  const { connection, client, hold, heard, turns } = serve();
  const asked: string[] = [];
  hold.begin();
  client.send(Buffer.from("one"));
  client.send(Buffer.from("two"));
  connection.incoming.push("said");
  turns();
  hold.run(() => asked.push("later"));
  assert.deepEqual([connection.sent, heard, asked], ["", [], []]);
  assert.ok(hold.waits > 0, "who saves is told that somebody waits");
  hold.end();
  assert.deepEqual([connection.sent, heard, asked], ["onetwo", ["said"], ["later"]]);
  hold.run(() => asked.push("at once"));
  assert.deepEqual(asked, ["later", "at once"]);
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
  writeInGuest({ kernel: kernel(), loop, hold: new Hold() }, file, Buffer.from("hello"), () => done++);
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
  writeInGuest({ kernel: kernel(), loop, hold: new Hold() }, file, Buffer.from("hello"), () => done++);
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
  client.send(Buffer.from("bye"));
  client.close();
  turns();
  assert.deepEqual(heard, []);
  assert.deepEqual([connection.sent, connection.isClosed, connection.wasReset], ["bye", true, false]);
});
