/** Goal: a file that a command writes is whole, or what it was. Method: writers that fail in the midst. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import type { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { writeOutput } from "./output-file.ts";

let folder: string, path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "stratos-output-"));
  path = join(folder, "out");
});
afterEach(() => rmSync(folder, { recursive: true }));

async function end(stream: Writable, text: string): Promise<void> {
  stream.end(text);
  await finished(stream);
}

test("what is written replaces what was there, behind a link too, for those who could read it", async () => {
  writeFileSync(path, "old", { mode: 0o600 });
  const link = join(folder, "link");
  symlinkSync("out", link);
  for (const [name, text] of [
    [path, "new"],
    [link, "newer"],
  ] as const) {
    await writeOutput(name, (stream) => end(stream, text));
    assert.equal(readFileSync(path, "latin1"), text);
    assert.equal(statSync(path).mode & 0o777, 0o600);
  }
  assert.deepEqual(readdirSync(folder).sort(), ["link", "out"]);
});

test("a write that fails names the file, leaves what was there, and nothing beside it", async () => {
  writeFileSync(path, "old");
  const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC", syscall: "write" });
  const failed = writeOutput(path, async (stream) => {
    await end(stream, "ne");
    throw full;
  });
  await assert.rejects(failed, { code: "ENOSPC", path });
  assert.equal(readFileSync(path, "latin1"), "old");
  assert.deepEqual(readdirSync(folder), ["out"]);
});

test("a folder that is not there is told by the file that was asked for", async () => {
  const missing = join(folder, "no/out");
  await assert.rejects(
    writeOutput(missing, (stream) => end(stream, "x")),
    { code: "ENOENT", path: missing },
  );
});

test("a device is written as it stands", async () => {
  await assert.rejects(
    writeOutput("/dev/full", (stream) => end(stream, "x")),
    { code: "ENOSPC", path: "/dev/full" },
  );
});
