/**
 * Goal: what a caller gave up stays open nowhere, and the host stays up for what is asked for, no longer. Method: a
 * channel whose other side answers as the test says.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { FileEvent } from "./api.ts";
import { type EngineChannel, EngineClient } from "./engine-client.ts";
import { encodeFrame, FrameReader, sendFrame } from "./frames.ts";
import type { FromEngine, ToEngine } from "./protocol.ts";
import { SandboxFiles } from "./remote-events.ts";
import { RemoteHandle } from "./remote-files.ts";

class ScriptedChannel implements EngineChannel {
  readonly said: ToEngine[] = [];
  isHeld = false;
  readonly #reader = new FrameReader(({ head }) => void this.said.push(head as ToEngine));
  #listener!: (bytes: Uint8Array) => void;

  send(bytes: Uint8Array): void {
    this.#reader.push(bytes);
  }

  onBytes(listener: (bytes: Uint8Array) => void): void {
    this.#listener = listener;
  }

  goes: (why: { exitCode: number | null; signal: string | null; log: string }) => void = () => {};

  onGone(listener: typeof this.goes): void {
    this.goes = listener;
  }

  hold(isHeld: boolean): void {
    this.isHeld = isHeld;
  }

  callLater(): () => void {
    return () => {};
  }

  close(): void {}

  tell(message: FromEngine): void {
    this.say(encodeFrame(message));
  }

  say(bytes: Uint8Array): void {
    this.#listener(bytes);
  }
}

for (const [op, request, answer, opened] of [
  ["fork", { target: 1, count: 2, identity: "fresh", keepsPrograms: false }, [5, 6], [5, 6]],
  ["create", {}, 5, [5]],
  ["open-image", { image: "debian" }, { target: 5 }, [5]],
  ["stats", { target: 1 }, 5, []],
] as const)
  test(`${op}: what an answer opens that comes too late is closed`, async () => {
    const channel = new ScriptedChannel();
    const giveUp = new AbortController();
    const client = new EngineClient(channel);
    const { call, answer: asked } = client.call(op, request as never, { signal: giveUp.signal });
    giveUp.abort();
    await assert.rejects(asked, { name: "AbortError" });
    channel.tell({ call, answer });
    channel.tell({ call, answer });
    const closed = channel.said.flatMap((each) => ("op" in each && each.op === "close" ? [each.request] : []));
    assert.deepEqual(
      closed,
      opened.map((target) => ({ target })),
    );
  });

test("an engine that was let go takes nobody by surprise; one that goes by itself does", async () => {
  for (const isLetGo of [true, false]) {
    const channel = new ScriptedChannel();
    const client = new EngineClient(channel);
    const { answer } = client.call("run", { target: 1 } as never);
    if (isLetGo) client.close();
    channel.goes({ exitCode: 0, signal: null, log: "" });
    await assert.rejects(answer, { kind: isLetGo ? "closed" : "engine" });
  }
});

test("an answer that came before its caller gave up is the caller's", async () => {
  const channel = new ScriptedChannel();
  const giveUp = new AbortController();
  const { call, answer } = new EngineClient(channel).call("create", {}, { signal: giveUp.signal });
  channel.tell({ call, answer: 5 });
  giveUp.abort();
  assert.equal((await answer).value, 5);
  // Else the other side would take it back.
  assert.ok(!channel.said.some((message) => "cancel" in message));
});

function watching(): { channel: ScriptedChannel; events: AsyncIterator<FileEvent> } {
  const channel = new ScriptedChannel();
  const handle = new RemoteHandle("sandbox", new EngineClient(channel), 1, () => {});
  return { channel, events: new SandboxFiles(handle).watch("/srv")[Symbol.asyncIterator]() };
}

test("a watch begins at the call; the host stays up once events are asked for, until these end", async () => {
  const { channel, events } = watching();
  assert.deepEqual([channel.said.length, channel.isHeld], [1, false]);
  const event: FileEvent = { kind: "created", path: "/srv/a" };
  channel.tell({ call: 1, event });
  const next = events.next();
  await new Promise(setImmediate);
  assert.deepEqual([(await next).value, channel.isHeld], [event, true]);
  await events.return!();
  assert.deepEqual([channel.said.at(-1), channel.isHeld], [{ call: 1, cancel: true }, false]);
});

test("who leaves before the first event has ended the watch", async () => {
  const { channel, events } = watching();
  await events.return!();
  assert.deepEqual([channel.said.at(-1), channel.isHeld], [{ call: 1, cancel: true }, false]);
});

/** Time passes when the test says so. */
class SlowChannel extends ScriptedChannel {
  readonly #later = new Map<object, () => void>();
  isKilled = false;

  override callLater(_milliseconds?: number, act: () => void = () => {}): () => void {
    const key = {};
    this.#later.set(key, act);
    return () => void this.#later.delete(key);
  }

  get timers(): number {
    return this.#later.size;
  }

  /** All that waits for its time acts. */
  passTime(): void {
    const due = [...this.#later.values()];
    this.#later.clear();
    for (const act of due) act();
  }

  kill(): void {
    this.isKilled = true;
  }
}

test("an engine that says nothing for long, though it is asked, is ended, and who waits for it is told", async () => {
  const channel = new SlowChannel();
  const client = new EngineClient(channel);
  const asked = client.call("stats", { target: 1 }).answer;
  for (let looks = 0; looks < 1000 && !channel.isKilled; looks++) channel.passTime();
  assert.ok(channel.isKilled);
  assert.ok(channel.said.some((each) => "op" in each && each.op === "ping"));
  await assert.rejects(asked, { kind: "engine" });
  await assert.rejects(client.call("stats", { target: 1 }).answer, { kind: "engine" });
  assert.equal(channel.timers, 0);
});

test("an engine that answers when it is asked may take long, and nobody looks while nothing is asked", async () => {
  const channel = new SlowChannel();
  const client = new EngineClient(channel);
  const { call, answer: asked } = client.call("stats", { target: 1 });
  for (let looks = 0; looks < 1000; looks++) {
    channel.passTime();
    const last = channel.said.at(-1)!;
    if ("op" in last && last.op === "ping") channel.tell({ call: last.call, answer: null });
  }
  assert.ok(!channel.isKilled);
  channel.tell({ call, answer: 5 });
  assert.equal((await asked).value, 5);
  assert.equal(channel.timers, 0);
});

test("an engine that is not understood is gone, and the program goes on", async () => {
  for (const said of [new Uint8Array(8).fill(0xff), Uint8Array.of(5, 0, 0, 0, 1, 0, 0, 0, 0x7b)]) {
    const channel = new ScriptedChannel();
    const { answer } = new EngineClient(channel).call("stats", { target: 1 });
    channel.say(said);
    await assert.rejects(answer, { kind: "engine" });
  }
});

test("what a listener throws is its program's, and no end of the engine", async () => {
  const channel = new ScriptedChannel();
  const client = new EngineClient(channel);
  const { call, answer } = client.call("stats", { target: 1 }, { onStarted: () => assert.fail("mine") });
  assert.throws(() => channel.tell({ call, started: 7 }), /mine/);
  channel.tell({ call, answer: 5 });
  assert.equal((await answer).value, 5);
});

test("more than a message holds is refused where it is sent", async () => {
  const bytes = { length: 2 ** 32, buffer: { byteLength: 2 ** 32 } } as unknown as Uint8Array;
  assert.throws(() => encodeFrame({}, bytes), /more than one message holds/);
  assert.throws(() => sendFrame(() => assert.fail("sent"), {}, bytes), /more than one message holds/);
});
