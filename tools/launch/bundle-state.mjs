/**
 * Whether `dist/` still stands for the sources: the bundler records size and time of each file that went in
 * (`dist/inputs.json`). One bundle loads several times faster than three hundred files of TypeScript.
 *
 * That file's own time says when all was last found right, for the launcher in sh (`stratos`), which looks only for
 * what is newer.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";

const INPUTS = "dist/inputs.json";
/** File systems' clocks run behind ours, by a tick of the kernel or by whole seconds. */
const CLOCK_SLACK_MS = 1_000;

/**
 * Makes the bundle of a clone that has none yet. A clone that cannot be written to, or whose sources do not build, runs
 * from its sources.
 */
export function ensureFirstBundle(root, node) {
  if (existsSync(join(root, "dist"))) return;
  spawnSync(node, [join(root, "tools/bundle.ts"), "--program-only"], { cwd: root, stdio: "ignore" });
}

/** @returns {string | null} the bundle's entry, null when there is none or a source has changed */
export function freshBundle(root) {
  let inputs;
  try {
    inputs = JSON.parse(readFileSync(join(root, INPUTS), "utf8"));
  } catch {
    return null;
  }
  for (const [path, recorded] of Object.entries(inputs)) {
    const now = statSync(join(root, path), { throwIfNoEntry: false });
    if (now === undefined || now.size !== recorded.size || now.mtimeMs !== recorded.mtimeMs) return null;
  }
  return join(root, "dist/main.cjs");
}

/** @param sinceMs  when the look began at what is installed and at the sources, or the build that read them */
export function markFresh(root, sinceMs) {
  try {
    const time = (sinceMs - CLOCK_SLACK_MS) / 1000;
    utimesSync(join(root, INPUTS), time, time);
  } catch {
    // A clone that belongs to someone else: each start looks as this one did.
  }
}
