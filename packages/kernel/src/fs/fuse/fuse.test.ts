/**
 * Goal: no server harms the kernel or its callers, and nothing is asked, opened or remembered twice, however often a
 * call is executed. Method: a server of one descriptor that a test drives request by request. What well-behaved servers
 * see, tests/abi/served-files.c compares with Linux.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import {
  AT_FDCWD,
  EACCES,
  ECONNABORTED,
  EINVAL,
  EIO,
  EINTR,
  ENODEV,
  ENOENT,
  ENOMEM,
  ENOSYS,
  ENOTCONN,
  ENOTTY,
  FS_IOC_SETFLAGS,
  LOOP_MAJOR,
  LOOP_SET_FD,
  O_APPEND,
  O_CREAT,
  O_NONBLOCK,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  POLLERR,
  S_IFBLK,
  S_IFDIR,
  S_IFREG,
  SIGUSR1,
  isErrno,
} from "@stratos/abi";
import * as op from "@stratos/abi/fuse";
import { byteString, byteStringOf } from "@stratos/base";
import type { PageCache } from "../../frames/page-cache.ts";
import { NO_RETURN } from "../../ground/wait-queue.ts";
import { getU64, putFields, viewOf } from "../../ground/words.ts";
import { signalInfo } from "../../signal/pending-signals.ts";
import { sendSignalToTask } from "../../signal/send-signal.ts";
import { BUFFER, FileTask } from "../../testing/file-system-task.ts";
import { Call } from "../../testing/fake-task.ts";
import { type Asked, FILE, servedAttributesOut, servedEntry, servedScene } from "../../testing/fuse-server.ts";
import { dropUnusedDentries } from "../../vfs/dentry-cache.ts";
import { makeDevice } from "../../vfs/device-registry.ts";
import { endAsking } from "../../vfs/fanotify-marks.ts";

it("a file is made and opened by one request, and closed once", () => {
  const { server, client } = servedScene();
  const fd = server.finish(client, client.start("openat", AT_FDCWD, "/m/new", O_CREAT | O_WRONLY, 0o644));
  assert.ok(fd >= 0, String(fd));
  assert.deepEqual(server.log, [op.FUSE_LOOKUP, op.FUSE_CREATE]);
  server.log.length = 0;
  assert.equal(server.finish(client, client.start("close", fd)), 0);
  while (server.next() !== null);
  assert.deepEqual(
    server.log.filter((each) => each !== op.FUSE_FORGET),
    [op.FUSE_FLUSH, op.FUSE_RELEASE],
  );
});

it("what a reply hands out is given back when its call is gone", () => {
  const { server, client } = servedScene();
  client.start("newfstatat", AT_FDCWD, "/m/f", BUFFER, 0);
  const lookup = server.next()!;
  assert.equal(lookup.opcode, op.FUSE_LOOKUP);
  endAsking(client.task);
  assert.equal(server.next()!.opcode, op.FUSE_INTERRUPT, "the server needn't finish");
  server.reply(lookup, 0, servedEntry(FILE));
  const forget = server.next()!;
  assert.deepEqual([forget.opcode, forget.node, getU64(viewOf(forget.body), 0)], [op.FUSE_FORGET, FILE, 1]);
  assert.equal(server.next(), null);
});

it("an opened file whose call is gone is released", () => {
  const { server, client } = servedScene();
  const call = client.start("openat", AT_FDCWD, "/m/f", 0, 0);
  server.reply(server.next()!, 0, servedEntry(FILE));
  call.resume();
  const open = server.next()!;
  assert.equal(open.opcode, op.FUSE_OPEN);
  endAsking(client.task);
  server.reply(open, 0, new Uint8Array(op.FuseOpenOut.size));
  server.log.length = 0;
  while (server.next() !== null);
  assert.ok(server.log.includes(op.FUSE_RELEASE));
});

it("a request that the server hasn't read goes with its call", () => {
  const { server, client } = servedScene();
  client.start("newfstatat", AT_FDCWD, "/m/f", BUFFER, 0);
  endAsking(client.task);
  assert.equal(server.next(), null);
});

it("a signal tells the server, whose reply still ends the call", () => {
  const { server, client } = servedScene();
  const call = client.start("newfstatat", AT_FDCWD, "/m/f", BUFFER, 0);
  const lookup = server.next()!;
  sendSignalToTask(client.task, signalInfo(SIGUSR1, 0));
  call.resume();
  assert.equal(server.next()!.opcode, op.FUSE_INTERRUPT);
  assert.ok(call.isBlocked);
  server.reply(lookup, -EINTR);
  call.resume();
  assert.equal(call.result, -EINTR);
});

it("wrong replies are EIO", () => {
  const { server, client } = servedScene();
  const replies: Record<string, Uint8Array> = {
    "too short": new Uint8Array(op.FuseEntryOut.size - 1),
    "too long": new Uint8Array(op.FuseEntryOut.size + 1),
    "the root's node": servedEntry(1, S_IFDIR),
    "no type": servedEntry(FILE, 0o644),
    "an endless file": (() => {
      const bytes = servedEntry(FILE);
      bytes.fill(255, op.FuseEntryOut.offset.attr + 8, op.FuseEntryOut.offset.attr + 16);
      return bytes;
    })(),
  };
  for (const [what, bytes] of Object.entries(replies)) {
    const call = client.start("newfstatat", AT_FDCWD, "/m/f", BUFFER, 0);
    assert.equal(
      server.finish(client, call, () => bytes),
      -EIO,
      what,
    );
  }
  const call = client.start("newfstatat", AT_FDCWD, "/m/f", BUFFER, 0);
  assert.equal(server.finish(client, call), 0);
  // The number is another kind of file by now.
  const again = client.start("newfstatat", AT_FDCWD, "/m/f", BUFFER, 0);
  assert.equal(
    server.finish(client, again, ({ opcode }) =>
      opcode === op.FUSE_LOOKUP ? null : servedAttributesOut(FILE, S_IFDIR),
    ),
    -EIO,
  );
});

it("a listing with names that no file can have, or that overlap, is none", () => {
  const { server, client } = servedScene();
  const listed = (name: string, length: number): Uint8Array => {
    const bytes = new Uint8Array(op.FuseDirent.size + 8);
    putFields(viewOf(bytes), op.FuseDirent, { ino: 9, off: 1, namelen: length, type: 8 });
    for (let at = 0; at < name.length; at++) bytes[op.FuseDirent.size + at] = name.charCodeAt(at);
    return bytes;
  };
  const rows: [string, Uint8Array, number][] = [
    ["a slash", listed("a/b", 3), -EIO],
    ["a zero", listed("a", 3), -EIO],
    ["nothing", listed("", 0), -EIO],
    ["beyond what names can be", listed("a", 5000), -EIO],
    // As on Linux: what isn't whole is the end.
    ["beyond the reply", listed("a", 100), 0],
  ];
  for (const [what, bytes, expected] of rows) {
    const fd = server.finish(client, client.start("openat", AT_FDCWD, "/m", 0o200000, 0));
    const call = client.start("getdents64", fd, BUFFER, 512);
    const result = server.finish(client, call, ({ opcode }) => (opcode === op.FUSE_READDIR ? bytes : null));
    assert.equal(result, expected, what);
    client.call("close", fd);
  }
});

it("a listing shows names that are longer than those of other file systems, as on Linux", () => {
  const { server, client } = servedScene();
  const bytes = new Uint8Array(op.FuseDirent.size + 1024);
  putFields(viewOf(bytes), op.FuseDirent, { ino: 9, off: 1, namelen: 1024, type: 8 });
  bytes.fill(0x61, op.FuseDirent.size);
  const fd = server.finish(client, client.start("openat", AT_FDCWD, "/m", 0o200000, 0));
  const list = (): number =>
    server.finish(client, client.start("getdents64", fd, BUFFER, 4096), ({ opcode, body }) => {
      if (opcode !== op.FUSE_READDIR) return null;
      return getU64(viewOf(body), op.FuseReadIn.offset.offset) === 0 ? bytes : new Uint8Array();
    });
  assert.equal(list(), 1048, "not 0, which were the end of the folder");
  assert.equal(client.memory.u8[BUFFER + 19 + 1023], 0x61);
  assert.equal(list(), 0);
});

it("a mapping comes to its end though another program makes the file longer all the time", () => {
  const { test, server, client } = servedScene();
  const other = new FileTask(test.kernel, server.user);
  let size = 2 ** 20;
  const sized = ({ opcode }: Asked): Uint8Array | null => {
    const bytes =
      opcode === op.FUSE_LOOKUP ? servedEntry(FILE) : opcode === op.FUSE_GETATTR ? servedAttributesOut(FILE) : null;
    const at = opcode === op.FUSE_LOOKUP ? op.FuseEntryOut.offset.attr : op.FuseAttrOut.offset.attr;
    if (bytes !== null) putFields(viewOf(bytes), op.FuseAttr, { size }, at);
    return bytes;
  };
  const reader = server.finish(client, client.start("openat", AT_FDCWD, "/m/f", 0, 0), sized);
  const writer = server.finish(other, other.start("openat", AT_FDCWD, "/m/f", O_WRONLY | O_APPEND, 0), sized);
  const file = client.task.files.get(reader)!;
  let reads = 0;
  const map = new Call(client.task, () => {
    const pages = file.mapping(0, 2 ** 20);
    return isErrno(pages) ? pages : 0;
  });
  const result = server.finish(client, map, (asked) => {
    if (asked.opcode !== op.FUSE_READ) return sized(asked);
    reads++;
    assert.equal(server.finish(other, other.start("write", writer, BUFFER, 4096), sized), 4096);
    size += 4096;
    return null;
  });
  assert.equal(result, 0);
  assert.equal(reads, 8);
});

it("what is appended in several requests is written once, one behind the other", () => {
  const { server, client } = servedScene();
  const fd = server.finish(client, client.start("openat", AT_FDCWD, "/m/f", O_WRONLY | O_APPEND, 0));
  const places: number[][] = [];
  const call = client.start("write", fd, BUFFER, 10000);
  const result = server.finish(client, call, ({ opcode, body }) => {
    const view = viewOf(body);
    const { offset } = op.FuseWriteIn;
    if (opcode === op.FUSE_WRITE) places.push([getU64(view, offset.offset), view.getUint32(offset.size, true)]);
    return null;
  });
  assert.equal(result, 10000);
  assert.deepEqual(places, [
    [5, 4096],
    [4101, 4096],
    [8197, 1808],
  ]);
});

it("with its last descriptor the server is gone, for who waits and for who comes", () => {
  const { server, client } = servedScene();
  const call = client.start("newfstatat", AT_FDCWD, "/m/f", BUFFER, 0);
  server.user.call("close", server.fd);
  call.resume();
  assert.equal(call.result, -ECONNABORTED);
  endAsking(client.task);
  assert.equal(client.call("newfstatat", AT_FDCWD, "/m/f", BUFFER, 0), -ENOTCONN);
});

it("nodes that nobody uses any more are forgotten as often as they were named", () => {
  const { server, client } = servedScene();
  for (let time = 0; time < 3; time++) server.finish(client, client.start("newfstatat", AT_FDCWD, "/m/f", BUFFER, 0));
  const unlink = client.start("unlinkat", AT_FDCWD, "/m/f", 0);
  assert.equal(server.finish(client, unlink), 0);
  const forget = server.next()!;
  assert.deepEqual([forget.opcode, forget.node, getU64(viewOf(forget.body), 0)], [op.FUSE_FORGET, FILE, 4]);
});

it("what is mapped is read in before, and what is written later is seen", () => {
  const { test, server, client } = servedScene();
  const fd = server.finish(client, client.start("openat", AT_FDCWD, "/m/f", O_RDWR, 0));
  const file = client.task.files.get(fd)!;
  let pages!: PageCache;
  const map = new Call(client.task, () => {
    const mapping = file.mapping(0, 4096);
    if (typeof mapping === "number") return mapping;
    pages = mapping!;
    return 0;
  });
  const content = byteStringOf("hello");
  assert.equal(
    server.finish(client, map, ({ opcode }) => (opcode === op.FUSE_READ ? content : null)),
    0,
  );
  const at = pages.peek(0) * 4096;
  assert.ok(at > 0);
  const shown = (): string => byteString(test.kernel.physical.u8, at, at + 6);
  assert.equal(shown(), "hello\0");
  const write = client.start("pwrite64", fd, client.text("J"), 1, 0);
  assert.equal(server.finish(client, write), 1);
  assert.equal(shown(), "Jello\0");
  const short = servedAttributesOut(FILE, S_IFREG | 0o644);
  viewOf(short).setUint32(op.FuseAttrOut.offset.attr + op.FuseAttr.offset.size, 2, true);
  const cut = client.start("ftruncate", fd, 2);
  assert.equal(
    server.finish(client, cut, ({ opcode }) => (opcode === op.FUSE_SETATTR ? short : null)),
    0,
  );
  assert.equal(shown(), "Je\0\0\0\0", "what is cut off is not there when the file grows again");
});

it("dup3 over a served file waits for the server's last word", () => {
  const { server, client } = servedScene();
  const fd = server.finish(client, client.start("openat", AT_FDCWD, "/m/f", O_RDWR, 0));
  const other = client.open("/fuse", O_RDWR);
  const call = client.start("dup3", other, fd, 0);
  assert.ok(call.isBlocked);
  server.log.length = 0;
  assert.equal(server.finish(client, call), fd);
  assert.deepEqual(server.log, [op.FUSE_FLUSH]);
  while (server.next() !== null);
  assert.deepEqual(server.log, [op.FUSE_FLUSH, op.FUSE_RELEASE], "it is told once");
});

it("a connection is cut off by its file in fusectl, and its type names the server's", () => {
  const { server, client } = servedScene();
  client.call("mkdirat", AT_FDCWD, "/c", 0o755);
  assert.equal(client.call("mount", "none", "/c", "fusectl", 0, ""), 0);
  const number = (client.list("/c") as string[]).find((name) => !name.startsWith("."))!;
  const call = client.start("newfstatat", AT_FDCWD, "/m/f", BUFFER, 0);
  assert.equal(server.user.get(`/c/${number}/waiting`), "1\n");
  const abort = server.user.open(`/c/${number}/abort`, O_WRONLY);
  assert.equal(server.user.write(abort, "1"), 1);
  call.resume();
  assert.equal(call.result, -ECONNABORTED);

  const device = client.open("/fuse", O_RDWR | O_NONBLOCK);
  client.call("mkdirat", AT_FDCWD, "/n", 0o755);
  const options = `fd=${device},rootmode=40755,user_id=0,group_id=0`;
  assert.equal(client.call("mount", "none", "/n", "fuse.own", 0, options), 0);
  assert.equal(client.call("mount", "none", "/n", "tmpfs.own", 0, ""), -ENODEV);
  const types = [...client.task.kernel.vfs.roots.keys()].map(({ type }) => type);
  assert.ok(types.includes("fuse.own"), types.join());
});

it("an ordinary open file cannot be a server, nor one of another's mount that is gone", () => {
  const { client } = servedScene();
  client.put("/file", "");
  const fd = client.open("/file", O_RDWR);
  assert.equal(client.call("mount", "none", "/m", "fuse", 0, `fd=${fd},rootmode=40755,user_id=0,group_id=0`), -EINVAL);
});

it("a process ends when what it wrote has come to an end, and asks once", () => {
  const { server, client } = servedScene();
  server.finish(client, client.start("openat", AT_FDCWD, "/m/f", O_RDWR, 0));
  server.log.length = 0;
  const call = client.start("exit_group", 0);
  assert.ok(call.isBlocked);
  assert.equal(server.finish(client, call), NO_RETURN);
  while (server.next() !== null);
  assert.deepEqual(
    server.log.filter((each) => each !== op.FUSE_FORGET),
    [op.FUSE_FLUSH, op.FUSE_RELEASE],
  );
});

it("what a call knew of names when it began, it knows to its end, however long the server takes", () => {
  const { test, server, client } = servedScene();
  const known = servedEntry(FILE);
  putFields(viewOf(known), op.FuseEntryOut, { entry_valid: 1, attr_valid: 1 });
  const lookup = ({ opcode }: Asked): Uint8Array | null => (opcode === op.FUSE_LOOKUP ? known : null);
  assert.equal(server.finish(client, client.start("newfstatat", AT_FDCWD, "/m/f", BUFFER, 0), lookup), 0);
  server.log.length = 0;
  const call = client.start("unlinkat", AT_FDCWD, "/m/f", 0);
  // By the time that it is removed, the name has expired; the server knows none such any more.
  const result = server.finish(client, call, ({ opcode }) => {
    test.clock.advance(2e9);
    return opcode === op.FUSE_LOOKUP ? -ENOENT : null;
  });
  assert.equal(result, 0);
  assert.deepEqual(
    server.log.filter((each) => each !== op.FUSE_GETATTR),
    [op.FUSE_UNLINK],
  );
});

it("a node is forgotten when its last handle is released, and not before", () => {
  const { server, client } = servedScene();
  const fd = server.finish(client, client.start("openat", AT_FDCWD, "/m/f", O_RDWR, 0));
  server.finish(client, client.start("unlinkat", AT_FDCWD, "/m/f", 0));
  server.finish(client, client.start("close", fd));
  server.log.length = 0;
  const release = server.next()!;
  assert.equal(release.opcode, op.FUSE_RELEASE);
  assert.equal(server.next(), null);
  server.reply(release, 0);
  assert.equal(server.next()!.opcode, op.FUSE_FORGET);
});

it("of a node that a request is about the server is told to forget when that has its reply", () => {
  const { server, client } = servedScene();
  const call = client.start("newfstatat", AT_FDCWD, "/m/f", BUFFER, 0);
  server.reply(server.next()!, 0, servedEntry(FILE));
  call.resume();
  const getattr = server.next()!;
  assert.equal(getattr.opcode, op.FUSE_GETATTR);
  endAsking(client.task);
  dropUnusedDentries(client.task.kernel);
  server.log.length = 0;
  while (server.next() !== null);
  assert.ok(!server.log.includes(op.FUSE_FORGET));
  server.reply(getattr, 0, servedAttributesOut(FILE, S_IFREG | 0o644));
  while (server.next() !== null);
  assert.ok(server.log.includes(op.FUSE_FORGET));
});

it("is no layer of an overlay", () => {
  const { test, server, client } = servedScene();
  client.call("mkdirat", AT_FDCWD, "/o", 0o755);
  client.call("mkdirat", AT_FDCWD, "/low", 0o755);
  const call = client.start("mount", "none", "/o", "overlay", 0, "lowerdir=/m:/low");
  assert.equal(server.finish(client, call), -EINVAL);
  assert.ok(
    test.messages.some((message) => message.includes("FUSE server")),
    test.messages.join(),
  );
});

it("lies behind no loop device, which could not wait for it", () => {
  const { server, client } = servedScene();
  const fd = server.finish(client, client.start("openat", AT_FDCWD, "/m/f", O_RDWR, 0));
  client.call("mknodat", AT_FDCWD, "/loop0", S_IFBLK | 0o600, makeDevice(LOOP_MAJOR, 0));
  const device = client.open("/loop0", O_RDWR);
  assert.equal(client.call("ioctl", device, LOOP_SET_FD, fd), -EINVAL);
  client.put("/image", "x".repeat(512));
  assert.equal(client.call("ioctl", device, LOOP_SET_FD, client.open("/image", O_RDWR)), 0);
});

it("what a server wants back and does not read is bounded", () => {
  const { server, client } = servedScene();
  server.finish(client, client.start("newfstatat", AT_FDCWD, "/m/f", BUFFER, 0));
  const wanted = new Uint8Array(op.FuseNotifyRetrieveOut.size);
  putFields(viewOf(wanted), op.FuseNotifyRetrieveOut, { notify_unique: 5, nodeid: FILE, size: 5 });
  const told: number[] = [];
  for (let time = 0; time < 100; time++) told.push(server.tell(op.FUSE_NOTIFY_RETRIEVE, wanted));
  assert.deepEqual([told[63]! > 0, told[64]], [true, -ENOMEM]);
  server.log.length = 0;
  while (server.next() !== null);
  assert.equal(server.log.filter((each) => each === op.FUSE_NOTIFY_REPLY).length, 64);
  assert.ok(server.tell(op.FUSE_NOTIFY_RETRIEVE, wanted) > 0, "none of them waits for a reply");
});

it("an ioctl asks anew whenever it is called, and once however often it is executed", () => {
  const { server, client } = servedScene();
  const fd = server.finish(client, client.start("openat", AT_FDCWD, "/m/f", O_RDWR, 0));
  server.log.length = 0;
  for (const expected of [7, -ENOTTY, 7, -EIO]) {
    const call = client.start("ioctl", fd, 0x4501, 5);
    const out = new Uint8Array(op.FuseIoctlOut.size);
    putFields(viewOf(out), op.FuseIoctlOut, { result: expected === 7 ? 7 : -0x10000 });
    const answer = expected === -ENOTTY ? -ENOSYS : out;
    assert.equal(
      server.finish(client, call, ({ opcode }) => (opcode === op.FUSE_IOCTL ? answer : null)),
      expected,
    );
  }
  assert.equal(server.log.filter((each) => each === op.FUSE_IOCTL).length, 4);
});

it("flags are set by a file that is opened for it, and released", () => {
  const { server, client } = servedScene();
  const fd = server.finish(client, client.start("openat", AT_FDCWD, "/m/f", O_RDWR, 0));
  while (server.next() !== null);
  server.log.length = 0;
  const call = client.start("ioctl", fd, FS_IOC_SETFLAGS, client.text("\x40\0\0\0"));
  const answer = ({ opcode, body }: Asked): Uint8Array | null => {
    if (opcode !== op.FUSE_IOCTL) return null;
    const size = viewOf(body).getUint32(op.FuseIoctlIn.offset.out_size, true);
    return new Uint8Array(op.FuseIoctlOut.size + size);
  };
  assert.equal(server.finish(client, call, answer), 0);
  while (server.next() !== null);
  const { FUSE_OPEN, FUSE_IOCTL, FUSE_RELEASE } = op;
  assert.deepEqual(server.log, [FUSE_OPEN, FUSE_IOCTL, FUSE_OPEN, FUSE_IOCTL, FUSE_RELEASE, FUSE_RELEASE]);
});

it("a file is opened before its content goes, once, and released when it can't go", () => {
  const { server, client } = servedScene();
  const start = (): Call => client.start("openat", AT_FDCWD, "/m/f", O_WRONLY | O_TRUNC, 0);
  const refused = server.finish(client, start(), ({ opcode }) => (opcode === op.FUSE_OPEN ? -EACCES : null));
  assert.equal(refused, -EACCES);
  while (server.next() !== null);
  assert.ok(!server.log.includes(op.FUSE_SETATTR));
  const opening = [op.FUSE_OPEN, op.FUSE_SETATTR, op.FUSE_RELEASE];
  for (const [error, expected] of [
    [-EIO, opening],
    [0, opening.slice(0, 2)],
  ] as const) {
    server.log.length = 0;
    const result = server.finish(client, start(), ({ opcode }) =>
      opcode === op.FUSE_SETATTR ? error || servedAttributesOut(FILE, S_IFREG | 0o644) : null,
    );
    assert.ok(error === 0 ? result >= 0 : result === error, String(result));
    while (server.next() !== null);
    assert.deepEqual(
      server.log.filter((each) => opening.includes(each)),
      expected,
    );
  }
});

it("a name that the server takes back is forgotten with its node, whoever has looked at it", () => {
  const { server, client } = servedScene();
  server.finish(client, client.start("newfstatat", AT_FDCWD, "/m/f", BUFFER, 0));
  while (server.next() !== null);
  const told = (flags: number): number => {
    const bytes = new Uint8Array(op.FuseNotifyInvalEntryOut.size + 2);
    putFields(viewOf(bytes), op.FuseNotifyInvalEntryOut, { parent: op.FUSE_ROOT_ID, namelen: 1, flags });
    bytes.set(byteStringOf("f"), op.FuseNotifyInvalEntryOut.size);
    return server.tell(op.FUSE_NOTIFY_INVAL_ENTRY, bytes);
  };
  for (let time = 0; time < 2; time++) assert.ok(told(op.FUSE_EXPIRE_ONLY) > 0, "it stays, to be asked for");
  assert.equal(server.next(), null);
  assert.ok(told(0) > 0);
  assert.equal(server.next()!.opcode, op.FUSE_FORGET);
  assert.equal(told(0), -ENOENT);
});

it("who polls a server's descriptor hears that it is unmounted", () => {
  const { server } = servedScene();
  const file = server.user.task.files.get(server.fd)!;
  assert.equal(file.poll() & POLLERR, 0);
  assert.equal(server.user.call("umount2", "/m", 0), 0);
  assert.equal(file.poll(), POLLERR);
});
