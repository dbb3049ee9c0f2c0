/** Goal: who works in the background takes nothing from other sessions, and its own is slowed by it alone. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { getPriority } from "node:os";
import { afterEach, test } from "node:test";
import { giveWay } from "./give-way.ts";

let child: ChildProcess | null = null;
afterEach(() => void child?.kill("SIGKILL"));

/** What a kernel has that shares processors out by sessions; of the first session's it tells nothing. */
const HAS_SESSIONS = existsSync("/proc/self/autogroup");
const niceOfSession = (pid: number): string | undefined =>
  HAS_SESSIONS ? /nice (-?\d+)$/.exec(readFileSync(`/proc/${pid}/autogroup`, "utf8").trim())?.[1] : undefined;
const ifThere = (nice: string): string | undefined => (HAS_SESSIONS ? nice : undefined);

test("a process that leads a session takes its session along", () => {
  child = spawn("sleep", ["60"], { detached: true, stdio: "ignore" });
  const pid = child.pid!;
  assert.equal(niceOfSession(pid), ifThere("0"));
  giveWay(pid);
  assert.equal(niceOfSession(pid), ifThere("19"));
  assert.equal(getPriority(pid), 19);
});

test("one that lives in another's leaves that as it is", () => {
  child = spawn("sleep", ["60"], { stdio: "ignore" });
  const before = niceOfSession(process.pid);
  giveWay(child.pid);
  assert.equal(getPriority(child.pid), 19);
  assert.equal(niceOfSession(process.pid), before);
});

test("a process that has ended is no failure", () => {
  giveWay(2 ** 22 + 1);
});
