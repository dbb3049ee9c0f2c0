/**
 * Goal: the console and the standard streams join programs and the host's ports. Method: simulated ports, fake tasks.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  EAGAIN,
  EIO,
  EPIPE,
  FIONREAD,
  O_NONBLOCK,
  O_RDWR,
  O_WRONLY,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  SIGHUP,
  SIGINT,
  SIGPIPE,
  SIGWINCH,
  S_IFIFO,
  S_IFMT,
} from "@stratos/abi";
import { BytesCursor, byteString, byteStringOf } from "@stratos/base";
import { SimulatedConsole, SimulatedStreamIn, SimulatedStreamOut } from "@stratos/host";
import { Call, createTestKernel, createTestTask, type TestTask } from "../testing/fake-task.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import { attachConsole, takeTerminal } from "./console.ts";
import { openHostInput, openHostOutput } from "./host-stream.ts";
import { TerminalFile } from "./terminal-file.ts";

function setUp(): { host: SimulatedConsole; shell: TestTask; file: TerminalFile; output: () => string } {
  const { kernel } = createTestKernel();
  const host = new SimulatedConsole(24, 80);
  const terminal = attachConsole(kernel, host);
  const shell = createTestTask(kernel);
  const file = new TerminalFile(terminal, O_RDWR, null, null);
  shell.task.files.install(file, false, 0, 10);
  takeTerminal(shell.task);
  return { host, shell, file, output: () => byteString(host.takeOutput()) };
}

function read({ task }: TestTask, file: OpenFile, size = 4096): { call: Call; text: () => string } {
  const bytes = new Uint8Array(size);
  const call = new Call(task, () => file.read(task, new BytesCursor(bytes), -1));
  return { call, text: () => byteString(bytes, 0, Math.max(0, call.result ?? 0)) };
}

function write({ task }: TestTask, file: OpenFile, text: string): Call {
  return new Call(task, () => file.write(task, BytesCursor.ofString(text), -1));
}

test("keys reach the reader, echo and output the screen", () => {
  const { host, shell, file, output } = setUp();
  assert.ok(shell.task.group.session.terminal === file.terminal, "the first program is controlled by it");
  const { call, text } = read(shell, file);
  host.type(byteStringOf("l\xc3\xa9\x7fs\r"));
  assert.equal(call.resume(), 3);
  assert.equal(text(), "ls\n");
  assert.equal(output(), "l\xc3\xa9\b \bs\r\n");
  assert.equal(write(shell, file, "a\nb").result, 3);
  assert.equal(output(), "a\r\nb");
});

test("Ctrl-C and a new size are signals for the foreground", () => {
  const { host, shell } = setUp();
  shell.task.group.actions.set(SIGWINCH, { handler: 0x1000, flags: 0, restorer: 0, maskLow: 0, maskHigh: 0 });
  host.type(byteStringOf("\x03"));
  assert.ok(shell.task.group.pending.set.has(SIGINT));
  host.resize(24, 80);
  assert.ok(!shell.task.group.pending.set.has(SIGWINCH));
  host.resize(50, 100);
  assert.ok(shell.task.group.pending.set.has(SIGWINCH));
});

test("a slow terminal makes writers wait, and Ctrl-C drops what it has not shown", () => {
  const { host, shell, file, output } = setUp();
  host.capacity = 4096;
  const flood = write(shell, file, "y\n".repeat(100_000));
  assert.equal(flood.result, null, "the writer waits");
  host.show();
  assert.equal(flood.resume(), null, "and waits again when that is full, too");
  host.type(byteStringOf("\x03"));
  assert.ok(shell.task.group.pending.set.has(SIGINT));
  assert.ok(output().length <= 4096 + "^C".length, "only what was shown, and the echo");
  assert.equal(host.pending, "^C".length);
});

test("a long paste waits for its reader", () => {
  const { host, shell, file } = setUp();
  const lines = Array.from({ length: 20_000 }, (_, index) => `line ${index}\n`);
  host.type(byteStringOf(lines.join("")));
  for (const line of lines)
    assert.equal(
      (() => {
        const { text } = read(shell, file);
        return text();
      })(),
      line,
    );
});

test("the end of the host's terminal hangs up", () => {
  const { host, shell, file } = setUp();
  host.hangUp();
  assert.ok(shell.task.group.pending.set.has(SIGHUP));
  assert.equal(read(shell, file).call.result, 0);
  assert.equal(write(shell, file, "x").result, -EIO);
});

test("standard input: waits, delivers, ends; it looks like a pipe", () => {
  const { kernel } = createTestKernel();
  const shell = createTestTask(kernel);
  const stream = new SimulatedStreamIn();
  const file = openHostInput(kernel, stream);
  assert.equal(file.inode!.mode & S_IFMT, S_IFIFO);
  const { call, text } = read(shell, file, 4);
  assert.ok(call.isBlocked);
  stream.feed(byteStringOf("abcdef"));
  assert.equal(call.resume(), 4);
  assert.equal(text(), "abcd");
  assert.equal(file.poll(), POLLIN | 64);
  file.ioctl(shell.task, FIONREAD, 64);
  assert.equal(shell.memory.loadU32(64), 2);
  assert.equal(read(shell, file).text(), "ef");
  file.flags |= O_NONBLOCK;
  assert.equal(read(shell, file).call.result, -EAGAIN);
  stream.end();
  assert.equal(file.poll(), POLLHUP);
  assert.equal(read(shell, file).call.result, 0);
});

test("standard output: a slow reader holds the writer back, one that left breaks the pipe", () => {
  const { kernel } = createTestKernel();
  const shell = createTestTask(kernel);
  const stream = new SimulatedStreamOut(1000);
  const file = openHostOutput(kernel, stream);
  assert.equal(file.flags & 3, O_WRONLY);
  const call = write(shell, file, "x".repeat(2500));
  assert.ok(call.isBlocked);
  assert.equal(file.poll(), 0);
  let taken = 0;
  while (call.isBlocked) {
    taken += stream.take().length;
    call.resume();
  }
  assert.equal(call.result, 2500);
  assert.equal(taken + stream.take().length, 2500);
  const waiting = write(shell, file, "y".repeat(1500));
  assert.ok(waiting.isBlocked);
  stream.break();
  assert.equal(waiting.resume(), 1000, "what was written counts");
  assert.equal(file.poll() & (POLLOUT | POLLERR), POLLOUT | POLLERR);
  assert.equal(write(shell, file, "z").result, -EPIPE);
  assert.ok(shell.task.pending.set.has(SIGPIPE));
});
