/**
 * Goal: of the engines that wait there is one at most, each is one sandbox's, and none is handed out that is gone or
 * began in other surroundings. Method: engines over channels that say nothing, and a clock that the test moves.
 */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { type EngineChannel, EngineClient } from "@stratos/sdk/client";
import { SpareEngines } from "./spare-engines.ts";

class SilentChannel implements EngineChannel {
  isClosed = false;
  isHeld = true;
  die: () => void = () => {};

  send(): void {}

  onBytes(): void {}

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
  });
  return { spares, channels, pass: (milliseconds) => t.mock.timers.tick(milliseconds) };
}

test("after the first sandbox one begins a moment later, after the others at once; there is one, for one", (t) => {
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
