/**
 * Goal: programs reach services of the host over Unix sockets of their file system, with memory that both read. Method:
 * a task that makes system calls, and the host's end beside it.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  AF_UNIX,
  EACCES,
  EADDRINUSE,
  EAGAIN,
  ECONNREFUSED,
  ECONNRESET,
  EINVAL,
  ENOENT,
  EPERM,
  EPIPE,
  F_SEAL_SEAL,
  F_SEAL_WRITE,
  MSG_DONTWAIT,
  SCM_RIGHTS,
  SOCK_STREAM,
} from "@stratos/abi";
import { BytesCursor, copyState } from "@stratos/base";
import { createMemfd } from "../fs/memfd/memfd.ts";
import { createPipe } from "../fs/pipe/pipe-file.ts";
import { SocketTask, unixPath } from "../testing/socket-task.ts";
import { HostConnection } from "./host-connection.ts";
import { HostFile } from "./host-file.ts";
import { type HostListener, openHostListener } from "./host-listener.ts";
import { HostTimer } from "./host-timer.ts";

const PATH = "/service";
const OWNER = { uid: 0, gid: 0, mode: 0o700 };

function listen(user: SocketTask, onReady: () => void = () => {}, owner = OWNER): HostListener {
  const listener = openHostListener(user.task, PATH, owner, onReady);
  assert.ok(typeof listener !== "number", String(listener));
  return listener;
}

function connected(): { user: SocketTask; fd: number; connection: HostConnection; listener: HostListener } {
  const { user } = SocketTask.createMachine();
  const listener = listen(user);
  const fd = user.socket(AF_UNIX, SOCK_STREAM);
  assert.equal(user.connect(fd, unixPath(PATH)), 0);
  const connection = listener.accept();
  assert.ok(connection !== null);
  return { user, fd, connection, listener };
}

function received(connection: HostConnection, files: HostFile[] = []): string | number {
  const bytes = new Uint8Array(100);
  const count = connection.receive(bytes, files);
  return count < 0 ? count : Buffer.from(bytes.subarray(0, count)).toString("latin1");
}

describe("a socket of the host", () => {
  it("tells when a program connects, and who it is", () => {
    const { user } = SocketTask.createMachine();
    let told = 0;
    const listener = listen(user, () => told++);
    assert.equal(listener.accept(), null);
    const fd = user.socket(AF_UNIX, SOCK_STREAM);
    assert.equal(user.connect(fd, unixPath(PATH)), 0);
    assert.equal(told, 1);
    assert.deepEqual(listener.accept()?.peer, { pid: user.task.pid, uid: 0, gid: 0 });
  });

  it("is open to whom its file lets write", () => {
    const { user } = SocketTask.createMachine();
    listen(user, () => {}, { uid: 1000, gid: 1000, mode: 0o700 });
    const fd = user.socket(AF_UNIX, SOCK_STREAM);
    const { credentials } = user.task;
    const as = (fsuid: number): number => {
      user.task.credentials = { ...credentials, fsuid, effective: 0, groups: [] };
      return user.connect(fd, unixPath(PATH));
    };
    assert.equal(as(1001), -EACCES);
    assert.equal(as(1000), 0);
  });

  it("takes the place of one that nobody listens at, and of nothing else", () => {
    const { user } = SocketTask.createMachine();
    const listener = listen(user);
    assert.equal(
      openHostListener(user.task, PATH, OWNER, () => {}),
      -EADDRINUSE,
    );
    assert.equal(
      openHostListener(user.task, "/absent/service", OWNER, () => {}),
      -ENOENT,
    );
    assert.equal(
      openHostListener(user.task, `/${"x".repeat(200)}`, OWNER, () => {}),
      -EINVAL,
    );
    listener.close();
    const fd = user.socket(AF_UNIX, SOCK_STREAM);
    assert.equal(user.connect(fd, unixPath(PATH)), -ENOENT);
    const stale = user.socket(AF_UNIX, SOCK_STREAM);
    assert.equal(user.bind(stale, unixPath(PATH)), 0);
    user.call("close", stale);
    assert.equal(user.connect(fd, unixPath(PATH)), -ECONNREFUSED);
    listen(user);
    assert.equal(user.connect(fd, unixPath(PATH)), 0);
  });
});

describe("a connection", () => {
  it("carries bytes both ways, and tells of each", () => {
    const { user, fd, connection } = connected();
    let told = 0;
    connection.onReady(() => told++);
    assert.equal(received(connection), -EAGAIN);
    user.send(fd, "hello");
    assert.equal(told, 1);
    assert.equal(received(connection), "hello");
    assert.equal(connection.send(new TextEncoder().encode("world")), 5);
    assert.equal(user.receive(fd), "world");
  });

  it("takes what there is room for, and tells when there is more", () => {
    const { user, fd, connection } = connected();
    const piece = new Uint8Array(1 << 16);
    let sent = 0;
    for (let count = 0; (count = connection.send(piece)) > 0;) sent += count;
    assert.equal(connection.send(piece), -EAGAIN);
    let told = 0;
    connection.onReady(() => told++);
    let read = 0;
    while (read < sent) read += (user.receive(fd, 0x6000) as string).length;
    assert.ok(told > 0);
    assert.ok(connection.send(piece) > 0);
  });

  it("keeps what finds no room until there is some, in order, with its files", () => {
    const { user, fd, connection } = connected();
    const sent = Array.from({ length: 12 }, (_, at) => new Uint8Array(1 << 16).fill(at));
    const memory = createMemfd(user.task, "file", 0);
    assert.ok(typeof memory !== "number");
    const file = new HostFile(user.task, memory);
    for (const [at, bytes] of sent.entries()) connection.post(bytes, at === 11 ? [file] : []);
    // The sender has let go of its own.
    file.release();
    assert.ok(connection.outgoingBytes > 0);
    assert.equal(memory.references, 1);
    let read = "";
    while (read.length < 12 << 16) {
      read += user.receive(fd, 0x6000) as string;
      connection.flush();
    }
    assert.equal(connection.outgoingBytes, 0);
    assert.ok([...read].every((letter, at) => letter.charCodeAt(0) === at >> 16));
    for (const bytes of sent) connection.post(bytes, []);
    const other = createMemfd(user.task, "other", 0);
    assert.ok(typeof other !== "number");
    const last = new HostFile(user.task, other);
    other.retain();
    connection.post(Uint8Array.of(1), [last]);
    last.release();
    assert.equal(other.references, 2);
    connection.close();
    assert.equal(other.references, 1, "what never goes is given back");
  });

  it("ends for the host when the program goes, and for the program when the host does", () => {
    const one = connected();
    one.user.send(one.fd, "last");
    one.user.call("close", one.fd);
    assert.equal(received(one.connection), "last");
    assert.equal(received(one.connection), "");
    const other = connected();
    other.connection.send(Uint8Array.of(65));
    other.connection.close();
    assert.equal(other.user.receive(other.fd), "A");
    assert.equal(other.user.receive(other.fd), "");
    assert.equal(other.connection.send(Uint8Array.of(65)) < 0, true);
  });

  it("that is reset is told so", () => {
    const { user, fd, connection } = connected();
    connection.reset();
    assert.equal(user.receive(fd, 10, MSG_DONTWAIT), -ECONNRESET);
  });
});

describe("a file that a program passes", () => {
  it("is read as the program changes it, and gives what is left when it is shortened", () => {
    const { user, fd, connection } = connected();
    const memory = createMemfd(user.task, "pool", 0);
    assert.ok(typeof memory !== "number");
    memory.write(user.task, new BytesCursor(new Uint8Array(10_000).fill(7)), 0);
    const number = user.task.files.install(memory, false, 0, 1024);
    assert.ok(number >= 0);
    user.sendMessage(fd, "x", SCM_RIGHTS, [number]);
    const files: HostFile[] = [];
    assert.equal(received(connection, files), "x");
    const [file] = files;
    assert.equal(file!.sizeBytes, 10_000);
    const bytes = new Uint8Array(4);
    assert.equal(file!.read(bytes, 4094), 4);
    assert.deepEqual([...bytes], [7, 7, 7, 7]);
    memory.write(user.task, new BytesCursor(Uint8Array.of(9)), 4095);
    file!.read(bytes, 4094);
    assert.deepEqual([...bytes], [7, 9, 7, 7]);
    assert.equal(user.call("ftruncate", number, 4096), 0);
    assert.equal(file!.read(bytes, 4094), 2);
    assert.equal(file!.read(bytes, 8000), 0);
    assert.equal(file!.read(bytes, -1), -EINVAL);
    connection.release(file!);
    assert.equal(file!.read(bytes, 0), -EINVAL);
    assert.equal(memory.references, 1);
  });

  it("that would make the host wait has no content, and is given back when the connection ends", () => {
    const { user, fd, connection } = connected();
    const [one] = user.pair(SOCK_STREAM) as [number, number];
    user.sendMessage(fd, "x", SCM_RIGHTS, [one]);
    const files: HostFile[] = [];
    received(connection, files);
    assert.equal(files[0]!.sizeBytes, 0);
    assert.equal(files[0]!.read(new Uint8Array(1), 0), -EINVAL);
    const file = user.task.files.get(one);
    assert.ok(file !== undefined);
    assert.equal(file.references, 2);
    connection.close();
    assert.equal(file.references, 1);
  });

  it("of the host can be read by the program, and changed by nobody", () => {
    const { user, fd, connection } = connected();
    // The task's memory has no areas, which a seal against writing asks for.
    Object.assign(user.task.space, { areas: [] });
    const file = HostFile.ofBytes(user.task, "keymap", new TextEncoder().encode("xkb"));
    assert.ok(typeof file !== "number");
    assert.equal(file.seals & (F_SEAL_SEAL | F_SEAL_WRITE), F_SEAL_SEAL | F_SEAL_WRITE);
    connection.send(Uint8Array.of(65), [file]);
    const { control } = user.receiveMessage(fd);
    const number = new DataView(control[0]!.data.buffer, control[0]!.data.byteOffset).getInt32(0, true);
    assert.equal(user.write(number, "xxx"), -EPERM);
    assert.equal(user.read(number), "xkb");
  });
});

describe("a pipe that a program passes", () => {
  function pipe(user: SocketTask): { reader: number; file: HostFile } {
    const made = createPipe(user.task.kernel, 0, user.task.credentials);
    assert.ok(typeof made !== "number");
    const reader = user.task.files.install(made.reader, false, 0, 1024);
    return { reader, file: new HostFile(user.task, made.writer) };
  }

  it("is written as far as there is room, and tells when there is more", () => {
    const { user } = SocketTask.createMachine();
    const { reader, file } = pipe(user);
    let told = 0;
    file.onRoom(() => told++);
    assert.equal(file.write(new Uint8Array(100_000).fill(65)), 65_536);
    assert.equal(file.write(Uint8Array.of(65)), -EAGAIN);
    const before = told;
    assert.equal(user.read(reader, 8192), "A".repeat(8192));
    assert.ok(told > before);
    assert.equal(file.write(new Uint8Array(100_000)), 8192);
    file.release();
    const after = told;
    user.read(reader, 8192);
    assert.deepEqual([told, file.write(Uint8Array.of(65))], [after, -EINVAL]);
  });

  it("that nobody reads takes nothing, and nothing else than a pipe does", () => {
    const { user } = SocketTask.createMachine();
    const { reader, file } = pipe(user);
    user.call("close", reader);
    assert.equal(file.write(Uint8Array.of(65)), -EPIPE);
    const memory = createMemfd(user.task, "pool", 0);
    assert.ok(typeof memory !== "number");
    assert.equal(new HostFile(user.task, memory).write(Uint8Array.of(65)), -EINVAL);
  });
});

describe("for a program that the host starts", () => {
  it("there is a connection of which it has one end", () => {
    const { user } = SocketTask.createMachine();
    const { connection, file } = HostConnection.pair(user.task);
    const fd = user.task.files.install(file.share(), false, 0, 1024);
    file.release();
    assert.equal(connection.send(Uint8Array.of(104, 105)), 2);
    assert.equal(user.read(fd), "hi");
    user.write(fd, "yes");
    assert.equal(received(connection), "yes");
    user.call("close", fd);
    assert.equal(received(connection), "");
  });

  it("a socket waits with those who have connected, and is the program's to accept from", () => {
    const { user } = SocketTask.createMachine();
    let told = 0;
    const listener = listen(user, () => told++);
    assert.equal(listener.isWaitedFor, false);
    const fd = user.socket(AF_UNIX, SOCK_STREAM);
    assert.equal(user.connect(fd, unixPath(PATH)), 0);
    assert.deepEqual([told, listener.isWaitedFor], [1, true]);
    const shared = user.task.files.install(listener.share(), false, 0, 1024);
    const accepted = user.call("accept", shared, 0, 0);
    assert.ok(accepted >= 0, String(accepted));
    user.write(fd, "to the program");
    assert.equal(user.read(accepted), "to the program");
    assert.equal(listener.isWaitedFor, false);
    // The program has gone: the next one finds the socket as it was.
    user.call("close", shared);
    const next = user.socket(AF_UNIX, SOCK_STREAM);
    assert.equal(user.connect(next, unixPath(PATH)), 0);
    assert.equal(listener.isWaitedFor, true);
  });
});

describe("a timer of the host", () => {
  it("is due once at its time, and not where a machine goes on from a saved or forked one", () => {
    const { user } = SocketTask.createMachine();
    const { timers } = user.task.kernel;
    let told = 0;
    const timer = new HostTimer({ timers }, () => told++);
    timer.set(5000);
    timers.expire(4999);
    assert.deepEqual([told, timers.nextNs], [0, 5000]);
    const copy = copyState({ timers, timer }, { replaced: new Map(), given: new Map() });
    timers.expire(5000);
    timers.expire(9000);
    assert.equal(told, 1);
    copy.timers.expire(5000);
    assert.deepEqual([told, copy.timers.nextNs], [1, Infinity]);
    timer.set(20_000);
    timer.cancel();
    timers.expire(30_000);
    assert.equal(told, 1);
  });
});
