/** Goal: an image that could not be made tells which package failed and why, however much others say after it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigureLog } from "./configure-log.ts";

const others = (count: number): string[] => Array.from({ length: count }, (_, index) => `Setting up other${index} ...`);
const logOf = (...lines: readonly string[]): ConfigureLog => {
  const log = new ConfigureLog();
  for (const line of lines) log.add(line);
  return log;
};

test("what the package that failed has said is told, and nothing of those that did not fail", () => {
  const failure = [
    "Setting up ksh93u+m (1.0.4-3) ...",
    "/var/lib/dpkg/info/ksh93u+m.postinst: 5: add-shell: not found",
    "dpkg: error processing package ksh93u+m (--configure):",
    " installed ksh93u+m package post-installation script subprocess returned error exit status 127",
  ];
  const end = ["Errors were encountered while processing:", " ksh93u+m"];
  assert.deepEqual(logOf(...others(3), ...failure, ...others(40), ...end).lines(), failure);
});

test("without a failure that dpkg names, the last lines are told", () => {
  assert.deepEqual(logOf(...others(50)).lines(), others(50).slice(-20));
});

test("of a package that says much, and of many that fail, the telling stays short", () => {
  const failing = Array.from({ length: 30 }, (_, index) => [
    `Setting up many${index} ...`,
    ...Array.from({ length: 100 }, () => "noise"),
    `dpkg: error processing package many${index} (--configure):`,
    " reason",
  ]);
  const lines = logOf(...failing.flat()).lines();
  assert.ok(lines.length <= 30 && lines.includes("dpkg: error processing package many0 (--configure):"), lines.join());
});
