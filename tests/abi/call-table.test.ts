/**
 * Goal: docs/compatibility.md is true. Method: a program makes every system call in a machine of ours, and those that
 * answer ENOSYS are the ones that the table says are absent; and each call that the table has no gap for is named by a
 * test of ours or by a program of the Linux Test Project that passes.
 */
import assert from "node:assert/strict";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ENOSYS, SYSCALL_NAMES } from "@stratos/abi";
import { CALL_TABLES, callsByNumber } from "@stratos/kernel";
import { parseList } from "../../conformance/ltp-list.ts";
import { repository } from "../support/stratos.ts";
import { build } from "./on-linux.ts";
import { runStatic } from "./run-static.ts";

test("a call answers ENOSYS in the guest when the table says that it is absent, and only then", async () => {
  const folder = mkdtempSync(join(tmpdir(), "stratos-table-"));
  try {
    const { output, status } = await runStatic(readFileSync(build("call-table/every-call", folder, "riscv64-linux-gnu-gcc", ["-static"])), { seed: 1 });
    assert.equal(status, 0, output);
    const answers = [...output.matchAll(/^(\d+) (-?\d+)$/gm)].map((match) => [Number(match[1]), Number(match[2])] as const);
    assert.equal(answers.length, 512);
    const rows = callsByNumber();
    const wrong = answers.filter(([number, errno]) => (errno === ENOSYS) !== (rows[number]?.isAbsent ?? rows[number] === undefined));
    assert.deepEqual(wrong.map(([number, errno]) => `${SYSCALL_NAMES[number] ?? number}: errno ${errno}`), []);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a call without known gaps is named by a test, or by a program of LTP that passes", () => {
  const sources = globSync(["packages/kernel/src/**/*.test.ts", "packages/kernel/src/fs/testing/*.ts", "tests/abi/*.c"], { cwd: repository }).map((path) => readFileSync(join(repository, path), "utf8"));
  const words = new Set(sources.flatMap((text) => text.match(/\w+/g) ?? []));
  const { passing } = parseList(readFileSync(join(repository, "conformance/ltp-expected.txt"), "utf8"));
  const tested = new Set([...passing].map((program) => program.replace(/_?\d+(_\d+)?$/, "")));
  const complete = Object.values(CALL_TABLES).flatMap((table) => Object.entries(table)).filter(([, row]) => row.gaps === undefined).map(([name]) => name);
  const silent = complete.filter((name) => !words.has(name) && !tested.has(name) && !passing.has(name));
  assert.deepEqual(silent, []);
});
