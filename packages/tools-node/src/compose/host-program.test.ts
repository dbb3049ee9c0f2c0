/** Programs of the host, as a compose runs them. Goal: folder, environment, time, and that nothing is left running. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import type { HostProgram } from "@stratos/compose";
import { runHostProgram } from "./host-program.ts";

const folder = mkdtempSync(join(tmpdir(), "stratos-host-program-"));
after(() => rmSync(folder, { recursive: true }));
const folders = { treefile: join(folder, "t.yaml"), output: join(folder, "out") };
mkdirSync(join(folder, "tools"));

function program(text: string, fields: Partial<HostProgram> = {}): HostProgram & { readonly lines: string[] } {
  const path = join(folder, "tools", "program");
  writeFileSync(path, `#!/bin/sh\n${text}`);
  chmodSync(path, 0o755);
  const lines: string[] = [];
  return {
    command: ["./program", "a b", "-c"],
    directory: "tools",
    environment: { KEY: "value" },
    timeoutSeconds: 60,
    signal: new AbortController().signal,
    onLine: (line) => void lines.push(line),
    lines,
    ...fields,
  };
}

test("a program runs in its folder, with its words and variables and no more of the user's than it needs", async () => {
  process.env["STRATOS_TEST_SECRET"] = "secret";
  const one = program('pwd; echo "$1|$2|$KEY|$STRATOS_OUTPUT|$STRATOS_TEST_SECRET|${HOME:+home}"; echo late >&2\n');
  await runHostProgram(one, folders);
  assert.deepEqual(
    one.lines.toSorted(),
    [join(folder, "tools"), `a b|-c|value|${join(folder, "out")}||home`, "late"].toSorted(),
  );
});

test("what fails, is not there, or takes too long is told; nothing that it has started goes on", async () => {
  const fails = (one: HostProgram, pattern: RegExp): Promise<void> =>
    assert.rejects(
      runHostProgram(one, folders),
      (error: Error) => error.name === "ScriptError" && pattern.test(error.message),
    );
  await fails(program("echo why; exit 3\n"), /^\.\/program: ended with status 3\n {2}why$/);
  await fails(program("", { command: ["./other"] }), /^\.\/other: there is no such program in .*tools$/);
  await fails(program("", { command: ["no-such-program-of-stratos"] }), /there is no such program in PATH/);
  await fails(program("", { directory: "nowhere" }), /its folder nowhere is not there/);
  const one = program("");
  chmodSync(join(folder, "tools", "program"), 0o644);
  await fails(one, /cannot be run: it is not executable/);
  await fails(
    program("sleep 600 & echo $! >child; wait\n", { timeoutSeconds: 2 }),
    /^\.\/program: has not ended within 2 seconds/,
  );
  const child = readFileSync(join(folder, "tools", "child"), "utf8").trim();
  const state = (): string => {
    try {
      return / \(.*\) (\S)/.exec(readFileSync(`/proc/${child}/stat`, "latin1"))![1]!;
    } catch {
      return "gone";
    }
  };
  for (let round = 0; round < 3000 && !["gone", "Z"].includes(state()); round++) await wait(20);
  assert.ok(["gone", "Z"].includes(state()), "what it has started was killed with it");
  const controller = new AbortController();
  const stopped = runHostProgram(program("sleep 600\n", { signal: controller.signal }), folders);
  setTimeout(() => controller.abort(new Error("stopped")), 300);
  await assert.rejects(stopped, /^Error: stopped$/);
});
