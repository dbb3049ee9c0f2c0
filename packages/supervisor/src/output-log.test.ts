/** Goal: of a program's output the latest is kept, and never more; the log touches no descriptor but its own. */
import assert from "node:assert/strict";
import { closeSync, fstatSync, mkdirSync, mkdtempSync, openSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { OutputLog, readLog } from "./output-log.ts";

const PIECE = 3 << 20;

class Folder {
  path: string;

  constructor(t: TestContext) {
    const parent = mkdtempSync(join(tmpdir(), "stratos-log-"));
    t.after(() => rmSync(parent, { recursive: true, force: true }));
    this.path = join(parent, "system");
    mkdirSync(this.path);
  }

  rename(to: string): void {
    const path = join(this.path, "..", to);
    renameSync(this.path, path);
    this.path = path;
  }
}

/** Pieces of 3 MiB, of which a file has two, each of one value. */
function append(log: OutputLog, ...values: number[]): void {
  for (const value of values) log.append({ stream: 1, atMs: value }, new Uint8Array(PIECE).fill(value));
}

function kept(folder: Folder): (number | undefined)[] {
  return readLog(folder.path).map(({ bytes }) => bytes[0]);
}

test("a full file takes the place of the older one, whatever the system is called by then", (t) => {
  const folder = new Folder(t);
  const log = new OutputLog(folder);
  t.after(() => log.close());
  append(log, 1, 2, 3);
  folder.rename("other");
  append(log, 4, 5, 6);
  assert.deepEqual(kept(folder), [3, 4, 5, 6]);
});

test("a file that cannot be turned over costs no descriptor of others, and is turned over later", (t) => {
  const folder = new Folder(t);
  const log = new OutputLog(folder);
  append(log, 1, 2);
  // A folder that is not empty cannot be replaced by a file.
  const obstacle = join(folder.path, "output.old", "file");
  mkdirSync(obstacle, { recursive: true });
  const foreign: number[] = [];
  t.after(() => foreign.forEach((fd) => closeSync(fd)));
  for (let time = 0; time < 3; time++) {
    assert.throws(() => append(log, 3), { syscall: "rename" });
    foreign.push(openSync("/dev/null", "r"));
  }
  for (const fd of foreign) assert.ok(fstatSync(fd).isCharacterDevice());
  assert.equal(new Set(foreign).size, foreign.length);
  rmSync(join(folder.path, "output.old"), { recursive: true });
  append(log, 4);
  assert.deepEqual(kept(folder), [1, 2, 4]);
  log.close();
  log.close();
  append(log, 5);
  assert.deepEqual(readdirSync(folder.path).sort(), ["output", "output.old"]);
  assert.deepEqual(kept(folder), [1, 2, 4]);
});
