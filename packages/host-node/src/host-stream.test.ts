/**
 * Goal: streams carry every byte, hold fast sides back, and see ends and broken pipes. Method: named pipes and files of
 * the host.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { EAGAIN, EPIPE } from "@stratos/abi";
import { openStreamIn, openStreamOut } from "./host-stream.ts";

const folder = mkdtempSync(join(tmpdir(), "stratos-stream-"));
after(() => rmSync(folder, { recursive: true }));
let count = 0;

function makePipe(): { readFd: number; writeFd: number } {
  const path = join(folder, `pipe${count++}`);
  execFileSync("mkfifo", [path]);
  const readFd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return { readFd, writeFd: openSync(path, constants.O_WRONLY) };
}

test("a pipe carries bytes in order and holds the writer back while nobody reads", async () => {
  const { readFd, writeFd } = makePipe();
  const out = openStreamOut(writeFd);
  const input = openStreamIn(readFd);
  const sent = new Uint8Array(5 << 20).map((_, index) => (index * 7 + (index >> 9)) & 255);
  let at = out.write(sent, 0, sent.length);
  assert.ok(at > 0 && at < sent.length);
  assert.equal(out.write(sent, at, 1), -EAGAIN);
  assert.equal(out.room, 0);
  await new Promise<void>((resolve) => {
    const send = (): void => {
      while (at < sent.length) {
        const done = out.write(sent, at, sent.length - at);
        if (done === -EAGAIN) return;
        assert.ok(done > 0);
        at += done;
      }
      void out.drain().then(() => {
        out.close();
        closeSync(writeFd);
      });
      out.onWritable(() => {});
    };
    const got = new Uint8Array(sent.length + 10);
    let length = 0;
    const receive = (): void => {
      for (;;) {
        const done = input.read(got, length, 100_000);
        if (done === -EAGAIN) return;
        if (done === 0) break;
        length += done;
      }
      assert.equal(length, sent.length);
      assert.deepEqual(Buffer.from(got.subarray(0, length)).equals(Buffer.from(sent)), true);
      assert.equal(input.isEnded, true);
      resolve();
    };
    out.onWritable(send);
    input.onReadable(receive);
    assert.equal(input.available, 0);
    send();
  });
  input.close();
  closeSync(readFd);
});

test("a reader that leaves breaks the pipe", async () => {
  const { readFd, writeFd } = makePipe();
  const out = openStreamOut(writeFd);
  closeSync(readFd);
  await new Promise<void>((resolve) => {
    out.onWritable(() => out.isBroken && resolve());
    out.write(new Uint8Array(10), 0, 10);
    // Only a drain keeps the process waiting for an output.
    void out.drain();
  });
  assert.equal(out.write(new Uint8Array(10), 0, 10), -EPIPE);
  closeSync(writeFd);
});

test("files are read and written at once", () => {
  const path = join(folder, "file");
  writeFileSync(path, "x".repeat(100_000));
  const input = openStreamIn(openSync(path, "r"));
  const bytes = new Uint8Array(200_000);
  let length = 0;
  assert.ok(input.available > 0);
  for (;;) {
    const done = input.read(bytes, length, 30_000);
    assert.ok(done >= 0);
    if (done === 0) break;
    length += done;
  }
  assert.equal(length, 100_000);
  assert.equal(input.isEnded, true);
  const target = join(folder, "out");
  const fd = openSync(target, "w");
  const out = openStreamOut(fd);
  assert.equal(out.write(bytes, 0, 10), 10);
  closeSync(fd);
  assert.equal(readFileSync(target, "latin1"), "x".repeat(10));
});
