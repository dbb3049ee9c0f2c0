/** Goal: a file of sound for which there is no room is the host's failure, not the command line's. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { soundOf } from "./run-sound.ts";

test("no room for the sound is told by the file and the reason", { skip: !existsSync("/dev/full") }, () => {
  const start = soundOf({ sound: "/dev/full" } as Parameters<typeof soundOf>[0]);
  assert.throws(() => start(undefined as never, undefined as never), { code: "ENOSPC", path: "/dev/full" });
  assert.ok(existsSync("/dev/full"));
});
