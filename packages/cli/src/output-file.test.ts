/** Goal: a file that a command writes is whole, or what it was. Method: writers that fail in the midst. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
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

test("a pipe is written, by the name that it has in /dev", () => {
  const program = `
    import { writeOutput } from ${JSON.stringify(new URL("./output-file.ts", import.meta.url).href)};
    await writeOutput("/dev/stdout", (stream) => new Promise((resolve) => stream.end("x", resolve)));`;
  // cat, since what Node gives a child of its own is a socket, which has no name.
  const shown = spawnSync("sh", ["-c", '"$0" "$@" | cat', process.execPath, "--input-type=module", "-e", program], {
    encoding: "utf8",
  });
  assert.equal(shown.stdout, "x", shown.stderr);
});

test("a file in a folder that may not be written is written as it stands", async () => {
  writeFileSync(path, "something longer");
  chmodSync(path, 0o666);
  chmodSync(folder, 0o555);
  const { ino } = statSync(path);
  // Root may write everywhere.
  const isRoot = process.geteuid!() === 0;
  if (isRoot) process.seteuid!(65534);
  try {
    await writeOutput(path, (stream) => end(stream, "new"));
    const absent = `${path}-2`;
    await assert.rejects(
      writeOutput(absent, (stream) => end(stream, "x")),
      { code: "EACCES", path: absent },
    );
  } finally {
    if (isRoot) process.seteuid!(0);
    chmodSync(folder, 0o755);
  }
  assert.equal(readFileSync(path, "latin1"), "new");
  assert.equal(statSync(path).ino, ino);
  assert.deepEqual(readdirSync(folder), ["out"]);
});
