/**
 * Goal: a submitter says what is built, and nothing else of the worker's host. Method: payloads as tasks carry them.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { readPayload } from "./build-executor.ts";

test("a source, suite, profiles and seed become the builder's arguments", () => {
  assert.deepEqual(readPayload({ source: "figlet" }), ["figlet"]);
  assert.deepEqual(readPayload({ source: "figlet=2.2.5-3", suite: "trixie", profiles: ["nocheck", "nodoc"] }), [
    "figlet=2.2.5-3",
    "--suite",
    "trixie",
    "--profiles",
    "nocheck,nodoc",
  ]);
  assert.deepEqual(readPayload({ source: "https://git.example/a.git#v1", seed: 7 }), [
    "https://git.example/a.git#v1",
    "--in",
    "stratos",
    "--seed",
    "7",
  ]);
});

test("paths of the worker's host, options and unknown keys are refused by name", () => {
  for (const source of ["/etc", "../x", ".", "a.dsc", "--output=/etc", "file:///etc", "x y", "", 7, undefined])
    assert.match(String(readPayload({ source })), /^payload\.source: expected NAME/, String(source));
  assert.match(String(readPayload({ source: "a1", suite: "--in" })), /^payload\.suite/);
  assert.match(String(readPayload({ source: "a1", profiles: ["a,b"] })), /^payload\.profiles/);
  assert.match(String(readPayload({ source: "a1", profiles: "nocheck" })), /^payload\.profiles/);
  assert.match(String(readPayload({ source: "a1", seed: 0.5 })), /^payload\.seed/);
  assert.match(String(readPayload({ source: "a1", output: "/etc" })), /^payload\.output: there is no such key/);
});
