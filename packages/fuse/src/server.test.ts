/**
 * Goal: what the server promises the kernel, without one. Method: prepared requests; the volume is in memory, its
 * flushes are counted.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EEXIST, EINTR, EINVAL, EIO, ENOENT, ENOSPC, ENOSYS, EOPNOTSUPP, EPROTO } from "@stratos/abi";
import { Attributes, check, format, mount, type Volume } from "@stratos/aegisfs";
import { SeededRandom } from "@stratos/base";
import { MemoryBlockDevice, SimulatedClock } from "@stratos/host";
import { FuseServer, SERVE_CALLED, type ServeOptions } from "./server.ts";
import { ScriptedDevice } from "./testing/scripted-device.ts";
import { ATTR_AT_BLOCKS, ENTRY_AT_ATTR } from "./wire/layout.ts";
import * as op from "@stratos/abi/fuse";

class CountingDevice extends MemoryBlockDevice {
  flushes = 0;

  /** Writes fail from now on, as those to a device that was pulled out. */
  isGone = false;

  override flush(): number {
    this.flushes++;
    return super.flush();
  }

  override write(offset: number, bytes: Uint8Array, at: number, length: number): number {
    return this.isGone ? -EIO : super.write(offset, bytes, at, length);
  }
}

function makeServer(options: ServeOptions = {}): {
  server: FuseServer;
  kernel: ScriptedDevice;
  disk: CountingDevice;
  volume: Volume;
  clock: SimulatedClock;
} {
  const disk = new CountingDevice(16 << 20);
  assert.equal(format(disk, { uuid: new Uint8Array(16), hashSeed: 1 }), 0);
  const volume = mount(disk);
  if (typeof volume === "string") throw new Error(volume);
  const kernel = new ScriptedDevice();
  const clock = new SimulatedClock(1_700_000_000_000);
  return { server: new FuseServer(kernel, volume, clock, options), kernel, disk, volume, clock };
}

/** INIT of Linux 6.18, which offers everything. */
const init = (kernel: ScriptedDevice, minor = 45): number =>
  kernel.request(op.FUSE_INIT, 0, 7, minor, 131072, 0xffffffff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
const wordsOf = (payload: Uint8Array): Uint32Array => new Uint32Array(payload.slice().buffer);

test("the protocol is agreed on, and a kernel that is too old is refused", () => {
  const { server, kernel } = makeServer({ writebackCache: false });
  const [old, now] = [init(kernel, 30), init(kernel)];
  assert.equal(server.serve(), 0);
  assert.equal(kernel.answer(old).error, -EPROTO);
  const words = wordsOf(kernel.answer(now).payload);
  assert.deepEqual([...words.subarray(0, 2)], [7, 41]);
  assert.equal(words[3]! & (1 << 16), 0, "no writeback cache unless asked for");
  assert.notEqual(words[3]! & (1 << 17), 0, "opening without a message");
  assert.equal(words[5], 1 << 20);
});

test("all who wait for fsync share one flush, and are answered after it", () => {
  const { server, kernel, disk } = makeServer();
  init(kernel);
  const made = kernel.request(op.FUSE_MKNOD, 1, 0o100644, 0, 0o022, 0, "file");
  server.serve();
  assert.equal(kernel.answer(made).error, 0);
  const ino = wordsOf(kernel.answer(made).payload)[0]!;
  const before = disk.flushes;
  const uniques: number[] = [];
  for (let caller = 0; caller < 20; caller++) {
    kernel.request(op.FUSE_WRITE, ino, 0, 0, caller * 4, 0, 4, 0, 0, 0, 0, 0, caller);
    uniques.push(kernel.request(op.FUSE_FSYNC, ino, 0, 0, 0, 0));
  }
  server.serve();
  for (const unique of uniques) assert.equal(kernel.answer(unique).error, 0);
  const last = kernel.replies.findIndex(({ unique }) => unique === uniques[0]!);
  assert.ok(
    kernel.replies.slice(last).every(({ unique }) => uniques.includes(unique)),
    "no answer to fsync before the last write was taken",
  );
  // One flush of the log for all; the two of the commit at the end.
  assert.equal(disk.flushes - before, 3);
});

test("fsync is answered before a request is waited for that may never come", () => {
  const { server, kernel } = makeServer();
  init(kernel);
  kernel.request(op.FUSE_MKNOD, 1, 0o100644, 0, 0o022, 0, "file");
  const sync = kernel.request(op.FUSE_FSYNC, 1, 0, 0, 0, 0);
  const receive = kernel.receive.bind(kernel);
  let waited = false;
  kernel.receive = (at, size) => {
    const length = receive(at, size);
    // Linux would block here.
    if (length < 0 && !kernel.replies.some(({ unique }) => unique === sync)) waited = true;
    return length;
  };
  server.serve();
  assert.equal(kernel.answer(sync).error, 0);
  assert.equal(waited, false);
  assert.equal(server.statistics.flushes, 1);
});

test("a change is made durable when its time has come, and not before", () => {
  const { server, kernel, disk, clock } = makeServer({ commitIntervalMs: 1000 });
  init(kernel);
  kernel.request(op.FUSE_MKDIR, 1, 0o755, 0, "folder");
  const seen: number[] = [];
  const receive = kernel.receive.bind(kernel);
  kernel.receive = (at, size) => {
    seen.push(disk.flushes);
    return receive(at, size);
  };
  kernel.request(op.FUSE_STATFS, 1);
  kernel.request(op.FUSE_STATFS, 1);
  const send = kernel.send.bind(kernel);
  kernel.send = (at, length) => {
    clock.advance(600_000_000);
    return send(at, length);
  };
  server.serve();
  // Format flushed; 600 ms after the change nothing had to be done, 1200 ms after it the commit.
  const start = seen[0]!;
  assert.deepEqual(
    seen.slice(0, 5).map((flushes) => flushes - start),
    [0, 0, 0, 0, 2].slice(0, Math.min(5, seen.length)),
  );
});

test("a timed commit that fails is told at once, and to the next caller of fsync", () => {
  const told: string[] = [];
  const { server, kernel, disk, clock } = makeServer({
    commitIntervalMs: 1000,
    onFailure: ({ kind }, unsavedMs) => void told.push(`${kind} ${unsavedMs}`),
  });
  init(kernel);
  kernel.request(op.FUSE_MKDIR, 1, 0o755, 0, "folder");
  server.serve();
  kernel.request(op.FUSE_MKDIR, 1, 0o755, 0, "lost");
  const receive = kernel.receive.bind(kernel);
  kernel.receive = (at, size) => {
    clock.advance(1_500_000_000);
    return receive(at, size);
  };
  disk.isGone = true;
  for (let tick = 0; tick < 3; tick++) kernel.request(op.FUSE_STATFS, 1);
  const [sync, syncAll, change] = [
    kernel.request(op.FUSE_FSYNC, 1, 0, 0, 0, 0),
    kernel.request(op.FUSE_SYNCFS, 1, 0, 0),
    kernel.request(op.FUSE_MKDIR, 1, 0o755, 0, "more"),
  ];
  const status = kernel.request(op.FUSE_LOOKUP, 1, ".aegisfs");
  server.serve();
  assert.deepEqual(told, ["io 1500"]);
  for (const unique of [sync, syncAll]) assert.equal(kernel.answer(unique).error, -EIO);
  assert.notEqual(kernel.answer(change).error, 0);
  const [node, tree] = wordsOf(kernel.answer(status).payload);
  const read = kernel.request(op.FUSE_READ, node!, 0, 0, 0, 0, 4096, 0, 0, 0, 0, 0);
  kernel.at(read, tree!);
  server.serve();
  const { health, failedCommits } = JSON.parse(Buffer.from(kernel.answer(read).payload).toString()) as {
    health: string;
    failedCommits: number;
  };
  assert.deepEqual([health, failedCommits], ["io", 1]);
});

test("what an empty volume keeps for its own changes is neither used nor available", () => {
  const { server, kernel, volume } = makeServer({});
  init(kernel);
  const asked = kernel.request(op.FUSE_STATFS, 1);
  server.serve();
  const words = wordsOf(kernel.answer(asked).payload),
    [blocks, free, available] = [words[0]!, words[2]!, words[4]!];
  assert.equal(blocks, volume.usage().blocks);
  assert.ok(blocks - free < 16, `${blocks - free} blocks are called used`);
  assert.equal(available, volume.usage().freeBlocks);
  assert.ok(available < free);
});

test("strict access times move with each read, relative ones once", () => {
  for (const [accessTimes, moves] of [
    ["strict", 2],
    ["relative", 1],
    ["never", 0],
  ] as const) {
    const { server, kernel, volume, clock } = makeServer({ accessTimes, writebackCache: false });
    const ino = makeFile(server, kernel);
    kernel.request(op.FUSE_WRITE, ino, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 77);
    server.serve();
    const times: number[] = [];
    for (let read = 0; read < 3; read++) {
      times.push(attributesOf(volume, ino).atimeSeconds);
      clock.advance(10_000_000_000);
      kernel.request(op.FUSE_READ, ino, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0);
      server.serve();
    }
    assert.equal(new Set(times).size - 1, moves, accessTimes);
  }
});

test("find is given names, who looks at files their attributes", () => {
  const { server, kernel } = makeServer();
  init(kernel);
  const folders = [0, 1, 2, 3].map((number) => kernel.request(op.FUSE_MKDIR, 1, 0o755, 0, `d${number}`));
  server.serve();
  const nodes = folders.map((unique) => wordsOf(kernel.answer(unique).payload)[0]!);
  for (const node of nodes)
    for (const name of ["a", "b", "c"]) kernel.request(op.FUSE_MKNOD, node, 0o100644, 0, 0o022, 0, name);
  server.serve();
  const withAttributes = (node: number): number => {
    const listed = kernel.request(op.FUSE_READDIRPLUS, node, 0, 0, 0, 0, 32768, 0, 0, 0, 0, 0);
    server.serve();
    const words = wordsOf(kernel.answer(listed).payload);
    let count = 0;
    for (let at = 0; at < words.length; at += (128 + 24 + ((words[at + 32 + 4]! + 7) & ~7)) / 4)
      if (words[at] !== 0) count++;
    return count;
  };
  assert.deepEqual(nodes.map(withAttributes), [2, 2, 0, 0]);
  kernel.request(op.FUSE_LOOKUP, nodes[3]!, "b");
  assert.equal(withAttributes(nodes[0]!), 3);
});

test("a file without names lives until the kernel has forgotten it", () => {
  const { server, kernel, volume } = makeServer();
  init(kernel);
  const made = kernel.request(op.FUSE_MKNOD, 1, 0o100644, 0, 0o022, 0, "file");
  server.serve();
  const ino = wordsOf(kernel.answer(made).payload)[0]!;
  kernel.request(op.FUSE_WRITE, ino, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 77);
  const again = kernel.request(op.FUSE_LOOKUP, 1, "file");
  kernel.request(op.FUSE_UNLINK, 1, "file");
  kernel.request(op.FUSE_FORGET, ino, 1, 0);
  const read = kernel.request(op.FUSE_READ, ino, 0, 0, 0, 0, 4096, 0, 0, 0, 0, 0);
  const gone = kernel.request(op.FUSE_LOOKUP, 1, "file");
  server.serve();
  assert.equal(kernel.answer(again).error, 0);
  assert.deepEqual([...kernel.answer(read).payload], [77, 0, 0, 0]);
  assert.deepEqual([...wordsOf(kernel.answer(gone).payload).subarray(0, 2)], [0, 0], "absence, which may be kept");
  const inodes = volume.root.inodes;
  kernel.request(op.FUSE_FORGET, ino, 1, 0);
  const late = kernel.request(op.FUSE_GETATTR, ino, 0, 0, 0, 0);
  server.serve();
  assert.equal(kernel.answer(late).error, -ENOENT);
  assert.equal(volume.root.inodes, inodes - 1);
});

test("the times of a file without names are answered and not kept, other attributes are", () => {
  const { server, kernel, volume } = makeServer();
  const ino = makeFile(server, kernel);
  const before = timesOf(volume, ino);
  kernel.request(op.FUSE_UNLINK, 1, "file");
  const times = kernel.request(
    op.FUSE_SETATTR,
    ino,
    32 + 1024,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    5,
    0,
    5,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
  );
  kernel.request(op.FUSE_SETATTR, ino, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0o600, 0, 0, 0, 0);
  server.serve();
  assert.equal(kernel.answer(times).error, 0);
  assert.deepEqual(timesOf(volume, ino).slice(0, 2), before.slice(0, 2));
  assert.equal(attributesOf(volume, ino).mode & 0o777, 0o600);
});

test("a copy into a file takes its set-user-ID bit away, and the kernel is told of the mode before the answer", () => {
  const { server, kernel, volume } = makeServer();
  const ino = makeFile(server, kernel);
  const target = kernel.request(op.FUSE_MKNOD, 1, 0o106777, 0, 0, 0, "program");
  server.serve();
  const program = wordsOf(kernel.answer(target).payload)[0]!;
  kernel.request(op.FUSE_WRITE, ino, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 77);
  const copied = kernel.request(op.FUSE_COPY_FILE_RANGE, ino, 0, 0, 0, 0, program, 0, 0, 0, 0, 0, 4, 0, 0, 0);
  server.serve();
  assert.equal(kernel.answer(copied).error, 0);
  assert.equal(attributesOf(volume, program).mode, 0o100777);
  // FUSE_NOTIFY_INVAL_INODE with an offset below 0: attributes alone.
  const told = kernel.replies.findIndex(({ unique, error }) => unique === 0 && error === 2);
  assert.deepEqual([...wordsOf(kernel.replies[told]!.payload)].slice(0, 4), [program, 0, 0xffffffff, 0xffffffff]);
  assert.ok(told < kernel.replies.findIndex(({ unique }) => unique === copied));
});

test("a namespace alone is no name of an attribute", () => {
  const { server, kernel } = makeServer();
  const ino = makeFile(server, kernel);
  const answers = ["user.", "trusted.", "user.a", "other.a"].map((name) => [
    kernel.request(op.FUSE_SETXATTR, ino, 0, 0, 0, 0, name),
    kernel.request(op.FUSE_GETXATTR, ino, 0, 0, name),
    kernel.request(op.FUSE_REMOVEXATTR, ino, name),
  ]);
  server.serve();
  const errors = answers.map((uniques) => uniques.map((unique) => kernel.answer(unique).error));
  const [invalid, unknown] = [-EINVAL, -EOPNOTSUPP];
  assert.deepEqual(errors, [Array(3).fill(invalid), Array(3).fill(invalid), [0, 0, 0], Array(3).fill(unknown)]);
});

/** A file of one page, known to the kernel. */
function makeFile(server: FuseServer, kernel: ScriptedDevice): number {
  init(kernel);
  const made = kernel.request(op.FUSE_MKNOD, 1, 0o100644, 0, 0o022, 0, "file");
  server.serve();
  return wordsOf(kernel.answer(made).payload)[0]!;
}

/** mtime and ctime: seconds and nanoseconds. */
function timesOf(volume: Volume, ino: number): number[] {
  const attributes = attributesOf(volume, ino);
  return [attributes.mtimeSeconds, attributes.mtimeNanoseconds, attributes.ctimeSeconds, attributes.ctimeNanoseconds];
}

/** SETATTR with FATTR_MTIME and FATTR_CTIME: the kernel tells the times that it kept (struct fuse_setattr_in). */
function tellTimes(kernel: ScriptedDevice, ino: number, seconds: number, nanoseconds: number): void {
  const words = new Array<number>(22).fill(0);
  words[0] = 32 + 1024;
  words[10] = words[12] = seconds;
  words[15] = words[16] = nanoseconds;
  kernel.request(op.FUSE_SETATTR, ino, ...words);
}

function attributesOf({ root }: Volume, ino: number): Attributes {
  const attributes = new Attributes();
  assert.equal(root.stat(ino, attributes), 0);
  return attributes;
}

test("where the kernel gathers writes it keeps the times: a write moves none, and its clock stamps the rest", () => {
  let ticks = 0;
  const kernelTime = {
    seconds: 0,
    nanoseconds: 0,
    read(): void {
      this.seconds = 1000 + ++ticks;
      this.nanoseconds = ticks;
    },
  };
  const { server, kernel, volume } = makeServer({ kernelTime });
  const ino = makeFile(server, kernel);
  const born = timesOf(volume, ino);
  assert.deepEqual(born, [1000 + ticks, ticks, 1000 + ticks, ticks]);
  kernel.request(op.FUSE_WRITE, ino, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 77);
  server.serve();
  assert.deepEqual(timesOf(volume, ino), born);
  kernel.request(op.FUSE_LOOKUP, 1, "absent");
  server.serve();
  tellTimes(kernel, ino, 1500, 7);
  const other = kernel.request(op.FUSE_MKNOD, 1, 0o100644, 0, 0o022, 0, "other");
  server.serve();
  // What it gathers for a new file we don't know, and without a block the file would be a hole meanwhile.
  assert.equal(wordsOf(kernel.answer(other).payload)[ENTRY_AT_ATTR + ATTR_AT_BLOCKS], 1);
  assert.deepEqual(timesOf(volume, ino), [1500, 7, 1500, 7]);
  const stamped = timesOf(volume, volume.root.lookup(1, "other"));
  assert.deepEqual(stamped, [1000 + ticks, ticks, 1000 + ticks, ticks]);
});

test("where the kernel does not gather them, and where its clock is not to be had, ours stamps", () => {
  for (const options of [{ writebackCache: false, kernelTime: { seconds: 5, nanoseconds: 6, read() {} } }, {}]) {
    const { server, kernel, volume, clock } = makeServer(options);
    const now = Math.floor(clock.realtimeMs() / 1000);
    assert.equal(timesOf(volume, makeFile(server, kernel))[0], now);
  }
});

test("of gathered pages all are written, or an error is told", () => {
  const { server, kernel, volume } = makeServer();
  const ino = makeFile(server, kernel);
  const data = "x".repeat((1 << 20) - 1);
  const filling = volume.root.lookup(1, "file");
  for (let piece = 8; volume.usage().freeBlocks > 700; piece++)
    volume.root.write(filling, piece << 20, new Uint8Array(1 << 20), 0, 1 << 20);
  const answers: number[] = [];
  for (let piece = 0; piece < 4; piece++)
    answers.push(kernel.request(op.FUSE_WRITE, ino, 0, 0, piece << 20, 0, 1 << 20, 1, 0, 0, 0, 0, data));
  server.serve();
  const results = answers
    .map((unique) => kernel.answer(unique))
    .map(({ error, payload }) => (error === 0 ? wordsOf(payload)[0]! : error));
  assert.ok(
    results.every((result) => result === 1 << 20 || result === -ENOSPC),
    results.join(),
  );
  assert.ok(results.includes(-ENOSPC) && results.includes(1 << 20));
  assert.equal(volume.failure, null);
});

test("who writes on after there was no room is told by the next write, once", () => {
  const { server, kernel, volume, clock } = makeServer();
  const ino = makeFile(server, kernel);
  const filling = volume.root.lookup(1, "file");
  for (let piece = 8; volume.usage().freeBlocks > 700; piece++)
    volume.root.write(filling, piece << 20, new Uint8Array(1 << 20), 0, 1 << 20);
  const data = "x".repeat((1 << 20) - 1);
  let piece = 0;
  const fill = (): number => {
    for (;;) {
      const unique = kernel.request(op.FUSE_WRITE, ino, 0, 0, piece++ << 20, 0, 1 << 20, 1, 0, 0, 0, 0, data);
      server.serve();
      if (kernel.answer(unique).error === -ENOSPC) return unique;
    }
  };
  const ask = (flags: number): number => {
    const unique = kernel.request(op.FUSE_GETATTR, ino, flags, 0, 0, 0);
    server.serve();
    return kernel.answer(unique).error;
  };
  const refused = fill();
  const told = kernel.replies.findIndex(({ unique, error }) => unique === 0 && error === 2);
  assert.deepEqual([...wordsOf(kernel.replies[told]!.payload)].slice(0, 4), [ino, 0, 0xffffffff, 0xffffffff]);
  assert.ok(told < kernel.replies.findIndex(({ unique }) => unique === refused));
  assert.deepEqual([ask(0), ask(1), ask(1)], [0, -ENOSPC, 0], "stat(2) is answered, write(2) is told");
  fill();
  clock.advance(60e9);
  assert.equal(ask(1), 0, "a reader of later is not");
  fill();
  // valid, padding, fh (2), size (2), and what is not set
  kernel.request(op.FUSE_SETATTR, ino, 8, 0, 0, 0, 0, 0, ...new Array<number>(16).fill(0));
  server.serve();
  assert.equal(ask(1), 0, "nor is who has emptied the file since");
});

test("a look for holes waits until the kernel has written what it has gathered of the file", () => {
  const { server, kernel } = makeServer();
  const ino = makeFile(server, kernel);
  kernel.request(op.FUSE_SETATTR, ino, 8, 0, 0, 0, 1 << 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  const notifyLater = kernel.notifyLater.bind(kernel);
  kernel.notifyLater = (messages) => {
    // What Linux does when it is told that content is another.
    kernel.request(op.FUSE_WRITE, ino, 0, 0, 65536, 0, 4, 1, 0, 0, 0, 0, 77);
    notifyLater(messages);
  };
  const data = kernel.request(op.FUSE_LSEEK, ino, 0, 0, 0, 0, 3, 0);
  server.serve();
  assert.equal(wordsOf(kernel.answer(data).payload)[0], 65536);
});

test(
  "a snapshot waits for what the kernel has gathered, does without where nobody " +
    "can ask for it, and can be given up",
  () => {
    const { server, kernel, volume, clock } = makeServer();
    const ino = makeFile(server, kernel);
    const look = (name: string): number => kernel.request(op.FUSE_LOOKUP, 1, name);
    const folder = look(".snapshots");
    server.serve();
    const [node, tree] = wordsOf(kernel.answer(folder).payload);
    const take = (name: string): number => {
      const unique = kernel.request(op.FUSE_MKDIR, node!, 0o755, 0, name);
      kernel.at(unique, tree!);
      return unique;
    };
    const first = take("first");
    server.serve();
    assert.equal(
      kernel.replies.some(({ unique }) => unique === first),
      false,
    );
    assert.equal(kernel.asked.length, 1);
    kernel.request(op.FUSE_WRITE, ino, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 77);
    const mark = look(`.aegisfs-gathered-${kernel.asked[0]}`);
    server.serve();
    assert.equal(kernel.answer(mark).error, -ENOENT);
    assert.equal(kernel.answer(first).error, 0);
    const snapshot = volume.subvolume(volume.findSubvolume("first"))!;
    const bytes = new Uint8Array(4);
    assert.equal(snapshot.read(ino, 0, bytes, 0, 4), 4);
    assert.equal(bytes[0], 77);
    const second = take("second");
    server.serve();
    kernel.request(op.FUSE_INTERRUPT, 0, second, 0);
    kernel.request(op.FUSE_STATFS, 1);
    server.serve();
    assert.equal(
      kernel.replies.some(({ unique }) => unique === second),
      false,
      "a signal does not end what will be done in a moment",
    );
    clock.advance(20_000_000_000);
    kernel.request(op.FUSE_STATFS, 1);
    server.serve();
    assert.equal(kernel.answer(second).error, -EINTR);
    assert.ok(volume.findSubvolume("second") < 0);
    kernel.canAskForAll = false;
    const third = take("third");
    server.serve();
    assert.equal(kernel.answer(third).error, 0);
  },
);

test("what the server does without is said once to the kernel", () => {
  const { server, kernel } = makeServer();
  init(kernel);
  const uniques = [op.FUSE_OPEN, op.FUSE_OPENDIR, op.FUSE_CREATE, op.FUSE_FLUSH, op.FUSE_POLL, 63, 4096].map((opcode) =>
    kernel.request(opcode, 1, 0, 0, 0, 0, "x"),
  );
  const [first, second] = [
    kernel.request(op.FUSE_MKDIR, 1, 0o755, 0, "d"),
    kernel.request(op.FUSE_MKDIR, 1, 0o755, 0, "d"),
  ];
  server.serve();
  for (const unique of uniques) assert.equal(kernel.answer(unique).error, -ENOSYS);
  assert.equal(kernel.answer(first).error, 0);
  assert.equal(kernel.answer(second).error, -EEXIST);
});

test("who rings the bell has the thread back behind what waited before, by either way to ring it", () => {
  const bell = new Int32Array(1);
  const { server, kernel } = makeServer({ bell });
  init(kernel);
  server.serve();
  for (const ring of [
    () => kernel.request(op.FUSE_STATFS, 1),
    () => kernel.request(op.FUSE_LOOKUP, 1, "x".repeat(256)),
  ]) {
    const before = kernel.request(op.FUSE_LOOKUP, 1, "absent");
    const rung = ring();
    const behind = kernel.request(op.FUSE_LOOKUP, 1, "x".repeat(255));
    bell[0] = 1;
    assert.equal(server.serve(), SERVE_CALLED);
    assert.equal(bell[0], 0);
    kernel.answer(before);
    kernel.answer(rung);
    assert.throws(() => kernel.answer(behind));
    assert.equal(server.serve(), 0, "nobody calls any more");
    kernel.answer(behind);
  }
});

test("no message breaks the server or the volume", () => {
  const seed = 177;
  const random = new SeededRandom(seed);
  const { server, kernel, disk, volume } = makeServer();
  init(kernel);
  for (let index = 0; index < 20_000; index++) {
    const body = new Uint8Array(random.below(random.below(4) === 0 ? 300 : 90));
    random.fill(body);
    // Often small numbers and short names, so that something happens.
    for (let at = 0; at < body.length; at++)
      if (random.below(3) > 0) body[at] = random.below(3) === 0 ? 97 + random.below(4) : 0;
    const message = new Uint8Array(40 + body.length);
    message.set(body, 40);
    const opcode = 1 + random.below(53);
    // DESTROY and INIT are sent once.
    if (opcode === op.FUSE_INIT || opcode === op.FUSE_DESTROY) continue;
    new Uint32Array(message.buffer, 0, 10).set([
      random.below(50) === 0 ? random.u32() : message.length,
      opcode,
      index + 10,
      0,
      1 + random.below(8),
      random.below(20) === 0 ? random.u32() : 0,
      0,
      0,
      1,
    ]);
    kernel.raw(message);
  }
  assert.equal(server.serve(), 0, `seed ${seed}: ${volume.failure?.kind}`);
  assert.ok(server.statistics.handled.filter((count) => count > 0).length > 25);
  assert.deepEqual(check(disk, { data: true }), [], `seed ${seed}`);
});
