/**
 * Goal: the process that translates ends, whatever waits for it, and does nothing else. Method: the process, on a
 * home that was made so.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { engineFlags } from "./kept-translations.ts";

test("profiles that can't be taken are tried once", () => {
  const home = mkdtempSync(join(tmpdir(), "stratos-fill-"));
  try {
    const folder = join(home, "translations");
    mkdirSync(folder, { mode: 0o700 });
    mkdirSync(join(folder, "profile-1-1"));
    symlinkSync("/etc/passwd", join(folder, "profile-1-2"));
    const script = new URL("fill-translations.ts", import.meta.url).pathname;
    const { status, stderr } = spawnSync(process.execPath, [...engineFlags(process.execArgv), script, home], {
      timeout: 120_000,
      encoding: "utf8",
    });
    assert.equal(status, 0, stderr);
    assert.ok(existsSync(join(folder, "profile-1-1")));
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});

test("the engine's flags are handed on, and nothing that the process was begun to do", () => {
  const engine = ["--no-wasm-stack-checks", "--max-old-space-size=8192", "--disable-warning=ExperimentalWarning"];
  const own = ["-e", "spawnMany()", "--eval", "again()", "--import=./hook.mjs", "--require", "./hook.cjs", "--test"];
  assert.deepEqual(engineFlags([engine[0]!, ...own, engine[1]!, "-p", "1", "--inspect=0", engine[2]!]), engine);
});
