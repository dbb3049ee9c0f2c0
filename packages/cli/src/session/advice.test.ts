/** Goal: who is refused something learns what to do. Method: what the kernel notes, and how the run ended. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Notice } from "@stratos/kernel";
import { adviceFor, adviceForHome, adviceForImage, adviceForMissing } from "./advice.ts";

const run = { status: 1, program: "curl", memoryBytes: 256 << 20 };
const notices = (...pairs: [Notice, string][]): Map<Notice, string> => new Map(pairs);

test("a run that failed is told the way round", () => {
  assert.match(adviceFor(notices(["network", ""]), run).join(), /--net host/);
  assert.match(adviceFor(notices(["packets", ""]), run).join(), /connect to a port/);
  for (const program of ["systemctl", "/usr/bin/journalctl"]) {
    assert.match(adviceFor(notices(), { ...run, program }).join(), /first program: run -d/);
  }
  assert.deepEqual(adviceFor(notices(), { ...run, program: "/sbin/init" }), []);
});

test("a program that found another way is left alone, but a process that was ended is told", () => {
  const all = notices(["network", ""], ["packets", ""], ["out-of-memory", "process 12 (python3)"]);
  assert.deepEqual(adviceFor(all, { ...run, status: 0 }), [
    "out of memory: ended process 12 (python3); the machine has 256M, --memory gives it another size",
  ]);
});

test("what an image lacks can be had by another image", () => {
  for (const program of ["sh", "/bin/bash", "-bash", "/usr/bin/env"])
    assert.match(
      adviceFor(notices(), { ...run, program, status: 127 }).join(),
      /not found; image build NAME --packages/,
    );
  assert.deepEqual(adviceFor(notices(), { ...run, program: "sh", status: 126 }), []);
  assert.deepEqual(adviceFor(notices(), { ...run, program: "make", status: 127 }), []);
  assert.match(adviceForMissing("nano"), /^; image build NAME --packages PACKAGE/);
  const home = mkdtempSync(join(tmpdir(), "stratos-advice-"));
  try {
    mkdirSync(join(home, "images", "dev"), { recursive: true });
    writeFileSync(join(home, "images", "dev", "image.json"), "{}");
    assert.equal(adviceForMissing("dev", { STRATOS_HOME: home }), "; dev is an image: run -i dev CMD");
    assert.match(adviceForMissing("nano", { STRATOS_HOME: home }), /^; image build NAME/);
  } finally {
    rmSync(home, { recursive: true });
  }
  assert.equal(adviceForMissing("./configure"), "", "no package has what is the user's own");
});

test("who writes -it for a terminal learns that -i is the image", () => {
  for (const name of ["t", "td"]) assert.match(adviceForImage(name), /-i is --image: .*exec takes -it/);
  assert.equal(adviceForImage("test"), "");
});

test("a home that may not be written is told as what it is; what else the host refuses is not", () => {
  const [given, usual] = [{ STRATOS_HOME: "/nowhere/home" }, { XDG_DATA_HOME: "/nowhere" }];
  const failure = (path: string, code: string): NodeJS.ErrnoException => Object.assign(new Error(code), { path, code });
  for (const path of ["/", "/nowhere", "/nowhere/home", "/nowhere/home/images"]) {
    const own = adviceForHome(failure(path, "EACCES"), given);
    assert.equal(own, "; STRATOS_HOME has to be a folder that you may write", path);
  }
  assert.equal(
    adviceForHome(failure("/nowhere/stratos/images", "EROFS"), usual),
    "; set STRATOS_HOME to a folder that you may write",
  );
  for (const [path, code] of [
    ["/nowhere/other", "EACCES"],
    ["/nowhere/home", "ENOSPC"],
    ["/nowhere/homes/x", "EACCES"],
  ] as const)
    assert.equal(adviceForHome(failure(path, code), given), "", path);
  assert.equal(adviceForHome(failure("/tmp/x", "EACCES"), { STRATOS_HOME: "/tmp" }), "", "the home itself is fine");
});
