/**
 * Goal: no system call, whatever its arguments, does more than its bound of work at a time, breaks an invariant, or
 * ends the machine. Method: a sample of what `npm run fuzz:syscalls` does for as long as one likes: fixed seeds in
 * machines whose time is counted, so that it is the same each time, and asserts counted work.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { sampleOf } from "@stratos/base/testing";
import { SYSCALL_NUMBERS } from "@stratos/abi";
import { CALL_TABLES, CALL_WORK } from "@stratos/kernel";
import { CALL_TYPES } from "./call-types.ts";
import { CallWatch } from "./call-watch.ts";
import { buildRunner, callsOf, runRound, WORK_STEP } from "./typed-round.ts";

/** End or stop the tester, or have nothing to get wrong. */
const LEFT_OUT = new Set([
  "exit",
  "exit_group",
  "reboot",
  "rt_sigreturn",
  "rt_sigsuspend",
  "vhangup",
  "pause",
  "restart_syscall",
  "getpid",
  "getppid",
  "gettid",
  "getuid",
  "geteuid",
  "getgid",
  "getegid",
  "setsid",
  "settimeofday",
  "clock_adjtime",
  "times",
  "gettimeofday",
]);

test("rounds of random calls of the right types stay within their work", async () => {
  const runner = buildRunner();
  const watch = new CallWatch(Infinity);
  for (const seed of sampleOf([1, 15, 32], 3)) {
    const { output } = await runRound(runner, callsOf(seed), watch, seed);
    assert.equal(output.slice(-9), "survived\n", `seed ${seed}: npm run fuzz:syscalls -- --seed ${seed} --rounds 1`);
    const most = watch.mostWork!;
    assert.ok(
      most.work <= CALL_WORK + WORK_STEP,
      `seed ${seed}: ${most.name}(${most.arguments.join(", ")}) did ${most.work} units`,
    );
  }
  watch.stop();
});

test("the same seed makes the same calls", () => {
  assert.deepEqual(callsOf(7, 200), callsOf(7, 200));
  assert.notDeepEqual(callsOf(7, 200), callsOf(8, 200));
});

test("every type is a system call's, and most calls of the table have types", () => {
  for (const name of Object.keys(CALL_TYPES)) assert.ok(SYSCALL_NUMBERS.has(name), name);
  const names = Object.values(CALL_TABLES)
    .flatMap((table) => Object.entries(table))
    .filter(([name, row]) => !LEFT_OUT.has(name) && row.isAbsent !== true && !/^never/.test(row.gaps ?? ""))
    .map(([name]) => name);
  const typed = names.filter((name) => CALL_TYPES[name] !== undefined);
  assert.ok(
    typed.length > names.length * 0.75,
    `${typed.length} of ${names.length}; without: ${names.filter((name) => CALL_TYPES[name] === undefined).join(" ")}`,
  );
});
