/**
 * Goal: whoever deals with a program beyond a channel is never left waiting when it ends. Method: programs over an
 * engine that does what the test says.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { StratosError } from "./api.ts";
import type { Answer, EngineClient } from "./engine-client.ts";
import { STREAM_WINDOW } from "./protocol.ts";
import { KeptOutput, RemoteProgram, startCall } from "./remote-program.ts";

const ENDED = { value: { exitCode: 0, signal: null, timedOut: false }, bytes: new Uint8Array() };

/** Runs one program, whose end is the test's. */
class ScriptedEngine {
  readonly calls: string[] = [];
  endProgram!: (answer: Answer | Promise<Answer>) => void;

  call(op: string, _request: unknown, options: { onStarted?(pid: number): void } = {}): unknown {
    this.calls.push(op);
    if (op !== "run") return { call: this.calls.length, answer: Promise.resolve({ value: null, bytes: ENDED.bytes }) };
    queueMicrotask(() => options.onStarted?.(7));
    const answer = new Promise<Answer>((resolve) => {
      this.endProgram = resolve;
    });
    return { call: this.calls.length, answer };
  }

  send(): void {}
}

async function startProgram(): Promise<{ engine: ScriptedEngine; program: RemoteProgram }> {
  const engine = new ScriptedEngine();
  const request = { target: 1, command: "head -1", env: {} };
  const input = { stdin: undefined, signal: undefined };
  return { engine, program: await RemoteProgram.start(engine as unknown as EngineClient, request, input) };
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

test("who writes to a program whose sandbox is closed hears of it; who doesn't wait is left alone", async () => {
  const { engine, program } = await startProgram();
  const piece = new Uint8Array(STREAM_WINDOW);
  await program.stdin.write(piece);
  const [atWork, behind] = [program.stdin.write(piece), program.stdin.write(piece)];
  void program.stdin.write(piece);
  await turn();
  const closed = new StratosError("closed", "the sandbox was closed", {});
  engine.endProgram(Promise.reject(closed));
  for (const write of [atWork, behind, program.wait(), program.stdin.write(piece)]) await assert.rejects(write, closed);
  await turn();
});

test("who writes to a program that ends without reading goes on", async () => {
  const { engine, program } = await startProgram();
  const piece = new Uint8Array(STREAM_WINDOW / 4);
  let written = 0;
  const writing = (async () => {
    for (; written < 8; written++) await program.stdin.write(piece);
  })();
  await turn();
  assert.equal(written, 4, "no more than the window");
  engine.endProgram(ENDED);
  assert.equal((await program.wait()).exitCode, 0);
  await Promise.race([writing, turn()]);
  assert.equal(written, 8);
});

test("a program that has ended is not killed: its number may be another's", async () => {
  const { engine, program } = await startProgram();
  await program.kill();
  engine.endProgram(ENDED);
  await program.wait();
  await program.kill();
  assert.deepEqual(engine.calls, ["run", "signal"]);
});

test("a run without input that has ended keeps nothing of its output in memory", async () => {
  const engine = new ScriptedEngine();
  let isCollected = false;
  const registry = new FinalizationRegistry(() => {
    isCollected = true;
  });
  await (async () => {
    const output = new KeptOutput(1 << 20, undefined);
    registry.register(output, null);
    const request = { target: 1, command: "true", env: {} };
    const parts = { stdin: undefined, signal: undefined, failing: [output.failed] };
    const { ended } = startCall(
      engine as unknown as EngineClient,
      { op: "run", request },
      { ...parts, onOutput: (_stream, bytes, dealtWith) => output.add(bytes, dealtWith) },
    );
    engine.endProgram(ENDED);
    await ended;
  })();
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let left = 20; left > 0 && !isCollected; left--) {
    collect();
    await turn();
  }
  assert.ok(isCollected);
});
