/**
 * Goal: of the engines that wait there is one as a rule, and as many as there are processors while sandboxes come
 * faster than engines; each is one sandbox's, and none is handed out that is gone or began in other surroundings.
 * Method: engines over channels that say only what the test lets them say, and a clock that it moves.
 */
import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { test, type TestContext } from "node:test";
import { type EngineChannel, EngineClient } from "@stratos/sdk/client";
import { SpareEngines } from "./spare-engines.ts";

class SilentChannel implements EngineChannel {
  isClosed = false;
  isHeld = true;
  die: () => void = () => {};
  #onBytes: (bytes: Uint8Array) => void = () => {};

  send(): void {}

  onBytes(listener: (bytes: Uint8Array) => void): void {
    this.#onBytes = listener;
  }

  /** The answer to its first call, in a frame (sdk's frames.ts). */
  becomeReady(): void {
    const head = Buffer.from(JSON.stringify({ call: 1, answer: null }));
    const prefix = Buffer.alloc(8);
    prefix.writeUInt32LE(head.length + 4, 0);
    prefix.writeUInt32LE(head.length, 4);
    this.#onBytes(Buffer.concat([prefix, head]));
  }

  onGone(listener: Parameters<EngineChannel["onGone"]>[0]): void {
    this.die = () => listener({ exitCode: null, signal: "SIGKILL", log: "" });
  }

  hold(isHeld: boolean): void {
    this.isHeld = isHeld;
  }

  callLater(): () => void {
    return () => {};
  }

  close(): void {
    this.isClosed = true;
  }
}

interface World {
  readonly spares: SpareEngines;
  /** Of all that were begun. */
  readonly channels: readonly SilentChannel[];
  pass(milliseconds: number): void;
}

function world(t: TestContext): World {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const channels: SilentChannel[] = [];
  const spares = new SpareEngines(() => {
    const channel = new SilentChannel();
    channels.push(channel);
    return new EngineClient(channel);
  }, 2);
  return { spares, channels, pass: (milliseconds) => t.mock.timers.tick(milliseconds) };
}

test("after the first sandbox one begins a moment later, after others at once; there is one, for one", async (t) => {
  const { spares, channels, pass } = world(t);
  assert.equal(spares.take("process"), null);
  spares.makeReady("process", {});
  pass(249);
  assert.equal(channels.length, 0);
  pass(1);
  assert.deepEqual(
    channels.map(({ isHeld }) => isHeld),
    [false],
  );
  spares.makeReady("process", {});
  assert.equal(channels.length, 1);
  channels[0]!.becomeReady();
  await turn();
  assert.equal(spares.take("worker"), null);
  assert.ok(spares.take("process") instanceof EngineClient);
  assert.equal(spares.take("process"), null);
  spares.makeReady("process", {});
  assert.equal(channels.length, 2);
  pass(400_000);
  assert.deepEqual(
    channels.map(({ isClosed }) => isClosed),
    [false, true],
  );
  assert.equal(spares.take("process"), null);
});

test("who takes them before they are ready has two that begin at a time, until no sandbox is made for a while", (t) => {
  const { spares, channels, pass } = world(t);
  spares.makeReady("process", {});
  pass(250);
  for (const begun of [3, 4, 5]) {
    assert.ok(spares.take("process") instanceof EngineClient);
    spares.makeReady("process", {});
    assert.equal(channels.length, begun);
  }
  pass(4999);
  assert.deepEqual(
    channels.map(({ isClosed }) => isClosed),
    [false, false, false, false, false],
  );
  pass(1);
  assert.deepEqual(
    channels.map(({ isClosed }) => isClosed),
    [false, false, false, false, true],
  );
  assert.ok(spares.take("process") instanceof EngineClient);
  assert.equal(spares.take("process"), null);
});

test("one that has ended is replaced", (t) => {
  const { spares, channels, pass } = world(t);
  spares.makeReady("worker", {});
  pass(250);
  channels[0]!.die();
  assert.equal(spares.take("worker"), null);
  spares.makeReady("worker", {});
  channels[1]!.die();
  spares.makeReady("worker", {});
  assert.equal(channels.length, 3);
  assert.ok(spares.take("worker") instanceof EngineClient);
});

test("one that began in another folder or environment ends unused; in the thread that asks there is none", (t) => {
  const { spares, channels, pass } = world(t);
  const folder = process.cwd();
  t.after(() => {
    process.chdir(folder);
    delete process.env["STRATOS_OTHER_HOME"];
  });
  for (const change of [() => process.chdir("/"), () => void (process.env["STRATOS_OTHER_HOME"] = "/other")]) {
    spares.makeReady("process", {});
    pass(250);
    change();
    assert.equal(spares.take("process"), null);
    assert.equal(channels.at(-1)!.isClosed, true);
  }
  spares.makeReady("shared", {});
  pass(250);
  assert.equal(spares.take("shared"), null);
  assert.equal(channels.length, 2);
});
