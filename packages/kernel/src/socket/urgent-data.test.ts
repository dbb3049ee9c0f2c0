/**
 * MSG_OOB on streams, over AF_UNIX and TCP: tcp(7), unix(7), and what Linux 6.18 answers to the same steps. Each
 * script runs twice: as it stands, and with a MSG_PEEK before each receive, which must change nothing.
 *
 *     ">ab"  send        ">ab!"  send with MSG_OOB: "b" is urgent     "inline"  SO_OOBINLINE
 *     "<9 ab" receive 9 bytes, "ab" come     "!b" receive with MSG_OOB     "<9 -"  EAGAIN     "!-"  EINVAL
 *     "mark", "no mark"  SIOCATMARK          "pri", "no pri"  POLLPRI
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  AF_INET,
  AF_UNIX,
  EAGAIN,
  EINVAL,
  EOPNOTSUPP,
  F_SETOWN,
  MSG_DONTWAIT,
  MSG_OOB,
  MSG_PEEK,
  MSG_WAITALL,
  POLLIN,
  POLLOUT,
  POLLPRI,
  SCM_RIGHTS,
  SIGURG,
  SIOCATMARK,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  SOL_SOCKET,
  SO_OOBINLINE,
} from "@stratos/abi";
import { takeSignal } from "../signal/send-signal.ts";
import { inet, SocketTask } from "../testing/socket-task.ts";

type Pair = readonly [number, number];

function unixPair(user: SocketTask): Pair {
  const pair = user.pair(SOCK_STREAM, AF_UNIX);
  assert.ok(typeof pair !== "number");
  return pair;
}

function tcpPair(user: SocketTask): Pair {
  const listener = user.socket(AF_INET, SOCK_STREAM);
  user.bind(listener, inet("127.0.0.1", 0));
  user.call("listen", listener, 1);
  const client = user.socket(AF_INET, SOCK_STREAM);
  assert.equal(user.connect(client, inet("127.0.0.1", user.port(listener))), 0);
  return [client, user.call("accept", listener, 0, 0)];
}

const FAMILIES = [
  { name: "AF_UNIX", pairOf: unixPair },
  { name: "TCP", pairOf: tcpPair },
] as const;

/** Alike for both families. */
const SCRIPTS: Record<string, string[]> = {
  "without any there is none": [">x", "!-", "no mark", "no pri", "<1 x"],
  "is taken ahead of what was sent before": [">hello!", "pri", "!o", "no pri", "!-", "<4 hell", "mark", "<9 -"],
  "ends a read though there is room": [">hello!", "no mark", "<9 hell", "mark", "!o"],
  "ends a read after it was taken too": [">hello!", ">world", "!o", "<9 hell", "mark", "<9 world", "no mark"],
  "is dropped by a read that begins with it": [">hello!", ">world", "<9 hell", "<9 world", "no mark", "!-"],
  "is dropped when nothing follows": [">x!", "mark", "<1 -", "no mark", "no pri", "!-"],
  "is an ordinary byte when another comes": [">hello!", ">wor!", ">ld", "<9 hellowo", "mark", "!r", "<9 ld"],
  "in the stream it ends the read before it": ["inline", ">hello!", ">world", "!-", "<9 hell", "mark", "<9 oworld"],
  "in the stream one alone is read": ["inline", ">x!", "mark", "<9 x", "no mark", "<1 -"],
};

/** Where TCP, which knows one mark, differs. */
const UNIX_SCRIPTS: Record<string, string[]> = {
  "first of two stays an ordinary byte": [">x!", ">y!", "no mark", "<9 x", "mark", "!y", "<1 -"],
  "first of two stays when the second is taken": [">x!", ">y!", "!y", "<9 x", "<1 -"],
  "that was taken leaves no mark once another came": [
    ">hello!",
    ">wor!",
    "!r",
    ">ld!",
    "<9 hellowol",
    "mark",
    "!d",
    "<1 -",
  ],
};
const TCP_SCRIPTS: Record<string, string[]> = {
  "first of two goes when it was next to be read": [">x!", ">y!", "mark", "!y", "<9 -"],
  "that was taken is read when another came": [">hello!", ">wor!", "!r", ">ld!", "<9 helloworl", "!d", "<1 -"],
};

function isAtMark(user: SocketTask, fd: number): boolean {
  assert.equal(user.task.files.get(fd)!.ioctl(user.task, SIOCATMARK, 0x7000), 0);
  return user.memory.view.getInt32(0x7000, true) === 1;
}

function takeUrgentSignal({ task }: SocketTask): boolean {
  return takeSignal(task, (signal) => signal === SIGURG) !== null;
}

function run(user: SocketTask, [one, other]: Pair, script: string[], peeks: boolean): void {
  const receive = (count: number, flags: number, expected: string | number, step: string): void => {
    for (const peek of peeks ? [MSG_PEEK, 0] : [0])
      assert.equal(
        user.receive(other, count, flags | peek | MSG_DONTWAIT),
        expected,
        `${step} of ${script.join(", ")}`,
      );
  };
  for (const step of script) {
    if (step === "inline") assert.equal(user.setInt(other, SOL_SOCKET, SO_OOBINLINE, 1), 0);
    else if (step.endsWith("mark")) {
      assert.equal(isAtMark(user, other), step === "mark", `${step} of ${script.join(", ")}`);
    } else if (step.endsWith("pri")) {
      assert.equal((user.poll(other) & POLLPRI) !== 0, step === "pri", `${step} of ${script.join(", ")}`);
    } else if (step.startsWith(">")) {
      const text = step.replace(/^>|!$/g, "");
      assert.equal(user.send(one, text, step.endsWith("!") ? MSG_OOB : 0), text.length);
    } else if (step.startsWith("!")) receive(1, MSG_OOB, step === "!-" ? -EINVAL : step.slice(1), step);
    else receive(Number(step[1]), 0, step.slice(3) === "-" ? -EAGAIN : step.slice(3), step);
  }
}

for (const { name, pairOf } of FAMILIES) {
  describe(`an urgent byte over ${name}`, () => {
    for (const [what, script] of Object.entries({ ...SCRIPTS, ...(name === "TCP" ? TCP_SCRIPTS : UNIX_SCRIPTS) })) {
      it(what, () => {
        for (const peeks of [false, true]) {
          const { user } = SocketTask.createMachine();
          run(user, pairOf(user), script, peeks);
        }
      });
    }

    it("sends SIGURG to the receiver's owner, once", () => {
      const { user } = SocketTask.createMachine();
      const [one, other] = pairOf(user);
      user.task.blocked.add(SIGURG); // else it is ignored
      assert.equal(user.call("fcntl", other, F_SETOWN, user.task.pid), 0);
      user.send(one, "x");
      assert.equal(takeUrgentSignal(user), false);
      user.send(one, "x", MSG_OOB);
      assert.equal(takeUrgentSignal(user), true);
      user.send(one, "x");
      assert.equal(takeUrgentSignal(user), false);
    });

    it("ends a receive that waits for all", () => {
      const { test, user } = SocketTask.createMachine();
      const [one, other] = pairOf(user);
      const reader = new SocketTask(test.kernel, user);
      reader.task.files = user.task.files;
      user.send(one, "ab");
      const call = reader.startReceive(other, 5, MSG_WAITALL);
      assert.ok(call.isBlocked);
      user.send(one, "!", MSG_OOB);
      assert.equal(call.resume(), 2);
      assert.equal(user.receive(other, 1, MSG_OOB), "!");
    });

    it("gives its room back, taken, dropped or read", () => {
      const { test, user } = SocketTask.createMachine();
      const [one, other] = pairOf(user);
      const { inFlight, tcpMemory } = test.kernel.network;
      const used = (): number => inFlight.memory.bytes + tcpMemory.bytes;
      for (const script of [
        [">x!", "!x", "<1 -"],
        [">x!", "<1 -"],
        ["inline", ">x!", "<1 x"],
      ]) {
        run(user, [one, other], script, false);
        assert.equal(used(), 0);
      }
    });
  });
}

describe("an urgent byte over AF_UNIX alone", () => {
  it("wakes a sender without room when it is dropped", () => {
    const { test, user } = SocketTask.createMachine();
    const [one, other] = unixPair(user);
    user.send(one, "x", MSG_OOB);
    while (user.send(one, new Uint8Array(0x4000), MSG_DONTWAIT) > 0);
    const sender = new SocketTask(test.kernel, user);
    sender.task.files = user.task.files;
    const call = sender.startSend(one, "y");
    assert.ok(call.isBlocked);
    assert.equal(user.receive(other, 1), "\0");
    assert.equal(call.resume(), 1);
    assert.equal(user.poll(other) & POLLIN, POLLIN);
    assert.equal(user.poll(one) & POLLOUT, 0);
  });

  it("closes the files that it carried when it is dropped, and leaves others to their bytes", () => {
    const { test, user } = SocketTask.createMachine();
    const [one, other] = unixPair(user);
    const [sent] = unixPair(user);
    const file = user.task.files.get(sent)!;
    user.sendMessage(one, "x", SCM_RIGHTS, [sent], MSG_OOB);
    user.send(one, "y");
    assert.equal(test.kernel.network.inFlight.total, 1);
    const message = user.receiveMessage(other);
    assert.deepEqual([message.text, message.control.length], ["y", 0]);
    assert.equal(test.kernel.network.inFlight.total, 0);
    assert.equal(user.task.files.get(sent), file);
    user.sendMessage(one, "hello", SCM_RIGHTS, [sent], MSG_OOB);
    const carried = user.receiveMessage(other);
    assert.deepEqual([carried.text, carried.control.length], ["hell", 1]);
  });

  it("is refused where there is no stream, and where there is no byte", () => {
    const { user } = SocketTask.createMachine();
    const packets = user.pair(SOCK_SEQPACKET, AF_UNIX);
    assert.ok(typeof packets !== "number");
    assert.equal(user.send(packets[0], "x", MSG_OOB), -EOPNOTSUPP);
    assert.equal(user.receive(packets[1], 1, MSG_OOB), -EOPNOTSUPP);
    assert.equal(user.send(unixPair(user)[0], "", MSG_OOB), -EOPNOTSUPP);
  });
});
