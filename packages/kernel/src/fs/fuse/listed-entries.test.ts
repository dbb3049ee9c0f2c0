/**
 * Goal: what a listing tells of its files (FUSE_READDIRPLUS) is taken once, given back where nobody takes it, and not
 * believed where it is older than what calls have done since. Method: a server that a test drives request by request.
 * When it is asked for them, tests/abi/lists-of-servers.c compares with Linux.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { AT_FDCWD, EIO, ENAMETOOLONG, ENOENT } from "@stratos/abi";
import * as op from "@stratos/abi/fuse";
import { byteString } from "@stratos/base";
import { getU64, putFields, viewOf } from "../../ground/words.ts";
import { BUFFER, FileTask } from "../../testing/file-system-task.ts";
import { type Asked, FILE, servedEntry, servedScene, usualAnswer } from "../../testing/fuse-server.ts";
import { endAsking } from "../../vfs/fanotify-marks.ts";

const O_DIRECTORY = 0o200000;

/** A `fuse_direntplus`, valid for a hundred seconds. */
function listed(name: string, node: number, next: number): Uint8Array {
  const size = op.FuseEntryOut.size + op.FuseDirent.size + name.length;
  const bytes = new Uint8Array(Math.ceil(size / 8) * 8);
  if (node !== 0) bytes.set(servedEntry(node));
  const view = viewOf(bytes);
  putFields(view, op.FuseEntryOut, { nodeid: node, entry_valid: 100, attr_valid: 100 });
  putFields(view, op.FuseDirent, { ino: 9, off: next, namelen: name.length, type: 8 }, op.FuseEntryOut.size);
  for (let at = 0; at < name.length; at++) bytes[op.FuseEntryOut.size + op.FuseDirent.size + at] = name.charCodeAt(at);
  return bytes;
}

/** The whole folder in one reply. */
function listing(...entries: readonly Uint8Array[]): (asked: Asked) => Uint8Array | null {
  const bytes = new Uint8Array(entries.flatMap((each) => [...each]));
  return ({ opcode, body }) => {
    if (opcode !== op.FUSE_READDIRPLUS) return null;
    return getU64(viewOf(body), op.FuseReadIn.offset.offset) === 0 ? bytes : new Uint8Array();
  };
}

function scene(): ReturnType<typeof servedScene> & { fd: number } {
  const made = servedScene(op.FUSE_DO_READDIRPLUS);
  const fd = made.server.finish(made.client, made.client.start("openat", AT_FDCWD, "/m", O_DIRECTORY, 0));
  made.server.log.length = 0;
  return { ...made, fd };
}

/** Nodes that it is told to forget, and how often each was named. */
function forgotten(server: ReturnType<typeof scene>["server"]): [number, number][] {
  const found: [number, number][] = [];
  for (let asked = server.next(); asked !== null; asked = server.next()) {
    if (asked.opcode === op.FUSE_FORGET) found.push([asked.node, getU64(viewOf(asked.body), 0)]);
    if (asked.opcode !== op.FUSE_BATCH_FORGET) continue;
    const view = viewOf(asked.body);
    for (let at: number = op.FuseBatchForgetIn.size; at < asked.body.length; at += op.FuseForgetOne.size)
      found.push([getU64(view, at), getU64(view, at + 8)]);
  }
  return found.toSorted(([one], [other]) => one - other);
}

const stat = (client: FileTask, name: string): ReturnType<FileTask["start"]> =>
  client.start("newfstatat", AT_FDCWD, `/m/${name}`, BUFFER, 0);

it("what a listing tells of a file needn't be asked for", () => {
  const { server, client, fd } = scene();
  const answer = listing(listed(".", 1, 1), listed("..", 1, 2), listed("f", FILE, 3), listed("none", 0, 4));
  assert.equal(server.finish(client, client.start("getdents64", fd, BUFFER, 4096), answer), 24 + 24 + 24 + 24);
  server.log.length = 0;
  assert.equal(stat(client, "f").result, 0, "at once");
  assert.deepEqual(server.log, []);
  // Its name counts, and not that of an entry without a node.
  assert.equal(server.finish(client, stat(client, "none")), -ENOENT);
  assert.deepEqual(server.log, [op.FUSE_LOOKUP]);
});

it("a listing whose call is gone is given back, but for the folder's own names", () => {
  const { server, client, fd } = scene();
  client.start("getdents64", fd, BUFFER, 4096);
  const list = server.next()!;
  endAsking(client.task);
  assert.equal(server.next()!.opcode, op.FUSE_INTERRUPT);
  const bytes = [listed(".", 1, 1), listed("..", 5, 2), listed("f", FILE, 3), listed("g", 7, 4), listed("h", 0, 5)];
  server.reply(list, 0, new Uint8Array(bytes.flatMap((each) => [...each])));
  assert.deepEqual(forgotten(server), [
    [FILE, 1],
    [7, 1],
  ]);
});

it("a file that can't be is given back, and a listing that is none is EIO", () => {
  const { server, client, fd } = scene();
  // A node of no type.
  const wrong = listed("wrong", 8, 2);
  wrong.fill(0, op.FuseEntryOut.offset.attr);
  wrong.set(listed("wrong", 8, 2).subarray(op.FuseEntryOut.size), op.FuseEntryOut.size);
  const answer = listing(listed("f", FILE, 1), wrong);
  assert.equal(server.finish(client, client.start("getdents64", fd, BUFFER, 4096), answer), 24 + 32);
  assert.deepEqual(forgotten(server), [[8, 1]]);
  const other = server.finish(client, client.start("openat", AT_FDCWD, "/m", O_DIRECTORY, 0));
  const unnamed = listed("f", FILE, 1);
  putFields(viewOf(unnamed), op.FuseDirent, { namelen: 0 }, op.FuseEntryOut.size);
  assert.equal(server.finish(client, client.start("getdents64", other, BUFFER, 4096), listing(unnamed)), -EIO);
});

it("a listing of before a file was removed doesn't bring its name back", () => {
  const { test, server, client, fd } = scene();
  const other = new FileTask(test.kernel, server.user);
  const list = client.start("getdents64", fd, BUFFER, 4096);
  const asked = server.next()!;
  assert.equal(asked.opcode, op.FUSE_READDIRPLUS);
  assert.equal(server.finish(other, other.start("unlinkat", AT_FDCWD, "/m/f", 0)), 0);
  server.reply(asked, 0, listed("f", FILE, 1));
  list.resume();
  assert.equal(list.result, 24);
  server.log.length = 0;
  assert.equal(
    server.finish(client, stat(client, "f"), ({ opcode }) => (opcode === op.FUSE_LOOKUP ? -ENOENT : null)),
    -ENOENT,
  );
  assert.ok(server.log.includes(op.FUSE_LOOKUP));
});

it("names may be longer than those of other file systems, as on Linux", () => {
  const { server, client } = scene();
  const answer = (asked: Asked): Uint8Array | number | null =>
    asked.opcode === op.FUSE_LOOKUP
      ? byteString(asked.body).length === 1001
        ? servedEntry(FILE)
        : -ENOENT
      : usualAnswer(asked);
  assert.equal(server.finish(client, stat(client, "n".repeat(1000)), answer), 0);
  assert.equal(stat(client, "n".repeat(1025)).result, -ENAMETOOLONG);
});
