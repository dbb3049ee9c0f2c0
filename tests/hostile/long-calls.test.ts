/**
 * Goal: a system call that asks for as much as it can is done in pieces, says what Linux would say, and leaves the
 * host its turn and its memory. Method: programs with a case for each; the largest counted work of one execution is
 * exact, the longest turn of the machine is loose, so that a busy host passes.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { PAGE_SIZE, SYSCALL_NAMES } from "@stratos/abi";
import { sampleOf } from "@stratos/base/testing";
import { CALL_WORK } from "@stratos/kernel";
import type { Machine } from "@stratos/machine";
import { runStatic } from "../abi/run-static.ts";
import { WORK_STEP } from "./typed-round.ts";
import { compiled } from "../support/compiled.ts";

/**
 * Milliseconds, for work that nobody counts: calls took up to 18,000 or did not end. A collection of V8's in the midst
 * of a turn takes 100 and more where pages are dear.
 */
const TURN_MS_MAX = 500;

const CALLS: Readonly<Record<string, string>> = {
  fallocate: "ENOSPC done ENOSPC done done\n",
  unknown: "ENOSYS\n",
  copy: "short short\n",
  hwprobe: "done 1\n",
  random: "128 128 33554431\n",
  populate: "mapped done\n",
  terabytes: "done done done EFAULT done done\n",
  areas: "0 all lines done done\n",
  listing: "20002 soon\n",
  signals: "handled whole 1\n",
  killed: "9 at once\n",
  remap: "0 0\n",
  threads: "1 1 1000 3\n",
  polls: "0 16000 4096 0\n",
  execve: "210000 here 100000\n",
  watches: "20000 events\n",
  passed: "8000 closed\n",
  told: "15000 0\n",
  kept: "ENOMEM ENOMEM done ENOBUFS 100000\n",
};

const RINGS: Readonly<Record<string, string>> = {
  chain: "32768 32768 0\n",
  broken: "32768 32768 -125\n",
  counted: "1 32769 0\n",
  limits: "32768 1 32769\n",
  cancel: "32768 65536 -125 1 32769 -125\n",
  removed: "32768 65536 -125\n",
  files: "-1 32768 32768 -6 100 100 -6 -1\n",
  buffers: "200 200 65535\n",
  ends: "3\n",
  polls: "65436 1\n",
  rings: "1 32768 32768 0\n",
  itself: "1002 1\n",
  word: "50000 50000\n",
  words: "1 -12\n",
  vectors: "1 -12\n",
  provided: "32768 -12 1 1 -12\n",
  nested: "1 closed\n",
  woken: "1 1\n",
};

const CASES = { "long-calls": CALLS, "long-rings": RINGS };
const programs = new Map<string, Uint8Array>();

before(() => {
  const flags = ["-O1", "-w", "-static"];
  for (const name of Object.keys(CASES))
    programs.set(name, readFileSync(compiled(join(import.meta.dirname, `${name}.c`), { flags })));
});

/** Its program itself writes 96 MiB, in one turn. */
const WRITES_MUCH = "remap";

/** Memory that is new to the host costs a fault a page, up to 30 µs each: that is no work of the machine. */
const NEW_BYTES = 64 << 20;
let newMemoryMs = 0;
before(() => {
  const started = process.threadCpuUsage();
  const bytes = new Uint8Array(NEW_BYTES);
  for (let at = 0; at < bytes.length; at += PAGE_SIZE) bytes[at] = 1;
  const { user, system } = process.threadCpuUsage(started);
  newMemoryMs = (user + system) / 1000;
});

function touchMemory({ kernel }: Machine): void {
  const { u8 } = kernel.physical;
  for (let at = 0; at < u8.length; at += PAGE_SIZE) u8[at] = u8[at]!;
}

const all = Object.entries(CASES).flatMap(([program, cases]) =>
  Object.entries(cases).map(([name, expected]) => ({ program, name, expected })),
);
for (const { program, name, expected } of sampleOf(all, 2)) {
  test(`${program}, ${name}: in pieces`, async () => {
    const { output, machine, turnMsMax } = await runStatic(programs.get(program)!, {
      argv: ["program", name],
      memoryBytes: 256 << 20,
      ...(name === WRITES_MUCH ? { prepare: touchMemory } : {}),
    });
    assert.equal(output, expected);
    const { work } = machine.kernel;
    assert.ok(
      work.longest <= CALL_WORK + WORK_STEP,
      `${SYSCALL_NAMES[work.longestCall]} did ${work.longest} units at a time`,
    );
    // What the host keeps for the machine (messages, sockets) is new memory, too.
    assert.ok(turnMsMax < TURN_MS_MAX + newMemoryMs, `a turn took ${turnMsMax} ms`);
  });
}
