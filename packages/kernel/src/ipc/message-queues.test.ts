/** Goal: System V messages (msgop(2), msgctl(2)). Method: processes without a processor call, sleep and are woken. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  E2BIG,
  EACCES,
  EAGAIN,
  EFAULT,
  EIDRM,
  EINVAL,
  ENOMSG,
  EPERM,
  IPC_NOWAIT,
  IPC_RMID,
  IPC_SET,
  IPC_STAT,
  MSG_COPY,
  MSG_EXCEPT,
  MSG_NOERROR,
} from "@stratos/abi";
import { byteString } from "@stratos/base";
import { type Call, createTestKernel, createTestTask, type TestTask } from "../testing/fake-task.ts";
import { begin, call } from "../testing/system-calls.ts";

const AT = 0x100,
  SPACE = 0x8000;

class Peer {
  readonly made: TestTask;
  readonly id: number;

  constructor(made: TestTask, id: number) {
    this.made = made;
    this.id = id;
  }

  beginSend(type: number, text: string, flags = 0): Call {
    const { task, memory } = this.made;
    memory.storeU64(AT, type);
    for (let index = 0; index < text.length; index++) memory.u8[AT + 8 + index] = text.charCodeAt(index);
    return begin(task, "msgsnd", this.id, AT, text.length, flags);
  }

  send(type: number, text: string): number | null {
    return this.beginSend(type, text, IPC_NOWAIT).result;
  }

  beginReceive(type: number, flags = 0, size = SPACE): Call {
    return begin(this.made.task, "msgrcv", this.id, AT, size, type, flags);
  }

  /** Such as `7 text`; a negated errno. */
  receive(type: number, flags = 0, size = SPACE): string | number {
    return this.received(this.beginReceive(type, flags | IPC_NOWAIT, size).result!);
  }

  received(result: number): string | number {
    const { memory } = this.made;
    return result < 0 ? result : `${memory.loadU64(AT)} ${byteString(memory.u8, AT + 8, AT + 8 + result)}`;
  }

  control(command: number, address = 0): number {
    return call(this.made.task, "msgctl", this.id, command, address);
  }
}

function peers(count: number): Peer[] {
  const { kernel } = createTestKernel();
  const first = createTestTask(kernel);
  const id = call(first.task, "msgget", 0, 0o600);
  return Array.from({ length: count }, (_, index) => new Peer(index === 0 ? first : createTestTask(kernel), id));
}

test("messages come in order; a type, another type, or the lowest up to a bound may be asked for", () => {
  const [peer] = peers(1) as [Peer];
  const all = ["5 a", "3 b", "9 c", "3 d", "2 e", "7 f", "5 g"];
  for (const message of all) assert.equal(peer.send(Number(message[0]), message.slice(2)), 0);
  assert.equal(peer.receive(0), "5 a");
  assert.equal(peer.receive(9), "9 c");
  assert.equal(peer.receive(3, MSG_EXCEPT), "2 e");
  assert.equal(peer.receive(-4), "3 b");
  assert.equal(peer.receive(-4), "3 d");
  assert.equal(peer.receive(-4), -ENOMSG);
  assert.equal(peer.receive(-7), "5 g");
  assert.equal(peer.receive(8), -ENOMSG);
  assert.equal(peer.receive(7, MSG_EXCEPT), -ENOMSG);
  assert.equal(peer.receive(-7), "7 f");
});

test("a message that is too long stays, or is cut when that is allowed", () => {
  const [peer] = peers(1) as [Peer];
  peer.send(1, "seven b");
  assert.equal(peer.receive(0, 0, 6), -E2BIG);
  assert.equal(peer.receive(0, MSG_NOERROR, 6), "1 seven ");
  assert.equal(peer.receive(0), -ENOMSG);
  peer.send(1, "");
  assert.equal(peer.receive(0, 0, 0), "1 ");
});

test("MSG_COPY looks at a place of the queue and takes nothing", () => {
  const [peer] = peers(1) as [Peer];
  peer.send(4, "x");
  peer.send(5, "y");
  assert.equal(peer.receive(1, MSG_COPY), "5 y");
  assert.equal(peer.receive(2, MSG_COPY), -ENOMSG);
  assert.equal(peer.receive(0, MSG_COPY | MSG_EXCEPT), -EINVAL);
  assert.equal(peer.beginReceive(0, MSG_COPY).result, -EINVAL);
  assert.equal(peer.receive(0, MSG_COPY, 0), -E2BIG);
  assert.equal(peer.receive(0, MSG_COPY | MSG_NOERROR, 0), -EINVAL);
  assert.deepEqual([peer.receive(0), peer.receive(0)], ["4 x", "5 y"]);
});

test("a receiver sleeps until a message for it comes", () => {
  const [sender, receiver] = peers(2) as [Peer, Peer];
  const waiting = receiver.beginReceive(3);
  assert.ok(waiting.isBlocked);
  sender.send(2, "not yours");
  assert.equal(waiting.resume(), null);
  sender.send(3, "yours");
  assert.equal(receiver.received(waiting.resume()!), "3 yours");
});

test("a sender sleeps while the queue is full, by bytes and by number", () => {
  const [sender, receiver] = peers(2) as [Peer, Peer];
  for (let count = 0; count < 2; count++) assert.equal(sender.send(1, "x".repeat(8192)), 0);
  assert.equal(sender.send(1, "y"), -EAGAIN);
  const waiting = sender.beginSend(2, "late");
  assert.equal(waiting.resume(), null);
  receiver.receive(0);
  assert.equal(waiting.resume(), 0);
  receiver.receive(0);
  assert.equal(receiver.receive(0), "2 late");
  const { memory } = sender.made;
  sender.control(IPC_STAT, AT);
  memory.storeU64(AT + 88, 2);
  assert.equal(sender.control(IPC_SET, AT), 0);
  assert.deepEqual([sender.send(1, ""), sender.send(1, ""), sender.send(1, "")], [0, 0, -EAGAIN]);
});

test("a bigger queue lets a sender go on; only CAP_SYS_RESOURCE makes it bigger than msgmnb", () => {
  const [sender, other] = peers(2) as [Peer, Peer];
  for (let count = 0; count < 2; count++) sender.send(1, "x".repeat(8192));
  const waiting = sender.beginSend(2, "late");
  other.control(IPC_STAT, AT);
  other.made.memory.storeU64(AT + 88, 16385);
  const root = other.made.task.credentials;
  other.made.task.credentials = { ...root, effective: 0 };
  assert.equal(other.control(IPC_SET, AT), -EPERM);
  other.made.task.credentials = root;
  assert.equal(other.control(IPC_SET, AT), 0);
  assert.equal(waiting.resume(), null);
  other.made.memory.storeU64(AT + 88, 2 ** 33 + 1);
  other.control(IPC_SET, AT);
  assert.equal(waiting.resume(), 0);
  other.control(IPC_STAT, AT);
  assert.equal(other.made.memory.loadU64(AT + 88), 2 ** 33 + 1);
});

test("who waits for a queue that is removed is told so", () => {
  const [sender, receiver, remover] = peers(3) as [Peer, Peer, Peer];
  const receiving = receiver.beginReceive(3);
  for (let count = 0; count < 2; count++) sender.send(1, "x".repeat(8192));
  const sending = sender.beginSend(1, "z");
  assert.equal(remover.control(IPC_RMID), 0);
  assert.deepEqual([receiving.resume(), sending.resume()], [-EIDRM, -EIDRM]);
  assert.equal(remover.receive(0), -EINVAL);
});

test("IPC_STAT tells times, processes, bytes and messages", () => {
  const [sender, receiver] = peers(2) as [Peer, Peer];
  const { memory, task } = sender.made;
  const now = task.kernel.realtime().seconds;
  const stat = (): number[] => {
    assert.equal(sender.control(IPC_STAT, 0x1000), 0);
    return [48, 56, 64, 72, 80, 88].map((offset) => memory.loadU64(0x1000 + offset));
  };
  assert.deepEqual(stat(), [0, 0, now, 0, 0, 16384]);
  sender.send(1, "four");
  sender.send(1, "sixsix");
  assert.deepEqual(stat(), [now, 0, now, 10, 2, 16384]);
  receiver.receive(0);
  assert.deepEqual(stat(), [now, now, now, 6, 1, 16384]);
  assert.deepEqual(
    [96, 100].map((offset) => memory.loadU32(0x1000 + offset)),
    [task.pid, receiver.made.task.pid],
  );
});

test("bad sizes, types, addresses and rights are refused", () => {
  const [peer] = peers(1) as [Peer];
  const { task, memory } = peer.made;
  memory.storeU64(AT, 1);
  assert.equal(call(task, "msgsnd", peer.id, AT, 8193, 0), -EINVAL);
  assert.equal(call(task, "msgsnd", peer.id, AT, -1, 0), -EINVAL);
  assert.equal(call(task, "msgsnd", -1, AT, 1, 0), -EINVAL);
  assert.equal(call(task, "msgsnd", peer.id, 0x7fffffff, 1, 0), -EFAULT);
  assert.equal(peer.send(0, "x"), -EINVAL);
  assert.equal(peer.send(-5, "x"), -EINVAL);
  assert.equal(call(task, "msgrcv", peer.id, AT, -1, 0, IPC_NOWAIT), -EINVAL);
  peer.send(1, "lost");
  assert.equal(call(task, "msgrcv", peer.id, 0x7fffffff, 100, 0, 0), -EFAULT);
  // It is gone all the same, as on Linux.
  assert.equal(peer.receive(0), -ENOMSG);
  memory.storeU64(AT + 88, 16384);
  memory.storeU32(AT + 20, 0o200);
  assert.equal(peer.control(IPC_SET, AT), 0);
  task.credentials = { ...task.credentials, effective: 0 };
  assert.equal(peer.receive(0), -EACCES);
  assert.equal(peer.control(IPC_STAT, AT), -EACCES);
  assert.equal(peer.send(1, "x"), 0);
  task.credentials = { ...task.credentials, uid: 9, euid: 9, egid: 9 };
  assert.equal(peer.send(1, "x"), -EACCES);
  assert.equal(peer.control(IPC_RMID), -EPERM);
});
