/**
 * Whether `dist/stratos.mjs` still stands for the sources: the bundler records size and time of each file that went in
 * (`dist/inputs.json`). One bundle loads several times faster than three hundred files of TypeScript.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

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
    inputs = JSON.parse(readFileSync(join(root, "dist/inputs.json"), "utf8"));
  } catch {
    return null;
  }
  for (const [path, recorded] of Object.entries(inputs)) {
    const now = statSync(join(root, path), { throwIfNoEntry: false });
    if (now === undefined || now.size !== recorded.size || now.mtimeMs !== recorded.mtimeMs) return null;
  }
  return join(root, "dist/main.cjs");
}
