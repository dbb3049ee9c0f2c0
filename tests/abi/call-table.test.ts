/**
 * Goal: docs/compatibility.md is true. Method: a program makes every system call in a machine of ours, and those that
 * answer ENOSYS are the ones that the table says are absent; and each call that the table has no gap for is named by a
 * test of ours or by a program of the Linux Test Project that passes.
 */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { EAGAIN, EBADF, EINTR, EINVAL, ENOSYS, SYSCALL_NAMES } from "@stratos/abi";
import { CALL_TABLES, callsByNumber } from "@stratos/kernel";
import { parseList } from "../../conformance/ltp-list.ts";
import { repository } from "../support/stratos.ts";
import { build } from "./on-linux.ts";
import { runStatic } from "./run-static.ts";

test("a call answers ENOSYS in the guest when the table says that it is absent, and only then", async () => {
  const { output, status } = await runStatic(readFileSync(build("call-table/every-call")), { seed: 1 });
  assert.equal(status, 0, output);
  const answers = [...output.matchAll(/^(\d+) (-?\d+)$/gm)].map(
    (match) => [Number(match[1]), Number(match[2])] as const,
  );
  assert.equal(answers.length, 512);
  const rows = callsByNumber();
  const wrong = answers.filter(
    ([number, errno]) => (errno === ENOSYS) !== (rows[number]?.isAbsent ?? rows[number] === undefined),
  );
  assert.deepEqual(
    wrong.map(([number, errno]) => `${SYSCALL_NAMES[number] ?? number}: errno ${errno}`),
    [],
  );
});

test("calls that hardly a program makes by name do what their manual pages say", async () => {
  const program = build("call-table/rare-calls");
  const { output } = await runStatic(readFileSync(program), { seed: 1 });
  assert.deepEqual(output.trim().split("\n"), [
    "riscv_hwprobe 0",
    "ima 3, unknown -1",
    "riscv_flush_icache 0",
    `restart_syscall ${-EINTR}`,
    "pwritev2 4",
    "preadv2 4",
    "syncfs 0",
    "fchmodat2 0",
    "rare, mode 640",
    "lsetxattr 0",
    "faccessat2 0",
    "process_madvise 4096",
    `process_mrelease ${-EINVAL}`,
    "mlock2 0",
    "futex_requeue 0",
    `futex_requeue ${-EAGAIN}`,
    "rt_sigpending 0",
    "io_cancel 0",
    `io_pgetevents ${-EINVAL}`,
    `mq_getsetattr ${-EBADF}`,
  ]);
});

/** What C libraries call otherwise: a call here is made by each program that uses the function. */
const OTHER_NAMES: Readonly<Record<string, string>> = { rt_sigreturn: "sigaction", sendto: "send", recvfrom: "recv" };
const SOURCES = [
  "packages/kernel/src/**/*.test.ts",
  "packages/kernel/src/testing/*.ts",
  "packages/kernel/src/fs/testing/*.ts",
  "tests/abi/*.c",
  "tests/abi/call-table/rare-calls.c",
];

test("a call without known gaps is named by a test, or by a program of LTP that passes", () => {
  const texts = globSync(SOURCES, { cwd: repository }).map((path) => readFileSync(join(repository, path), "utf8"));
  const words = new Set(
    texts.flatMap((text) => text.match(/\w+/g) ?? []).map((word) => word.replace(/^(SYS_|__NR_)/, "")),
  );
  const { passing } = parseList(readFileSync(join(repository, "conformance/ltp-expected.txt"), "utf8"));
  const hasProgram = (name: string): boolean => {
    for (const program of passing) {
      if (program.startsWith(name) && /^(_?\d+)*$/.test(program.slice(name.length))) return true;
    }
    return false;
  };
  const rows = Object.values(CALL_TABLES).flatMap((table) => Object.entries(table));
  const silent = rows.filter(([name, row]) => {
    const other = OTHER_NAMES[name] ?? name;
    return row.gaps === undefined && !words.has(name) && !words.has(other) && !hasProgram(name) && !hasProgram(other);
  });
  assert.deepEqual(
    silent.map(([name]) => name),
    [],
  );
});
