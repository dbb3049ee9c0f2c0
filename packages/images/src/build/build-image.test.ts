/**
 * Goal: what surrounds a build: who comes second waits, and an end by a signal or a kill leaves nothing. Method: locks
 * as other processes hold them; no package is fetched.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { homeFolder, lockFile } from "@stratos/host-node";
import { DEFAULT_IMAGE } from "../defaults.ts";
import { buildDefaultImage, type ImageEvent } from "./build-image.ts";
import { ImageStore, type ImageDescription } from "../image-store.ts";
import { lockForChange } from "../lock-image.ts";

// Locks of what lies below /dev are kept elsewhere: not in memory, then.
const home = mkdtempSync(join(tmpdir(), "stratos-build-"));
process.env["STRATOS_HOME"] = home;
after(() => rmSync(home, { recursive: true, force: true }));

const DESCRIPTION: ImageDescription = {
  format: 1,
  architecture: "riscv64",
  suite: "trixie",
  createdAt: "2026-01-01T00:00:00Z",
  packages: [],
  layers: 0,
  origin: "build",
};

test("who needs the image while another process makes it waits, says so once, and takes that", async () => {
  const unlock = lockFile(join(homeFolder(home, "images"), `.build-${DEFAULT_IMAGE}`));
  const events: ImageEvent[] = [];
  let waiting: Promise<unknown> | undefined;
  await new Promise<void>((resolve) => {
    const onEvent = (event: ImageEvent): void => {
      events.push(event);
      resolve();
    };
    waiting = buildDefaultImage({ home, onEvent });
  });
  // It looks again meanwhile.
  await delay(500);
  new ImageStore(home).createDraft().publish(DEFAULT_IMAGE, DESCRIPTION);
  unlock();
  await waiting;
  assert.deepEqual(events, [{ phase: "waiting", name: DEFAULT_IMAGE, owner: process.pid }]);
  assert.throws(() => {
    const held = lockForChange(home, DEFAULT_IMAGE);
    try {
      lockForChange(home, DEFAULT_IMAGE);
    } finally {
      held();
    }
  }, /is being built or changed already, by process \d+; try again when that is done/);
});

test("a signal leaves no lock, and the lock of a build that was killed goes with the next one", async () => {
  const script = `
    import { ImageStore } from ${JSON.stringify(new URL("../image-store.ts", import.meta.url).href)};
    import { lockForChange } from ${JSON.stringify(new URL("../lock-image.ts", import.meta.url).href)};
    import { undoOnSignal } from ${JSON.stringify(new URL("../../../cli/src/undo-on-signal.ts", import.meta.url).href)};
    const unlock = lockForChange(process.env.STRATOS_HOME, "one");
    const draft = new ImageStore(process.env.STRATOS_HOME).createDraft();
    undoOnSignal(() => { draft.discard(); unlock(); });
    console.log("ready");
    setInterval(() => {}, 1000);`;
  const file = join(home, "hold.mjs");
  writeFileSync(file, script);
  const left = (): string[] => readdirSync(join(home, "images")).filter((name) => name.startsWith("."));
  for (const signal of ["SIGINT", "SIGKILL"] as const) {
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", file], {
      stdio: ["ignore", "pipe", "inherit"],
      env: process.env,
    });
    await once(child.stdout, "data");
    const isLocked = existsSync(join(home, "images/.build-one.lock"));
    child.kill(signal);
    await once(child, "exit");
    assert.ok(isLocked);
    if (signal === "SIGINT") assert.deepEqual(left(), []);
  }
  assert.equal(left().length, 2);
  new ImageStore(home).createDraft().discard();
  assert.deepEqual(left(), []);
});
