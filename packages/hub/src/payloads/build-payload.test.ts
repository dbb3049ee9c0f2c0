/**
 * Goal: a submitter says what is built, and nothing else of the worker's host. Method: payloads as tasks carry them.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { readBuildPayload } from "./build-payload.ts";

test("a source, suite, profiles, tests and seed become the builder's arguments", () => {
  const options = (payload: Record<string, unknown>): unknown => {
    const read = readBuildPayload(payload);
    return typeof read === "string" ? read : [read.source, ...read.options];
  };
  assert.deepEqual(options({ source: "figlet" }), ["figlet"]);
  assert.deepEqual(options({ source: "figlet=2.2.5-3", suite: "trixie", profiles: ["nocheck", "nodoc"] }), [
    "figlet=2.2.5-3",
    "--suite",
    "trixie",
    "--profiles",
    "nocheck,nodoc",
  ]);
  assert.deepEqual(options({ source: "figlet", host: "riscv64" }), ["figlet", "--host", "riscv64"]);
  assert.deepEqual(options({ source: "figlet", autopkgtest: true }), ["figlet", "--autopkgtest"]);
  assert.deepEqual(options({ source: "https://git.example/a.git#v1", seed: 7 }), [
    "https://git.example/a.git#v1",
    "--in",
    "stratos",
    "--seed",
    "7",
  ]);
});

test("files that were uploaded are a source when its .dsc is among them, under names that are no paths", () => {
  const file = (name: string): { name: string; digest: string } => ({ name, digest: `sha256:${"a".repeat(64)}` });
  const files = [file("a_1.0.dsc"), file("a_1.0.tar.gz")];
  assert.deepEqual(readBuildPayload({ source: "a_1.0.dsc", files }), { source: "a_1.0.dsc", files, options: [] });
  assert.match(String(readBuildPayload({ source: "b_1.0.dsc", files })), /^payload\.source: expected the \.dsc among/);
  for (const name of ["../a.dsc", "/etc/a.dsc", ".a.dsc", "a b.dsc", ""])
    assert.match(String(readBuildPayload({ source: name, files: [file(name)] })), /^payload\.files/, name);
  assert.match(
    String(readBuildPayload({ source: "a.dsc", files: [{ name: "a.dsc", digest: "md5:1" }] })),
    /^payload\.files/,
  );
});

test("paths of the worker's host, options and unknown keys are refused by name", () => {
  for (const source of ["/etc", "../x", ".", "a.dsc", "--output=/etc", "file:///etc", "x y", "", 7, undefined])
    assert.match(String(readBuildPayload({ source })), /^payload\.source: expected NAME/, String(source));
  assert.match(String(readBuildPayload({ source: "a1", suite: "--in" })), /^payload\.suite/);
  assert.match(String(readBuildPayload({ source: "a1", profiles: ["a,b"] })), /^payload\.profiles/);
  assert.match(String(readBuildPayload({ source: "a1", profiles: "nocheck" })), /^payload\.profiles/);
  assert.match(String(readBuildPayload({ source: "a1", autopkgtest: "yes" })), /^payload\.autopkgtest/);
  assert.match(String(readBuildPayload({ source: "a1", host: "--arch" })), /^payload\.host/);
  assert.match(String(readBuildPayload({ source: "a1", host: "arm64", autopkgtest: true })), /^payload\.autopkgtest/);
  assert.match(String(readBuildPayload({ source: "a1", seed: 0.5 })), /^payload\.seed/);
  assert.match(String(readBuildPayload({ source: "a1", output: "/etc" })), /^payload\.output: there is no such key/);
});
