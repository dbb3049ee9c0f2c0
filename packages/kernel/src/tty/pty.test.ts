/**
 * Goal: both sides of a pseudo-terminal, sessions and job control behave as pty(7), tty_ioctl(4) and credentials(7)
 * say. Method: fake tasks call the files.
 */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import {
  EAGAIN,
  EBUSY,
  EINVAL,
  EIO,
  ENOTTY,
  EPERM,
  ESRCH,
  FIONREAD,
  ICANON,
  ISIG,
  O_NOCTTY,
  O_NONBLOCK,
  O_RDWR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLPRI,
  SIGHUP,
  SIGINT,
  SIGTTIN,
  SIGTTOU,
  SIGWINCH,
  SIG_IGN,
  TCFLSH,
  TCGETS,
  TCGETS2,
  TCIFLUSH,
  TCIOFF,
  TCIOFLUSH,
  TCION,
  TCOFLUSH,
  TCOOFF,
  TCOON,
  TCSETS,
  TCSETS2,
  TCSETSF,
  TCXONC,
  TIOCEXCL,
  TIOCGDEV,
  TIOCGETD,
  TIOCGEXCL,
  TIOCGPGRP,
  TIOCGPTN,
  TIOCGSID,
  TIOCGWINSZ,
  TIOCNOTTY,
  TIOCNXCL,
  TIOCPKT,
  TIOCPKT_FLUSHREAD,
  TIOCPKT_FLUSHWRITE,
  TIOCPKT_START,
  TIOCPKT_STOP,
  TIOCSCTTY,
  TIOCSPGRP,
  TIOCSPTLCK,
  TIOCSTI,
  TIOCSWINSZ,
  TIOCVHANGUP,
  TOSTOP,
  VMIN,
  VTIME,
} from "@stratos/abi";
import { BytesCursor, byteString } from "@stratos/base";
import { devptsOf } from "./devpts.ts";
import { ROOT } from "../security/credentials.ts";
import { CALL_WORK, movedBefore } from "../ground/call-work.ts";
import type { Task } from "../task/task.ts";
import { UNFINISHED } from "../ground/wait-queue.ts";
import {
  advance,
  asCurrent,
  Call,
  createTestKernel,
  createTestTask,
  type FakeUserMemory,
  type TestKernel,
} from "../testing/fake-task.ts";
import { makeDevice } from "../vfs/device-registry.ts";
import { parseMountOptions } from "../vfs/mount-options.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import { PtyMasterFile } from "./pty.ts";
import { TerminalFile } from "./terminal-file.ts";

let machine: TestKernel;
let task: Task;
let memory: FakeUserMemory;
let master: PtyMasterFile;
let slave: TerminalFile;

function openSlave(by: Task, flags = O_RDWR): TerminalFile {
  const inode = devptsOf(machine.kernel).inodeAt(master.pty.index)!;
  const file = master.pty.open(by, inode, flags, null);
  assert.ok(file instanceof TerminalFile);
  return file;
}

beforeEach(() => {
  machine = createTestKernel();
  ({ task, memory } = createTestTask(machine.kernel));
  const opened = devptsOf(machine.kernel).openMaster(task, O_RDWR, null, null);
  assert.ok(opened instanceof PtyMasterFile);
  master = opened;
  memory.storeU32(64, 0);
  assert.equal(master.ioctl(task, TIOCSPTLCK, 64), 0);
  slave = openSlave(task, O_RDWR | O_NOCTTY);
});

function write(by: Task, file: OpenFile, text: string): Call {
  return new Call(by, () => file.write(by, BytesCursor.ofString(text), -1));
}

function read(by: Task, file: OpenFile, size = 4096): { call: Call; text: () => string } {
  const bytes = new Uint8Array(size);
  const call = new Call(by, () => file.read(by, new BytesCursor(bytes), -1));
  return { call, text: () => byteString(bytes, 0, Math.max(0, call.result ?? 0)) };
}

function textOf(by: Task, file: OpenFile, size = 4096): string {
  const { call, text } = read(by, file, size);
  assert.ok(call.result !== null && call.result >= 0, `read gave ${call.result}`);
  return text();
}

function setLocal(change: (lflag: number) => number, cc: Record<number, number> = {}): void {
  const next = slave.terminal.termios.copy();
  next.lflag = change(next.lflag);
  for (const [index, value] of Object.entries(cc)) next.cc[Number(index)] = value;
  slave.terminal.setTermios(next);
}

test("what is typed on the master is echoed and read as a line", () => {
  const reader = read(task, slave);
  assert.ok(reader.call.isBlocked);
  assert.equal(write(task, master, "hi\r").result, 3);
  assert.equal(reader.call.resume(), 3);
  assert.equal(reader.text(), "hi\n");
  assert.equal(textOf(task, master), "hi\r\n");
});

test("output is post-processed on its way to the master", () => {
  assert.equal(write(task, slave, "a\nb").result, 3);
  assert.equal(textOf(task, master), "a\r\nb");
});

test("a locked terminal can't be opened; it has a number and a device", () => {
  memory.storeU32(64, 1);
  master.ioctl(task, TIOCSPTLCK, 64);
  assert.ok(master.pty.open(task, slave.inode!, O_RDWR, null) === -EIO);
  assert.equal(master.ioctl(task, TIOCGPTN, 64), 0);
  assert.equal(memory.loadU32(64), 0);
  slave.ioctl(task, TIOCGDEV, 64);
  assert.equal(memory.loadU32(64), makeDevice(136, 0));
});

test(
  "the master reads EIO and sees a hang-up once the other side is closed, and " + "goes on when it is opened again",
  () => {
    write(task, slave, "bye");
    slave.release();
    assert.equal(master.poll() & (POLLIN | POLLHUP), POLLIN | POLLHUP);
    assert.equal(textOf(task, master), "bye");
    assert.equal(read(task, master).call.result, -EIO);
    slave = openSlave(task);
    assert.equal(master.poll() & POLLHUP, 0);
    assert.ok(read(task, master).call.isBlocked);
  },
);

test("a blocked master read ends when the other side closes", () => {
  const reader = read(task, master);
  assert.ok(reader.call.isBlocked);
  slave.release();
  assert.equal(reader.call.resume(), -EIO);
});

test(
  "closing the master hangs the terminal up: end of file, EIO, SIGHUP, and the " + "number is free when all is closed",
  () => {
    const shell = createTestTask(machine.kernel);
    const tty = openSlave(shell.task);
    assert.ok(shell.task.group.session.terminal === slave.terminal);
    const reader = read(shell.task, tty);
    assert.ok(reader.call.isBlocked);
    master.release();
    assert.ok(shell.task.group.pending.set.has(SIGHUP));
    assert.equal(read(task, slave).call.result, 0);
    assert.equal(write(task, slave, "x").result, -EIO);
    assert.equal(slave.ioctl(task, TCGETS, 64), -EIO);
    assert.ok((slave.poll() & POLLHUP) !== 0);
    assert.ok(shell.task.group.session.terminal === null);
    assert.ok(devptsOf(machine.kernel).root.lookup("0") === -2);
    assert.ok(devptsOf(machine.kernel).pty(0) !== null);
    slave.release();
    tty.release();
    assert.ok(devptsOf(machine.kernel).pty(0) === null);
  },
);

test("a full master stops writers until it is read", () => {
  const big = "x".repeat(100_000);
  const writer = write(task, slave, big);
  assert.ok(writer.isBlocked);
  assert.equal(slave.poll() & POLLOUT, 0);
  const reader = createTestTask(machine.kernel);
  let text = "";
  while (text.length < big.length) {
    text += textOf(reader.task, master);
    writer.resume();
  }
  assert.equal(writer.result, big.length);
  assert.equal(text, big);
});

test("without blocking a write is short, then EAGAIN; a read is EAGAIN", () => {
  slave.flags |= O_NONBLOCK;
  const big = "x".repeat(100_000);
  const first = write(task, slave, big).result!;
  assert.ok(first > 60_000 && first < big.length);
  assert.equal(write(task, slave, big).result, -EAGAIN);
  assert.equal(read(task, slave).call.result, -EAGAIN);
  master.flags |= O_NONBLOCK;
  while (read(task, master).call.result! > 0);
  assert.equal(read(task, master).call.result, -EAGAIN);
});

test("typing faster than programs read holds the master back", () => {
  setLocal(() => ICANON);
  const lines = "y\n".repeat(50_000);
  const writer = write(task, master, lines);
  assert.ok(writer.isBlocked);
  const reader = createTestTask(machine.kernel);
  let count = 0;
  while (writer.isBlocked) {
    assert.equal(textOf(reader.task, slave), "y\n");
    if (++count % 1000 === 0) writer.resume();
  }
  assert.equal(writer.result, lines.length);
  assert.ok(count > 10_000);
});

test("raw mode: VMIN, VTIME", () => {
  setLocal(() => 0, { [VMIN]: 3, [VTIME]: 0 });
  const three = read(task, slave);
  write(createTestTask(machine.kernel).task, master, "ab");
  assert.equal(slave.poll() & POLLIN, 0);
  three.call.resume();
  assert.ok(three.call.isBlocked);
  write(createTestTask(machine.kernel).task, master, "cd");
  assert.equal(three.call.resume(), 4);

  setLocal(() => 0, { [VMIN]: 0, [VTIME]: 0 });
  assert.equal(read(task, slave).call.result, 0);

  setLocal(() => 0, { [VMIN]: 0, [VTIME]: 5 });
  const timed = read(task, slave);
  assert.ok(timed.call.isBlocked);
  advance(machine, 400);
  assert.equal(timed.call.resume(), null);
  advance(machine, 200);
  assert.equal(timed.call.resume(), 0);

  setLocal(() => 0, { [VMIN]: 5, [VTIME]: 1 });
  const between = read(task, slave);
  advance(machine, 1000);
  assert.equal(between.call.resume(), null);
  write(createTestTask(machine.kernel).task, master, "x");
  assert.equal(between.call.resume(), null);
  advance(machine, 150);
  assert.equal(between.call.resume(), 1);
});

test("packet mode tells about flushing, stopping and starting, and marks data", () => {
  memory.storeU32(64, 1);
  master.ioctl(task, TIOCPKT, 64);
  write(task, slave, "hi");
  assert.equal(textOf(task, master), "\0hi");
  slave.ioctl(task, TCXONC, TCOOFF);
  assert.ok((master.poll() & POLLPRI) !== 0);
  assert.equal(textOf(task, master), String.fromCharCode(TIOCPKT_STOP));
  slave.ioctl(task, TCXONC, TCOON);
  assert.equal(textOf(task, master), String.fromCharCode(TIOCPKT_START));
  slave.ioctl(task, TCFLSH, TCIOFLUSH);
  assert.equal(textOf(task, master), String.fromCharCode(TIOCPKT_FLUSHREAD | TIOCPKT_FLUSHWRITE));
});

test("stopped output makes writers wait and echo is shown when it starts again", () => {
  write(task, master, "\x13");
  assert.equal(slave.poll() & POLLOUT, 0);
  const writer = write(task, slave, "out");
  assert.ok(writer.isBlocked);
  const typist = createTestTask(machine.kernel).task;
  write(typist, master, "ab\x11");
  assert.equal(writer.resume(), 3);
  assert.equal(textOf(task, master), "about");
});

test("settings are kept in the kernel's 36-byte form; termios2 has speeds", () => {
  assert.equal(slave.ioctl(task, TCGETS, 64), 0);
  assert.equal(memory.loadU32(64), 0x500);
  assert.equal(memory.u8[64 + 17], 3);
  assert.equal(memory.u8[64 + 36], 0);
  memory.storeU32(64 + 12, 0);
  assert.equal(slave.ioctl(task, TCSETS, 64), 0);
  assert.equal(slave.terminal.termios.lflag, 0);
  assert.equal(slave.ioctl(task, TCGETS2, 64), 0);
  assert.equal(memory.loadU32(64 + 36), 38400);
  memory.storeU32(64 + 8, 0x1000 | 0x80 | 0x30);
  memory.storeU32(64 + 40, 12345);
  assert.equal(master.ioctl(task, TCSETS2, 64), 0);
  assert.equal(slave.terminal.termios.outputSpeed, 12345);
  assert.equal(slave.ioctl(task, TCGETS, 1 << 20), -14);
});

test("TCSETSF and TCFLSH drop what was typed; FIONREAD counts it", () => {
  write(task, master, "ab\n");
  slave.ioctl(task, FIONREAD, 64);
  assert.equal(memory.loadU32(64), 3);
  slave.ioctl(task, TCGETS, 128);
  slave.ioctl(task, TCSETSF, 128);
  slave.ioctl(task, FIONREAD, 64);
  assert.equal(memory.loadU32(64), 0);
  write(task, master, "ab\n");
  slave.ioctl(task, TCFLSH, TCIFLUSH);
  assert.equal(slave.poll() & POLLIN, 0);
  assert.equal(slave.ioctl(task, TCFLSH, 7), -EINVAL);
});

test("a flush leaves what the master has as its input already", () => {
  slave.ioctl(task, TCGETS, 128);
  memory.storeU32(128 + 4, 0);
  slave.ioctl(task, TCSETS, 128);
  write(task, slave, "x".repeat(5000));
  slave.ioctl(task, TCFLSH, TCOFLUSH);
  master.ioctl(task, FIONREAD, 64);
  assert.equal(memory.loadU32(64), 4095);
});

test("the master's TCXONC stops what is typed, and types what stops the other side", () => {
  assert.equal(master.ioctl(task, TCXONC, TCOOFF), 0);
  assert.equal(master.poll() & POLLOUT, 0);
  const typist = write(task, master, "ab\n");
  assert.ok(typist.isBlocked);
  assert.equal(master.ioctl(task, TCXONC, TCOON), 0);
  assert.equal(typist.resume(), 3);
  assert.equal(master.ioctl(task, TCXONC, TCIOFF), 0);
  assert.ok(slave.terminal.isStopped);
  assert.equal(master.ioctl(task, TCXONC, TCION), 0);
  assert.ok(!slave.terminal.isStopped);
  assert.equal(master.ioctl(task, TCXONC, 4), -EINVAL);
});

test("a new window size reaches the foreground group once", () => {
  const shell = createTestTask(machine.kernel);
  openSlave(shell.task);
  shell.task.group.actions.set(SIGWINCH, { handler: 0x1000, flags: 0, restorer: 0, maskLow: 0, maskHigh: 0 });
  memory.view.setUint16(64, 40, true);
  memory.view.setUint16(66, 100, true);
  memory.storeU32(68, 0);
  assert.equal(master.ioctl(task, TIOCSWINSZ, 64), 0);
  assert.ok(shell.task.group.pending.set.has(SIGWINCH));
  shell.task.group.pending.discard(SIGWINCH);
  master.ioctl(task, TIOCSWINSZ, 64);
  assert.ok(!shell.task.group.pending.set.has(SIGWINCH));
  assert.equal(slave.ioctl(task, TIOCGWINSZ, 72), 0);
  assert.equal(memory.loadU32(72), 40 | (100 << 16));
});

test("job control: foreground, background reads and writes, orphans", () => {
  const shell = createTestTask(machine.kernel);
  const tty = openSlave(shell.task);
  const job = createTestTask(machine.kernel, shell.task, { ownGroup: true });
  const reader = read(job.task, tty);
  assert.ok(reader.call.isBlocked);
  assert.ok(job.task.group.pending.set.has(SIGTTIN), "a background read stops the group");
  job.task.group.pending.discard(SIGTTIN);

  // The shell puts the job into the foreground: the read goes on as an ordinary one.
  shell.memory.storeU32(64, job.task.group.group.id);
  assert.equal(
    asCurrent(shell.task, () => tty.ioctl(shell.task, TIOCSPGRP, 64)),
    0,
  );
  job.task.state = "R";
  reader.call.resume();
  write(task, master, "x\n");
  assert.equal(reader.call.resume(), 2);

  // Now the shell is in the background: it may not take the terminal back unless it ignores SIGTTOU, as shells do.
  shell.memory.storeU32(64, shell.task.group.group.id);
  assert.equal(tty.ioctl(shell.task, TIOCSPGRP, 64), -ENOTTY, "its group is an orphan");
  shell.task.group.actions.set(SIGTTOU, { handler: SIG_IGN, flags: 0, restorer: 0, maskLow: 0, maskHigh: 0 });
  assert.equal(tty.ioctl(shell.task, TIOCSPGRP, 64), 0);

  // Background output is free until TOSTOP.
  assert.equal(write(job.task, tty, "out").result, 3);
  setLocal((lflag) => lflag | TOSTOP);
  assert.ok(write(job.task, tty, "out").isBlocked);
  assert.ok(job.task.group.pending.set.has(SIGTTOU));
  job.task.group.pending.discard(SIGTTOU);

  // Ignored or blocked SIGTTIN, or nobody to continue it: EIO.
  job.task.state = "R";
  job.task.blocked.add(SIGTTIN);
  assert.equal(read(job.task, tty).call.result, -EIO);
  job.task.blocked.delete(SIGTTIN);
  job.task.group.parent = null;
  assert.equal(read(job.task, tty).call.result, -EIO);
});

test("the interrupt character reaches the foreground group only", () => {
  const shell = createTestTask(machine.kernel);
  openSlave(shell.task);
  const job = createTestTask(machine.kernel, shell.task, { ownGroup: true });
  write(task, master, "\x03");
  assert.ok(shell.task.group.pending.set.has(SIGINT));
  assert.ok(!job.task.group.pending.set.has(SIGINT));
  setLocal((lflag) => lflag & ~ISIG);
});

test("controlling terminals: TIOCSCTTY, TIOCGSID, TIOCGPGRP, TIOCNOTTY and their errors", () => {
  const shell = createTestTask(machine.kernel);
  const tty = openSlave(shell.task, O_RDWR | O_NOCTTY);
  assert.ok(shell.task.group.session.terminal === null, "O_NOCTTY");
  assert.equal(tty.ioctl(shell.task, TIOCGPGRP, 64), -ENOTTY);
  assert.equal(tty.ioctl(shell.task, TIOCGSID, 64), -ENOTTY);
  const child = createTestTask(machine.kernel, shell.task);
  assert.equal(tty.ioctl(child.task, TIOCSCTTY, 0), -EPERM, "no session leader");
  assert.equal(tty.ioctl(shell.task, TIOCSCTTY, 0), 0);
  assert.equal(tty.ioctl(shell.task, TIOCSCTTY, 0), 0, "again");
  assert.equal(tty.ioctl(child.task, TIOCGSID, 64), 0);
  assert.equal(child.memory.loadU32(64), shell.task.group.session.id);
  child.memory.storeU32(64, 9999);
  assert.equal(tty.ioctl(child.task, TIOCSPGRP, 64), -ESRCH);
  child.memory.storeU32(64, task.group.group.id);
  assert.equal(tty.ioctl(child.task, TIOCSPGRP, 64), -EPERM);

  // Another session may take it only by force.
  const other = createTestTask(machine.kernel);
  other.task.credentials = { ...ROOT, effective: 0 };
  assert.equal(tty.ioctl(other.task, TIOCSCTTY, 1), -EPERM);
  other.task.credentials = ROOT;
  assert.equal(tty.ioctl(other.task, TIOCSCTTY, 0), -EPERM);
  assert.equal(tty.ioctl(other.task, TIOCSCTTY, 1), 0);
  assert.ok(shell.task.group.session.terminal === null);
  assert.equal(tty.ioctl(shell.task, TIOCNOTTY, 0), -ENOTTY);
  assert.equal(tty.ioctl(other.task, TIOCNOTTY, 0), 0);
  assert.ok(tty.terminal.session === null);
});

test("TIOCSTI and TIOCVHANGUP need rights", () => {
  memory.u8[64] = 10;
  assert.equal(slave.ioctl(task, TIOCSTI, 64), 0);
  assert.equal(textOf(task, slave), "\n");
  task.credentials = { ...ROOT, effective: 0 };
  assert.equal(slave.ioctl(task, TIOCSTI, 64), -EIO);
  assert.equal(slave.ioctl(task, TIOCVHANGUP, 0), -EPERM);
  task.credentials = ROOT;
  assert.equal(slave.ioctl(task, TIOCVHANGUP, 0), 0);
  assert.equal(read(task, slave).call.result, 0);
  assert.equal(slave.ioctl(task, TIOCGETD, 64), -EIO);
});

test("typing that walks the line again and again goes on in pieces", () => {
  const { work } = machine.kernel;
  // A line of 4000 characters; then tabs that are erased (how far one went depends on what stands before it), then the
  // line is asked for anew by each character.
  for (const [typed, bytesAtMost] of [
    ["\t\x7f", 8192],
    ["\x12", 65536],
  ] as const) {
    assert.equal(write(task, master, "x".repeat(4000)).result, 4000);
    work.begin();
    task.syscallState = null;
    const result = master.write(task, BytesCursor.ofString(typed.repeat((1 << 20) / typed.length)));
    assert.equal(result, UNFINISHED);
    assert.ok(work.spent < CALL_WORK + 512, `${work.spent} units`);
    assert.ok(movedBefore(task) <= bytesAtMost, `${movedBefore(task)} bytes in one piece`);
    task.syscallState = null;
    assert.equal(write(task, master, "\x15").result, 1);
    while (master.poll() & POLLIN) textOf(task, master, 65536);
  }
  assert.ok(slave.terminal.input.walked < 10_000);
});

test("devpts lists its terminals and bounds them", () => {
  const names: string[] = [];
  const devpts = devptsOf(machine.kernel);
  devpts.openMaster(task, O_RDWR, null, null);
  devpts.root.list(0, (name) => names.push(name) > 0);
  assert.deepEqual(names, ["ptmx", "0", "1"]);
  assert.equal(devpts.configure(parseMountOptions("gid=5,mode=620,ptmxmode=666,max=2")), 0);
  assert.equal(devpts.options, "gid=5,mode=620,ptmxmode=666");
  assert.ok(devpts.openMaster(task, O_RDWR, null, null) === -28);
  assert.equal(devpts.configure(parseMountOptions("nonsense=1")), -EINVAL);
  assert.ok(devpts.root.lookup("7") === -2);
});

test("TIOCEXCL keeps others than root from opening the terminal, until TIOCNXCL or its last close", () => {
  const { task: other } = createTestTask(machine.kernel);
  other.credentials = { ...ROOT, effective: 0 };
  const opened = (): OpenFile | number =>
    master.pty.open(other, devptsOf(machine.kernel).inodeAt(master.pty.index)!, O_RDWR | O_NOCTTY, null);
  const isExclusive = (): number => {
    assert.equal(slave.ioctl(task, TIOCGEXCL, 64), 0);
    return memory.loadU32(64);
  };
  assert.equal(isExclusive(), 0);
  assert.ok(opened() instanceof TerminalFile);
  assert.equal(slave.ioctl(task, TIOCEXCL, 0), 0);
  assert.equal(isExclusive(), 1);
  assert.equal(opened(), -EBUSY);
  assert.ok(openSlave(task, O_RDWR | O_NOCTTY));
  assert.equal(slave.ioctl(task, TIOCNXCL, 0), 0);
  assert.ok(opened() instanceof TerminalFile);
});

test("a nonblocking master takes what there is room for, and then says so", () => {
  setLocal((lflag) => lflag & ~ICANON);
  master.flags |= O_NONBLOCK;
  const taken = write(task, master, "x".repeat(100_000)).result!;
  assert.ok(taken > 0 && taken < 100_000, String(taken));
  assert.equal(write(task, master, "x").result, -EAGAIN);
  for (let left = taken; left > 0;) left -= textOf(task, slave, 65_536).length;
  assert.equal(write(task, master, "x".repeat(taken - 1)).result, taken - 1);
  assert.equal(write(task, master, "xy").result, 1);
});
