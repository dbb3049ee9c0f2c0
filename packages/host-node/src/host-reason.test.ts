/** Goal: failures of the host are told in words alone, of files and of sockets. Method: real ones. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { hostReason } from "./host-reason.ts";

test("neither codes nor calls are told", async () => {
  const failed = (work: () => unknown): unknown => {
    try {
      return work();
    } catch (error) {
      return error;
    }
  };
  assert.equal(hostReason(failed(() => readFileSync("/none"))), "no such file or directory");
  assert.equal(hostReason(failed(() => readFileSync("/"))), "is a directory");
  assert.equal(hostReason(failed(() => readdirSync("/dev/null"))), "not a directory");
  assert.equal(hostReason(failed(() => rmSync(tmpdir()))), "is a directory");
  if (existsSync("/proc/self/comm"))
    assert.equal(hostReason(failed(() => rmSync("/proc/self/comm"))), "operation not permitted");
  const first = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => first.once("listening", resolve));
  const second = createServer().listen((first.address() as AddressInfo).port, "127.0.0.1");
  const error = await new Promise((resolve) => second.once("error", resolve));
  first.close();
  assert.equal(hostReason(error), "address already in use");
  const bound = createSocket("udp4").bind(0, "127.0.0.1");
  await once(bound, "listening");
  const again = createSocket("udp4").bind(bound.address().port, "127.0.0.1");
  const [refusal] = await once(again, "error");
  bound.close();
  assert.equal(hostReason(refusal), "address already in use", "of datagrams, too");
  assert.equal(hostReason(new Error("what else: there is")), "what else: there is");
});

test("a folder that is gone while one is in it is told as that", () => {
  const from = process.cwd();
  const gone = mkdtempSync(join(tmpdir(), "stratos-gone-"));
  process.chdir(gone);
  rmdirSync(gone);
  try {
    assert.throws(
      () => process.cwd(),
      (error) => hostReason(error) === "the current folder is not there any more",
    );
  } finally {
    process.chdir(from);
  }
});
