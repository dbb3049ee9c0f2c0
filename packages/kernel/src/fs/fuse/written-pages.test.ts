/**
 * Goal: what shared mappings write reaches the server once, whatever becomes of who wrote it, and all see it before.
 * Method: a server that a test drives request by request. tests/abi/mapped-for-writing.c compares with Linux.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { AT_FDCWD, EIO, O_RDWR } from "@stratos/abi";
import * as op from "@stratos/abi/fuse";
import { byteString, byteStringOf } from "@stratos/base";
import type { PageCache } from "../../frames/page-cache.ts";
import { putFields, viewOf } from "../../ground/words.ts";
import { Call } from "../../testing/fake-task.ts";
import { BUFFER } from "../../testing/file-system-task.ts";
import { type Asked, FILE, servedAttributesOut, servedScene, usualAnswer } from "../../testing/fuse-server.ts";
import { endAsking } from "../../vfs/fanotify-marks.ts";

/** A file of one page whose mapping is written now and then. */
function writtenScene(): ReturnType<typeof servedScene> & { fd: number; pages: PageCache; write(text: string): void } {
  const { test, server, client } = servedScene();
  const fd = server.finish(client, client.start("openat", AT_FDCWD, "/m/f", O_RDWR, 0));
  const file = client.task.files.get(fd)!;
  let pages!: PageCache;
  const map = new Call(client.task, () => {
    const mapping = file.mapping(0, 4096);
    if (typeof mapping !== "number") pages = mapping!;
    return typeof mapping === "number" ? mapping : 0;
  });
  assert.equal(
    server.finish(client, map, ({ opcode }) => (opcode === op.FUSE_READ ? byteStringOf("hello") : null)),
    0,
  );
  const write = (text: string): void => {
    test.kernel.physical.u8.set(byteStringOf(text), pages.peek(0) * 4096);
    file.inode!.pageWritten(0);
  };
  server.log.length = 0;
  return { test, server, client, fd, pages, write };
}

/** What a WRITE carries, and its flags. */
function carried({ body }: Asked): [string, number] {
  const flags = viewOf(body).getUint32(op.FuseWriteIn.offset.write_flags, true);
  return [byteString(body.subarray(op.FuseWriteIn.size)), flags];
}

it("what a mapping wrote is the server's with fsync, once", () => {
  const { server, client, fd, write } = writtenScene();
  write("jelly");
  const writes: [string, number][] = [];
  const sync = (): number =>
    server.finish(client, client.start("fsync", fd), (asked) => {
      if (asked.opcode === op.FUSE_WRITE) writes.push(carried(asked));
      return null;
    });
  assert.equal(sync(), 0);
  assert.deepEqual(writes, [["jelly", op.FUSE_WRITE_CACHE]]);
  assert.deepEqual(server.log, [op.FUSE_WRITE, op.FUSE_FSYNC]);
  assert.equal(sync(), 0);
  assert.deepEqual(server.log.slice(2), [op.FUSE_FSYNC]);
});

it("what the server has not taken of a mapping waits for who asks next", () => {
  const { server, client, fd, write } = writtenScene();
  write("jelly");
  // A call that ends before its request was read.
  client.start("fsync", fd);
  endAsking(client.task);
  const answers = [-EIO, new Uint8Array(op.FuseWriteOut.size), null];
  const sync = (): number =>
    server.finish(client, client.start("fsync", fd), ({ opcode }) =>
      opcode === op.FUSE_WRITE ? answers.shift()! : null,
    );
  assert.equal(sync(), -EIO);
  assert.equal(sync(), -EIO, "it took nothing");
  assert.equal(sync(), 0);
  assert.deepEqual(server.log, [op.FUSE_WRITE, op.FUSE_WRITE, op.FUSE_WRITE, op.FUSE_FSYNC]);
});

it("what a mapping wrote is read by all, and stays when the content is read in anew", () => {
  const { test, server, client, fd, pages, write } = writtenScene();
  write("jelly");
  const answer = ({ opcode }: Asked): Uint8Array | null => {
    if (opcode === op.FUSE_READ) return byteStringOf("other");
    if (opcode !== op.FUSE_GETATTR) return null;
    const bytes = servedAttributesOut(FILE);
    putFields(viewOf(bytes), op.FuseAttr, { mtime: 9 }, op.FuseAttrOut.offset.attr);
    return bytes;
  };
  assert.equal(server.finish(client, client.start("pread64", fd, BUFFER + 8192, 5, 0), answer), 5);
  assert.equal(byteString(client.memory.u8, BUFFER + 8192, BUFFER + 8197), "jelly");
  const map = new Call(client.task, () => Math.min(0, Number(client.task.files.get(fd)!.mapping(0, 4096))) || 0);
  assert.equal(server.finish(client, map, answer), 0);
  const at = pages.peek(0) * 4096;
  assert.equal(byteString(test.kernel.physical.u8, at, at + 5), "jelly");
});

it("the server has what a mapping wrote before it hears that the file is closed, however that ends", () => {
  const { server, client, fd, write } = writtenScene();
  // As a mapping holds it; what it belongs to is killed.
  const file = client.task.files.get(fd)!.retain();
  assert.equal(server.finish(client, client.start("close", fd)), 0);
  write("jelly");
  file.release();
  const asked = server.next()!;
  assert.deepEqual([asked.opcode, carried(asked)], [op.FUSE_WRITE, ["jelly", op.FUSE_WRITE_CACHE]]);
  assert.equal(server.next(), null, "nobody has closed it yet");
  server.reply(asked, 0, usualAnswer(asked) as Uint8Array);
  assert.equal(server.next()?.opcode, op.FUSE_RELEASE);
});

it("a page that is under way is not sent once more before it has arrived", () => {
  const { server, client, fd, write } = writtenScene();
  const file = client.task.files.get(fd)!.retain();
  assert.equal(server.finish(client, client.start("close", fd)), 0);
  const again = server.finish(client, client.start("openat", AT_FDCWD, "/m/f", O_RDWR, 0));
  write("jelly");
  // Whoever wrote it is killed: nobody waits for what is posted.
  file.release();
  const first = server.next()!;
  assert.equal(first.opcode, op.FUSE_WRITE);
  write("jolly");
  const others = [client.start("fsync", again)];
  assert.equal(server.next(), null, "the page is not sent once more");
  server.reply(first, 0, usualAnswer(first) as Uint8Array);
  const asked: [number, string][] = [];
  assert.equal(
    server.finish(client, others[0]!, (each) => {
      asked.push([each.opcode, each.opcode === op.FUSE_WRITE ? carried(each)[0] : ""]);
      return null;
    }),
    0,
  );
  assert.deepEqual(
    asked.filter(([opcode]) => opcode !== op.FUSE_RELEASE),
    [
      [op.FUSE_WRITE, "jolly"],
      [op.FUSE_FSYNC, ""],
    ],
  );
});

it("what a mapping wrote is on its way with sync(2), which nobody waits for", () => {
  const { server, client, fd, write } = writtenScene();
  write("jelly");
  const folder = server.finish(client, client.start("openat", AT_FDCWD, "/m", 0o200000, 0));
  server.log.length = 0;
  assert.equal(client.start("syncfs", folder).result, 0);
  const asked = server.next()!;
  assert.equal(asked.opcode, op.FUSE_WRITE);
  assert.deepEqual(carried(asked), ["jelly", op.FUSE_WRITE_CACHE]);
  server.reply(asked, -EIO);
  assert.equal(client.start("sync").result, 0);
  assert.equal(server.next(), null, "what failed waits for who wants to know");
  server.log.length = 0;
  assert.equal(server.finish(client, client.start("fsync", fd)), 0);
  assert.deepEqual(server.log, [op.FUSE_WRITE, op.FUSE_FSYNC]);
});

it("a file that is opened anew is mapped as it is now, unless the server says that it is as before", () => {
  const { server, client, pages } = writtenScene();
  const text = (): string => byteString(client.task.kernel.physical.u8.subarray(pages.peek(0) * 4096).subarray(0, 5));
  const map = (flags: number, content: string): void => {
    const opened = new Uint8Array(op.FuseOpenOut.size);
    putFields(viewOf(opened), op.FuseOpenOut, { open_flags: flags });
    const answer = ({ opcode }: Asked): Uint8Array | null =>
      opcode === op.FUSE_OPEN ? opened : opcode === op.FUSE_READ ? byteStringOf(content) : null;
    const fd = server.finish(client, client.start("openat", AT_FDCWD, "/m/f", 0, 0), answer);
    const file = client.task.files.get(fd)!;
    const call = new Call(client.task, () => {
      const mapping = file.mapping(0, 4096);
      return typeof mapping === "number" ? mapping : 0;
    });
    assert.equal(server.finish(client, call, answer), 0);
  };
  map(op.FOPEN_KEEP_CACHE, "other");
  assert.equal(text(), "hello");
  // Of the same size and time.
  map(0, "other");
  assert.equal(text(), "other");
});
