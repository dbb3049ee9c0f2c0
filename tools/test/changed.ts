/**
 * What changed, and the test files that it can touch, nearest first: sent to the parent (`tools/test.mjs`) as
 * `{ base, changed, touched }`, else printed.
 *
 *     node tools/test/changed.ts [BASE]
 *
 * Without BASE it is what the upstream branch has in common with HEAD, or HEAD where there is no such branch; where
 * nothing is changed since, the commit before.
 */
import { execFileSync } from "node:child_process";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { readTree } from "../tidy/source-tree.ts";
import { touchedTests } from "./reach.ts";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const given = process.argv[2];
let base = given ?? commonBase();
let changed = changedSince(base);
if (changed.length === 0 && given === undefined) changed = changedSince((base = "HEAD~1"));
const touched = touchedTests(readTree(root).files, changed);
if (process.send !== undefined) process.send({ base, changed, touched }, () => process.disconnect());
else process.stdout.write(touched.map((path) => `${path}\n`).join(""));

function commonBase(): string {
  try {
    return git("merge-base", "HEAD", "@{upstream}").trim();
  } catch {
    return "HEAD";
  }
}

/** Committed or not; new files, too. */
function changedSince(commit: string): string[] {
  const tracked = git("diff", "--name-only", "--no-renames", "-z", commit, "--");
  const added = git("ls-files", "--others", "--exclude-standard", "-z");
  return [...new Set(`${tracked}${added}`.split("\0"))].filter((path) => path !== "").sort();
}

function git(...args: string[]): string {
  return execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
}
