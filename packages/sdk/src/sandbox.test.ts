/**
 * Goal: volumes that a sandbox was to get are closed when there is none, and what fails is told once. Method: engines
 * that answer as the test says.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { StratosError } from "./api.ts";
import type { EngineClient } from "./engine-client.ts";
import { RemoteHandle } from "./remote-files.ts";
import { openSandbox } from "./open-sandbox.ts";
import { type EngineSource, RemoteSandbox } from "./sandbox.ts";
import { Volume } from "./volume.ts";

/** What volumes are open in, and sandboxes start in; `create` fails with what it is told. */
class ScriptedEngines implements EngineSource {
  readonly calls: string[] = [];
  readonly #failure: Error | null;
  users = 0;

  constructor(failure: Error | null = null) {
    this.#failure = failure;
  }

  volume(number: number): Volume {
    const { engine, release } = this.acquire();
    return new Volume(new RemoteHandle("volume", engine, number, release), { place: `/${number}` });
  }

  common(): { engine: EngineClient; release(): void } {
    return this.acquire();
  }

  acquire(): { engine: EngineClient; release(): void } {
    this.users++;
    const call = (op: string, { target = 0 }: { target?: number }): unknown => {
      this.calls.push(op === "close" ? `close ${target}` : op);
      const isFailing = op === "create" && this.#failure !== null;
      return { answer: isFailing ? Promise.reject(this.#failure) : Promise.resolve({ value: 9 }) };
    };
    const engine = { call, place: (place: unknown) => place } as unknown as EngineClient;
    return { engine, release: () => void this.users-- };
  }
}

const REFUSED = new StratosError("option", "refused", { option: "volumes" });

/** An engine in which each program writes so much and ends. */
function printing(bytes: Uint8Array): EngineSource {
  const call = (op: string, _request: unknown, options: Parameters<EngineClient["call"]>[2] = {}): object => {
    if (op === "run") setImmediate(() => options.onOutput?.(1, bytes));
    const end = { exitCode: 0, signal: null, timedOut: false, limit: null };
    const answer = new Promise((resolve) => {
      setImmediate(() => resolve({ value: op === "run" ? end : 9 }));
    });
    return { call: 1, answer };
  };
  const engine = { call, send: () => {} } as unknown as EngineClient;
  const acquire = (): { engine: EngineClient; release(): void } => ({ engine, release: () => {} });
  return { acquire, common: acquire };
}

test("much output is decoded when somebody reads it as text, and is then a text like a little", async () => {
  for (const [length, isAtOnce] of [
    [3, true],
    [(1 << 20) + 3, false],
  ] as const) {
    const bytes = new Uint8Array(length).fill(0x61);
    const engines = printing(bytes);
    const box = new RemoteSandbox(new RemoteHandle("sandbox", engines.acquire().engine, 9, () => {}), engines, {});
    const result = await box.run("yes");
    assert.equal("value" in Object.getOwnPropertyDescriptor(result, "stdout")!, isAtOnce);
    assert.deepEqual(Object.keys(result).includes("stdout"), true);
    assert.equal(result.stdout, "a".repeat(length));
    assert.equal(Object.getOwnPropertyDescriptor(result, "stdout")!.value, result.stdout);
    assert.deepEqual(result.stdoutBytes, bytes);
    assert.equal(result.stderr, "");
  }
});

test("a volume that cannot be opened is the failure, and the others are closed", async () => {
  const engines = new ScriptedEngines();
  const volumes = { "/a": Promise.reject(REFUSED), "/b": Promise.resolve(engines.volume(2)), "/c": engines.volume(3) };
  await assert.rejects(openSandbox(engines, { volumes }), REFUSED);
  assert.deepEqual([engines.calls, engines.users], [["close 2", "close 3"], 0]);
});

test("options that are refused at once leave no volume open, nor its failure to nobody", async () => {
  const engines = new ScriptedEngines();
  const isolation = "nowhere" as "process";
  const acquire = (): never => {
    throw REFUSED;
  };
  const late = new Promise<Volume>((_, reject) => {
    setImmediate(() => reject(new Error("late")));
  });
  await assert.rejects(
    openSandbox({ acquire, common: acquire }, { isolation, volumes: { "/a": engines.volume(1) } }),
    REFUSED,
  );
  await assert.rejects(openSandbox({ acquire, common: acquire }, { isolation, volumes: { "/a": late } }), /late/);
  assert.deepEqual([engines.calls, engines.users], [["close 1"], 0]);
});

test("a create that is refused has closed the volumes, once", async () => {
  const engines = new ScriptedEngines(REFUSED);
  await assert.rejects(openSandbox(engines, { volumes: { "/a": engines.volume(1) } }), REFUSED);
  assert.deepEqual([engines.calls, engines.users], [["close 1", "create"], 0]);
});

test("who gives up while volumes are opened gets no sandbox", async () => {
  const engines = new ScriptedEngines();
  const giving = new AbortController();
  const opening = new Promise<Volume>((resolve) => {
    setImmediate(() => {
      giving.abort(REFUSED);
      resolve(engines.volume(1));
    });
  });
  await assert.rejects(openSandbox(engines, { signal: giving.signal, volumes: { "/a": opening } }), REFUSED);
  assert.deepEqual([engines.calls, engines.users], [["close 1"], 0]);
});

test("a time that no timer reaches is refused at once, before anything runs", async () => {
  const engines = new ScriptedEngines();
  const box = new RemoteSandbox(new RemoteHandle("sandbox", engines.acquire().engine, 1, () => {}), engines, {});
  for (const timeoutMs of [2 ** 31, 1e12, Infinity, 0, -1])
    for (const begun of [box.run("true", { timeoutMs }), box.spawn("true", { timeoutMs })])
      await assert.rejects(begun as Promise<unknown>, { kind: "option", data: { option: "timeoutMs" } });
  assert.deepEqual(engines.calls, []);
});
