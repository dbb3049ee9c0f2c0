/** Goal: a program's limits go with it into a saved sandbox or a fork. Method: its ends alone, without a machine. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { LimitName } from "./api.ts";
import { MachineProgram } from "./machine-program.ts";

const NEVER = new Promise<never>(() => {});

test("a program that is loaded has what was left of its output and time", () => {
  let nowMs = 0;
  const delays: number[] = [];
  const callLater = (delayMs: number): (() => void) => (delays.push(delayMs), () => delays.pop());
  const loop = { nowMs: () => nowMs, callLater };
  const written: number[] = [];
  const reached: LimitName[] = [];
  const onOutput = (_stream: 1 | 2, bytes: Uint8Array): void => void written.push(bytes.length);
  const listener = { onStarted() {}, onRead() {}, onOutput };
  const program = new MachineProgram(listener, null, NEVER);
  program.bound({ outputBytes: 10, timeMs: 500 }, loop, (limit) => reached.push(limit));
  program.outputs[0].write(new Uint8Array(6), 0, 6);
  nowMs = 200;
  const saved = program.save(7);
  const loaded = MachineProgram.load(saved, NEVER);
  loaded.bound(saved.limits!, loop, (limit) => reached.push(limit));
  loaded.connect(listener);
  loaded.outputs[1].write(new Uint8Array(6), 0, 6);
  assert.deepEqual([written, reached, delays], [[6, 4], ["output"], [500, 300]]);
  loaded.end(0);
  assert.deepEqual(delays, [500], "its time is over with it");
});
