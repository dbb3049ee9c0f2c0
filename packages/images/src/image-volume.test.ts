/**
 * Goal: what an image cannot hold is told with its name. Method: the host's writes fail from a moment on, archives say
 * what cannot be.
 */
import assert from "node:assert/strict";
import fs, { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, mock, test } from "node:test";
import { newImage } from "./import-image.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "stratos-full-"));
});
afterEach(() => {
  mock.restoreAll();
  syncBuiltinESMExports();
  rmSync(home, { recursive: true });
});

function fillDisk(): void {
  mock.method(fs, "writeSync", () => {
    throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC", syscall: "write" });
  });
  syncBuiltinESMExports();
}

test("an image that finds no space names the file and why, and leaves nothing", async () => {
  const meta = { mode: 0o644, uid: 0, gid: 0, mtime: 0 };
  const made = newImage({ name: "x", home, architecture: "riscv64", origin: "import" }, (writer) => {
    fillDisk();
    const ino = writer.beginFile("big", meta);
    const piece = new Uint8Array(1 << 20);
    for (let offset = 0; offset < 256 << 20; offset += piece.length) {
      piece.fill(offset >> 20);
      writer.append(ino, "big", offset, piece);
    }
    writer.finish();
  });
  await assert.rejects(made, (error: NodeJS.ErrnoException) => {
    assert.equal(error.code, "ENOSPC");
    assert.match(error.path ?? "", /images.*\/layer-0\.aegisfs$/);
    return true;
  });
  assert.equal(existsSync(join(home, "images/x")), false);
  assert.deepEqual(readdirSync(join(home, "images")), []);
});

test("a hard link out of the archive is told with both names", async () => {
  for (const target of ["/etc/shadow", "none", "none/file"]) {
    const made = newImage({ name: "x", home, architecture: "riscv64", origin: "import" }, (writer) => {
      writer.hardLink("link", target);
    });
    await assert.rejects(made, (error: Error) => {
      assert.equal(error.message, `link: is a hard link to ${target}, which is not there before it`);
      return true;
    });
  }
});
