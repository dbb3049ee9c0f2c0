/**
 * A compose that is killed. Goal: at whichever moment, what it has made is whole or not there, no process and no mount
 * is left, and the next compose gives the bytes of one that nobody has stopped. `npm run crash:compose` does many
 * rounds; the extended run two, always the same.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { extendedTest } from "@stratos/base/testing";
import { nativeObstacle } from "@stratos/tools-node/compose";
import { composeCrashRounds } from "./compose/crash-rounds.ts";

const ROUNDS = 2;

extendedTest(
  "a compose that is killed leaves nothing, and the next one is whole",
  {
    skip: nativeObstacle() ?? false,
    timeout: 900_000,
  },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "stratos-crash-compose-test-"));
    try {
      assert.deepEqual(await composeCrashRounds(folder, { rounds: ROUNDS, seed: 1 }), { rounds: ROUNDS, failures: [] });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
