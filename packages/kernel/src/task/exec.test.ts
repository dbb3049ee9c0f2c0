/**
 * Goal: a new program finds its segments, stack and registers as the psABI and execve(2) say, and of the old one what
 * is to stay. Method: small ELF files made here, in a tmpfs; the task has real memory but no processor.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AT_FDCWD,
  E2BIG,
  EACCES,
  EFAULT,
  ELOOP,
  ENOENT,
  ENOEXEC,
  ENOMEM,
  ETXTBSY,
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  PROT_READ,
  PROT_WRITE,
  RLIMIT_STACK,
  SIGUSR1,
  SIGUSR2,
} from "@stratos/abi";
import { Tmpfs } from "../fs/tmpfs/tmpfs.ts";
import type { AddressSpace } from "../mm/address-space.ts";
import { mmap } from "../mm/mmap.ts";
import type { Credentials } from "../security/credentials.ts";
import { IdMap } from "../security/id-map.ts";
import { INITIAL_USER_NAMESPACE, UserNamespace } from "../security/user-namespace.ts";
import { FileTask } from "../testing/file-system-task.ts";
import { createMemoryTask, forkAddressSpace } from "../testing/memory-task.ts";
import { call } from "../testing/system-calls.ts";
import { createThreads } from "../testing/thread-tasks.ts";
import { mountRoot } from "../vfs/boot-mounts.ts";
import type { Task } from "./task.ts";
import { NO_RETURN } from "../ground/wait-queue.ts";

const SP = 2;
const TEXT = 0x10000,
  DATA = 0x21800,
  ENTRY = TEXT + 0x100;

/**
 * A static program: code at TEXT, and data at DATA: the eight bytes "DATADATA" and 0x1000 of zeros behind, though the
 * file goes on with others.
 */
function elf(
  parts: {
    type?: number;
    machine?: number;
    entry?: number;
    stackFlags?: number;
    dataBytes?: number;
    text?: number;
  } = {},
): string {
  const bytes = new Uint8Array(0x900).fill(0xdd, 0x808);
  const view = new DataView(bytes.buffer);
  const text = parts.text ?? TEXT;
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, parts.type ?? 2, true);
  view.setUint16(18, parts.machine ?? 243, true);
  view.setUint32(20, 1, true);
  const put64 = (at: number, value: number): void => view.setBigUint64(at, BigInt(value), true);
  put64(24, parts.entry ?? ENTRY);
  put64(32, 64);
  view.setUint16(52, 64, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 3, true);
  const segment = (index: number, type: number, flags: number, words: readonly number[]): void => {
    const at = 64 + index * 56;
    view.setUint32(at, type, true);
    view.setUint32(at + 4, flags, true);
    words.forEach((word, place) => put64(at + 8 + place * 8, word));
  };
  segment(0, 1, 5, [0, text, text, 0x800, 0x800, 0x1000]);
  segment(1, 1, 6, [0x800, DATA, DATA, 8, parts.dataBytes ?? 0x1008, 0x1000]);
  segment(2, 0x6474e551, parts.stackFlags ?? 6, [0, 0, 0, 0, 0, 16]);
  bytes.set(new TextEncoder().encode("DATADATA"), 0x800);
  bytes.fill(0xee, 0x100, 0x800);
  return String.fromCharCode(...bytes);
}

interface Shell {
  task: Task;
  user: FileTask;
}

/** A task that may execute files of a tmpfs, and another one that writes them. */
function createShell(): Shell {
  const { kernel, task } = createMemoryTask();
  mountRoot(kernel, new Tmpfs(kernel));
  const user = new FileTask(kernel);
  task.fs = user.task.fs.copy();
  put(user, "/program", elf());
  return { task, user };
}

function put(user: FileTask, path: string, text: string, mode = 0o755): void {
  user.put(path, text);
  assert.equal(user.call("fchmodat", AT_FDCWD, path, mode), 0);
}

function execute(
  task: Task,
  path: string,
  argv: readonly string[] = [path],
  environment: readonly string[] = [],
): number {
  const { space } = task;
  const length = 4096 + [...argv, ...environment].reduce((sum, text) => sum + text.length + 17, 0);
  let at = mmap(task, {
    address: 0,
    length,
    protection: PROT_READ | PROT_WRITE,
    flags: MAP_PRIVATE | MAP_ANONYMOUS,
    file: null,
    offset: 0,
  });
  const string = (text: string): number => {
    const bytes = Uint8Array.from(`${text}\0`, (each) => each.charCodeAt(0));
    assert.equal(space.copyOut(at, bytes, 0, bytes.length), 0);
    at += bytes.length;
    return at - bytes.length;
  };
  const list = (texts: readonly string[]): number => {
    const addresses = [...texts.map(string), 0];
    at = Math.ceil(at / 8) * 8;
    addresses.forEach((address, index) => space.storeU64(at + index * 8, address));
    at += addresses.length * 8;
    return at - addresses.length * 8;
  };
  return call(task, "execve", string(path), list(argv), list(environment));
}

/** What a program finds at its stack pointer. */
function startOf({ kernel, space }: Task): { argv: string[]; environment: string[]; auxiliary: Map<number, number> } {
  let at = kernel.hart.get(SP);
  assert.equal(at % 16, 0);
  const word = (): number => space.loadU64((at += 8) - 8);
  const strings = (): string[] => {
    const found: string[] = [];
    for (let pointer = word(); pointer !== 0; pointer = word()) found.push(space.loadString(pointer, 1e6) as string);
    return found;
  };
  const count = word();
  const argv = strings();
  assert.equal(argv.length, count);
  const environment = strings();
  const auxiliary = new Map<number, number>();
  for (let key = word(); key !== 0; key = word()) auxiliary.set(key, word());
  return { argv, environment, auxiliary };
}

test("a program finds its arguments and its environment in their order, and the auxiliary vector", () => {
  const { task } = createShell();
  const { kernel } = task;
  kernel.hart.set(5, 123);
  assert.equal(execute(task, "/program", ["name", "", "two words"], ["A=1", "B=2", "C="]), NO_RETURN);
  assert.deepEqual([kernel.hart.pc, kernel.hart.get(5)], [ENTRY, 0]);
  const { argv, environment, auxiliary } = startOf(task);
  assert.deepEqual(argv, ["name", "", "two words"]);
  assert.deepEqual(environment, ["A=1", "B=2", "C="]);
  const at = (key: number): number => auxiliary.get(key)!;
  // PHDR, PHENT, PHNUM, PAGESZ, BASE, ENTRY, UID, EUID, GID, EGID, SECURE, CLKTCK
  assert.deepEqual([3, 4, 5, 6, 7, 9, 11, 12, 13, 14, 23, 17].map(at), [
    TEXT + 64,
    56,
    3,
    4096,
    0,
    ENTRY,
    0,
    0,
    0,
    0,
    0,
    100,
  ]);
  assert.equal(task.space.loadString(at(31), 100), "/program");
  const random = new Uint8Array(16);
  assert.equal(task.space.copyIn(at(25), random, 0, 16), 0);
  assert.ok(random.some((byte) => byte !== random[0]));
  assert.equal(task.name, "program");
  assert.equal(task.group.hasExecuted, true);
});

test("segments lie where the file says, data is followed by zeros, and code can't be written", () => {
  const { task } = createShell();
  execute(task, "/program");
  const { space } = task;
  assert.equal(space.loadU32(TEXT), 0x464c457f);
  assert.equal(space.loadU32(ENTRY), 0xeeeeeeee);
  assert.equal(space.storeU32(TEXT, 0), -EFAULT);
  assert.equal(space.loadString(DATA, 100), "DATADATA");
  for (const offset of [8, 0x7f8, 0x800, 0x1000]) assert.equal(space.loadU64(DATA + offset), 0);
  assert.equal(space.storeU32(DATA, 7), 0);
  assert.equal(space.loadU32(DATA + 0x1800), -EFAULT);
  assert.equal(call(task, "brk", 0), 0x23000);
  assert.deepEqual(
    [space.codeStart, space.codeEnd, space.dataStart, space.dataEnd],
    [TEXT, TEXT + 0x800, DATA, DATA + 8],
  );
  assert.equal(task.space.storeU32(task.kernel.hart.get(SP) - 8, 1), 0);
});

test("without a limit of the stack, mappings of the program and its children go upwards", () => {
  const { task } = createShell();
  const map = (): number =>
    mmap(task, {
      address: 0,
      length: 4096,
      protection: PROT_READ,
      flags: MAP_PRIVATE | MAP_ANONYMOUS,
      file: null,
      offset: 0,
    });
  const isUpward = (): boolean => map() < map();
  task.group.limits[RLIMIT_STACK] = { soft: 8 << 20, hard: Infinity };
  assert.equal(execute(task, "/program"), NO_RETURN);
  assert.equal(isUpward(), false);
  task.group.limits[RLIMIT_STACK] = { soft: Infinity, hard: Infinity };
  assert.equal(isUpward(), false, "what runs already stays as it is");
  assert.equal(execute(task, "/program"), NO_RETURN);
  assert.equal(isUpward(), true);
  assert.equal((forkAddressSpace(task.space) as AddressSpace).growsUpwards, true);
  task.group.limits[RLIMIT_STACK] = { soft: 8 << 20, hard: Infinity };
  assert.equal(execute(task, "/program"), NO_RETURN);
  assert.equal(isUpward(), false);
});

test("a program may begin at the second page, as GCL's do, and not at the first", () => {
  const { task, user } = createShell();
  put(user, "/second", elf({ text: 0x1000, entry: 0x1100 }));
  put(user, "/first", elf({ text: 0, entry: 0x100 }));
  assert.equal(execute(task, "/first"), -ENOMEM);
  assert.equal(execute(task, "/second"), NO_RETURN);
  assert.equal(task.kernel.hart.pc, 0x1100);
  assert.equal(task.space.loadU32(0x1100), 0xeeee_eeee);
});

test("the last page of data is zero to its end behind the segment", () => {
  const { task, user } = createShell();
  put(user, "/small", elf({ dataBytes: 16 }));
  execute(task, "/small");
  assert.equal(task.space.loadString(DATA, 100), "DATADATA");
  for (const offset of [8, 16, 0x20, 0x7f8]) assert.equal(task.space.loadU64(DATA + offset), 0);
});

test("what one program writes to its data the next one doesn't see", () => {
  const { task } = createShell();
  execute(task, "/program");
  task.space.storeU32(DATA, 7);
  assert.equal(execute(task, "/program"), NO_RETURN);
  assert.equal(task.space.loadString(DATA, 100), "DATADATA");
});

test("handlers are gone, ignored signals and the mask stay; descriptors stay but those to be closed", () => {
  const { task, user } = createShell();
  const { actions } = task.group;
  actions.set(SIGUSR1, { handler: 0x100, flags: 0, restorer: 0, maskLow: 0, maskHigh: 0 });
  actions.set(SIGUSR2, { handler: 1, flags: 0, restorer: 0, maskLow: 0, maskHigh: 0 });
  task.blocked.add(SIGUSR1);
  task.clearTid = task.robustList = 0x1000;
  const { files } = user.task;
  const [kept, closed] = [user.open("/program"), user.open("/program", 0o2000000)] as [number, number];
  task.files = files;
  execute(task, "/program");
  assert.deepEqual(
    [SIGUSR1, SIGUSR2].map((signal) => task.group.actions.get(signal).handler),
    [0, 1],
  );
  assert.equal(task.blocked.has(SIGUSR1), true);
  assert.deepEqual([task.clearTid, task.robustList], [0, 0]);
  assert.ok(task.files.get(kept) !== undefined);
  assert.ok(task.files.get(closed) === undefined);
});

test("a script is given to its interpreter with the line's argument, its own name and the other arguments", () => {
  const { task, user } = createShell();
  put(user, "/script", "#! /program  -x  and more \nrest");
  put(user, "/plain", "#!/script\n");
  assert.equal(execute(task, "/script", ["ignored", "one", "two"]), NO_RETURN);
  assert.deepEqual(startOf(task).argv, ["/program", "-x  and more", "/script", "one", "two"]);
  assert.equal(task.name, "script");
  assert.equal(execute(task, "/plain", ["ignored", "z"]), NO_RETURN);
  assert.deepEqual(startOf(task).argv, ["/program", "-x  and more", "/script", "/plain", "z"]);
});

test("what is no program is refused, and the old one goes on", () => {
  const { task, user } = createShell();
  put(user, "/text", "echo hello\n");
  put(user, "/empty", "");
  put(user, "/blank", "#!  \n");
  put(user, "/other", elf({ machine: 62 }));
  put(user, "/object", elf({ type: 1 }));
  put(user, "/locked", elf(), 0o644);
  put(user, "/lost", "#!/nowhere\n");
  put(user, "/circle", "#!/circle\n");
  const { space } = task;
  const cases: [path: string, expected: number][] = [
    ["/text", -ENOEXEC],
    ["/empty", -ENOEXEC],
    ["/blank", -ENOEXEC],
    ["/other", -ENOEXEC],
    ["/object", -ENOEXEC],
    ["/locked", -EACCES],
    ["/none", -ENOENT],
    ["", -ENOENT],
    ["/lost", -ENOENT],
    ["/circle", -ELOOP],
    ["/", -EACCES],
  ];
  for (const [path, expected] of cases) assert.equal(execute(task, path), expected, path);
  assert.ok(task.space === space);
  const writer = user.open("/program", 1);
  assert.equal(execute(task, "/program"), -ETXTBSY);
  user.call("close", writer);
  assert.equal(execute(task, "/program"), NO_RETURN);
});

test("one string and all of them have a limit", () => {
  const { task } = createShell();
  task.group.limits[3] = { ...task.group.limits[3]!, soft: 8 << 20 };
  assert.equal(execute(task, "/program", ["x".repeat(131072)]), -E2BIG);
  task.group.limits[3] = { ...task.group.limits[3]!, soft: 0 };
  const most = Array.from({ length: 4 }, () => "x".repeat(32750));
  assert.equal(execute(task, "/program", most, ["y".repeat(100)]), -E2BIG);
  assert.equal(execute(task, "/program", most), NO_RETURN);
  assert.deepEqual(startOf(task).argv, most);
});

test("set-user-ID and set-group-ID bits change who the program is, unless nothing new may be gained", () => {
  const user = { uid: 7, euid: 7, suid: 7, fsuid: 7, gid: 7, egid: 7, sgid: 7, fsgid: 7, effective: 0, permitted: 0 };
  const run = (mode: number, parts: Partial<Credentials> = {}): Task => {
    const { task, user: writer } = createShell();
    assert.equal(writer.call("fchownat", AT_FDCWD, "/program", 20, 30, 0), 0);
    assert.equal(writer.call("fchmodat", AT_FDCWD, "/program", mode), 0);
    task.credentials = { ...task.credentials, ...user, ...parts };
    assert.equal(execute(task, "/program"), NO_RETURN);
    return task;
  };
  const who = ({ credentials: c }: Task): number[] => [c.uid, c.euid, c.suid, c.fsuid, c.egid, c.sgid, c.fsgid];
  const plain = run(0o755);
  assert.deepEqual(who(plain), [7, 7, 7, 7, 7, 7, 7]);
  assert.deepEqual([startOf(plain).auxiliary.get(23), plain.group.dumpable], [0, 1]);
  const changed = run(0o6755);
  assert.deepEqual(who(changed), [7, 20, 20, 20, 30, 30, 30]);
  const { auxiliary } = startOf(changed);
  assert.deepEqual(
    [11, 12, 13, 14, 23].map((key) => auxiliary.get(key)),
    [7, 20, 7, 30, 1],
  );
  assert.equal(changed.group.dumpable, 0);
  // Without the group's x bit it is a mandatory lock's mark.
  assert.deepEqual(who(run(0o2745)), [7, 7, 7, 7, 7, 7, 7]);
  assert.deepEqual(who(run(0o6755, { noNewPrivileges: true })), [7, 7, 7, 7, 7, 7, 7]);
  assert.equal(run(0o711).group.dumpable, 0, "what may not be read isn't shown");
});

test("a program that may not be read belongs to the namespace that knows its owner", () => {
  const { task, user: writer } = createShell();
  writer.call("fchownat", AT_FDCWD, "/program", 20, 30, 0);
  writer.call("fchmodat", AT_FDCWD, "/program", 0o711);
  const creator = { uid: 7, gid: 7, mayMapRoot: false };
  const inner = new UserNamespace(INITIAL_USER_NAMESPACE, { ino: 1, counts: null }, creator);
  inner.uids = inner.gids = new IdMap([{ first: 0, kernelFirst: 7, count: 1 }]);
  task.credentials = { ...task.credentials, userNamespace: inner, uid: 7, euid: 7, suid: 7, fsuid: 7, fsgid: 7 };
  assert.equal(execute(task, "/program"), NO_RETURN);
  assert.ok(task.group.memoryNamespace === INITIAL_USER_NAMESPACE);
  writer.call("fchmodat", AT_FDCWD, "/program", 0o755);
  task.credentials = { ...task.credentials, userNamespace: inner };
  assert.equal(execute(task, "/program"), NO_RETURN);
  assert.ok(task.group.memoryNamespace === inner);
});

test("root gains its capabilities, others keep the ambient ones, until the identity changes", () => {
  const run = (parts: Partial<Credentials>, owner = 0, mode = 0o755): Credentials => {
    const { task, user } = createShell();
    user.call("fchownat", AT_FDCWD, "/program", owner, owner, 0);
    user.call("fchmodat", AT_FDCWD, "/program", mode);
    task.credentials = { ...task.credentials, effective: 0, permitted: 0, ambient: 0, bounding: 0b1110, ...parts };
    execute(task, "/program");
    return task.credentials;
  };
  const sets = ({ permitted, effective, ambient }: Credentials): number[] => [permitted, effective, ambient];
  const user = { uid: 7, euid: 7, suid: 7, fsuid: 7 };
  assert.deepEqual(sets(run({ inheritable: 0b10000 })), [0b11110, 0b11110, 0]);
  assert.deepEqual(sets(run({ ...user, uid: 0 })), [0b1110, 0, 0]);
  assert.deepEqual(sets(run({ secureBits: 1 })), [0, 0, 0]);
  assert.deepEqual(sets(run({ ...user, permitted: 0b110, effective: 0b110, ambient: 0b10 })), [0b10, 0b10, 0b10]);
  assert.deepEqual(sets(run({ ...user, ambient: 0b10 }, 0, 0o4755)), [0b1110, 0b1110, 0]);
  assert.deepEqual(sets(run({ ...user, ambient: 0b10 }, 8, 0o4755)), [0, 0, 0]);
  assert.equal(run({ secureBits: 0x10 }).secureBits, 0, "SECBIT_KEEP_CAPS");
});

test("a thread that executes becomes the process; the others end", () => {
  const { kernel, tasks, leader } = createThreads(2);
  mountRoot(kernel, new Tmpfs(kernel));
  const user = new FileTask(kernel);
  put(user, "/program", elf());
  const [runner, other] = tasks as [Task, Task];
  for (const task of [leader, runner, other]) task.fs = user.task.fs.copy();
  assert.equal(execute(runner, "/program"), NO_RETURN);
  assert.equal(runner.tid, leader.pid);
  assert.ok(runner.group.leader === runner && kernel.tasks.tasks.get(runner.pid) === runner);
  assert.deepEqual(
    runner.group.tasks.map(({ tid }) => tid),
    [runner.tid],
  );
  assert.ok(["X", "Z"].includes(leader.state) && other.state === "X");
  assert.equal(runner.group.exitStatus, null);
});
