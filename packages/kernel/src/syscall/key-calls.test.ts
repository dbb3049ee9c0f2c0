/**
 * Goal: what tests/abi/keyrings.c can't show of keys: types that its Linux lacks, keys of users that are gone, bounds
 * of a machine, time. Method: tasks whose memory is one array.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  EACCES,
  EDQUOT,
  EINVAL,
  EIO,
  EKEYEXPIRED,
  EKEYREJECTED,
  EKEYREVOKED,
  ENOKEY,
  EPERM,
  KEYCTL_ASSUME_AUTHORITY,
  KEYCTL_CHOWN,
  KEYCTL_DESCRIBE,
  KEYCTL_GET_KEYRING_ID,
  KEYCTL_GET_PERSISTENT,
  KEYCTL_INSTANTIATE,
  KEYCTL_JOIN_SESSION_KEYRING,
  KEYCTL_LINK,
  KEYCTL_READ,
  KEYCTL_REJECT,
  KEYCTL_SET_TIMEOUT,
  KEYCTL_UPDATE,
  KEY_POS_ALL,
  KEY_SPEC_REQKEY_AUTH_KEY as AUTHORITY,
  KEY_SPEC_REQUESTOR_KEYRING as REQUESTOR,
  KEY_SPEC_SESSION_KEYRING as SESSION,
  KEY_SPEC_THREAD_KEYRING as THREAD,
  KEY_SPEC_USER_KEYRING as USER,
} from "@stratos/abi";
import { byteString, byteStringOf } from "@stratos/base";
import type { SimulatedClock } from "@stratos/host";
import { describeKeys, describeKeyUsers } from "../keys/describe-keys.ts";
import type { Key } from "../keys/key.ts";
import { AUTHORITY_TYPE, KeyRequest } from "../keys/key-request.ts";
import type { AddressSpace } from "../mm/address-space.ts";
import { UserNamespace } from "../security/user-namespace.ts";
import type { Task } from "../task/task.ts";
import { createTestKernel, createTestTask, FakeUserMemory } from "../testing/fake-task.ts";
import { begin, call } from "../testing/system-calls.ts";

const TYPE = 64,
  NAME = 128,
  BYTES = 4096;

interface Machine {
  readonly task: Task;
  readonly memory: FakeUserMemory;
  readonly clock: SimulatedClock;
}

function setUp(): Machine {
  const { kernel, clock } = createTestKernel();
  const { task } = createTestTask(kernel);
  const memory = new FakeUserMemory(2 << 20);
  task.space = memory as unknown as AddressSpace;
  return { task, memory, clock };
}

function add({ task, memory }: Machine, type: string, name: string, length: number, ring: number): number {
  memory.u8.set(byteStringOf(`${type}\0`), TYPE);
  memory.u8.set(byteStringOf(`${name}\0`), NAME);
  return call(task, "add_key", TYPE, NAME, BYTES, length, ring);
}

function described({ task, memory }: Machine, id: number): string {
  const length = call(task, "keyctl", KEYCTL_DESCRIBE, id, BYTES, 4096);
  return byteString(memory.u8, BYTES, BYTES + length - 1);
}

/** The numbers of /proc/key-users for one user. */
function counts(task: Task, uid: number): string | undefined {
  return new RegExp(`^ *${uid}: .*$`, "m").exec(describeKeyUsers(task))?.[0].trim().replace(/ +/g, " ");
}

test("a big_key holds up to a megabyte and counts for little", () => {
  const machine = setUp();
  const { task, memory } = machine;
  assert.equal(add(machine, "big_key", "big", 1 << 20, THREAD), -EINVAL);
  memory.u8[BYTES + 1_000_000] = 7;
  const big = add(machine, "big_key", "big", (1 << 20) - 1, THREAD);
  assert.ok(big > 0);
  memory.u8[BYTES + 1_000_000] = 0;
  assert.equal(call(task, "keyctl", KEYCTL_READ, big, BYTES, 1 << 20), (1 << 20) - 1);
  assert.equal(memory.u8[BYTES + 1_000_000], 7);
  assert.equal(counts(task, 0), "0: 3 2/2 2/1000000 29/25000000");
});

test("a machine has room for 32 MiB in keys, whoever has them", () => {
  const machine = setUp();
  const made = Array.from({ length: 33 }, (_, index) => add(machine, "big_key", `big ${index}`, (1 << 20) - 1, THREAD));
  assert.equal(made.filter((key) => key > 0).length, 31);
  assert.equal(made.at(-1), -EDQUOT);
});

test("a machine has 65,536 links", () => {
  const machine = setUp();
  const { keys } = machine.task.kernel;
  const rings = Array.from({ length: 300 }, (_, index) => add(machine, "keyring", `ring ${index}`, 0, THREAD));
  let refused = 0;
  for (const ring of rings)
    for (const other of keys.all.values())
      if (other.links === null || other.serial !== ring) refused ||= Math.min(0, keys.link(keys.all.get(ring)!, other));
  assert.equal(refused, -EDQUOT);
  assert.equal(
    [...keys.all.values()].reduce((sum, { links }) => sum + (links?.size ?? 0), 0),
    65_536,
  );
});

test("an expired key leaves its keyrings some minutes later", () => {
  const machine = setUp();
  const { task, clock } = machine;
  const key = add(machine, "user", "short", 1, THREAD);
  assert.equal(call(task, "keyctl", KEYCTL_SET_TIMEOUT, key, 10), 0);
  clock.advance(11e9);
  assert.equal(call(task, "keyctl", KEYCTL_READ, key, 0, 0), -EKEYEXPIRED);
  clock.advance(300e9);
  assert.equal(call(task, "keyctl", KEYCTL_READ, key, 0, 0), -ENOKEY);
  assert.equal(call(task, "keyctl", KEYCTL_READ, THREAD, 0, 0), 0);
});

test("a key of another user's process is counted as his, and given back when it goes", () => {
  const machine = setUp();
  const { task } = machine;
  const key = add(machine, "user", "given", 5, THREAD);
  assert.equal(call(task, "keyctl", KEYCTL_CHOWN, key, 7, -1), 0);
  assert.equal(counts(task, 7), "7: 1 1/1 1/200 11/20000");
  task.keyrings.release();
  assert.equal(counts(task, 7), undefined);
  assert.equal(describeKeys(task), "");
});

test("a user namespace has keyrings of its own, which go with it", () => {
  const machine = setUp();
  const { task } = machine;
  const { kernel, credentials } = task;
  const outer = call(task, "keyctl", KEYCTL_GET_KEYRING_ID, USER, 0);
  const counter = kernel.namespaceCounts;
  assert.ok(counter.charge(credentials.userNamespace, 0, "user"));
  const namespace = new UserNamespace(
    credentials.userNamespace,
    { ino: 1, counts: counter },
    { uid: 0, gid: 0, mayMapRoot: true },
  ).retain();
  task.credentials = { ...credentials, userNamespace: namespace };
  assert.notEqual(call(task, "keyctl", KEYCTL_GET_KEYRING_ID, USER, 0), outer);
  const inner = kernel.keys.all.size;
  task.credentials = credentials;
  namespace.release();
  // It is seen when a register is asked for.
  assert.equal(call(task, "keyctl", KEYCTL_GET_PERSISTENT, -1, THREAD) > 0, true);
  assert.equal(kernel.keys.all.size, inner - 3 + 3);
});

test("a thread has the process's keyring, and one of its own where its maker has; a child the session's alone", () => {
  const machine = setUp();
  const { task } = machine;
  const session = call(task, "keyctl", KEYCTL_JOIN_SESSION_KEYRING, 0);
  add(machine, "user", "a", 1, THREAD);
  add(machine, "user", "a", 1, -2);
  const thread = task.keyrings.forClone(true, task.credentials);
  assert.equal(thread.process, task.keyrings.process);
  assert.notEqual(thread.thread, task.keyrings.thread);
  assert.equal(thread.thread!.links!.size, 0);
  const child = task.keyrings.forClone(false, task.credentials);
  assert.deepEqual([child.session!.serial, child.process, child.thread], [session, null, null]);
  task.keyrings.release();
  thread.release();
  assert.equal(task.kernel.keys.all.size, 1);
  child.release();
  assert.equal(task.kernel.keys.all.size, 0);
});

test("a thread's keyring follows the user of the thread", () => {
  const machine = setUp();
  call(machine.task, "keyctl", KEYCTL_GET_KEYRING_ID, THREAD, 1);
  assert.match(described(machine, THREAD), /^keyring;0;0;/);
  call(machine.task, "setresgid", 6, 6, 6);
  call(machine.task, "setresuid", 5, 5, 5);
  assert.match(described(machine, THREAD), /^keyring;5;6;/);
});

test("what a keyring leads to is read and written by its possessor alone", () => {
  const machine = setUp();
  const { task } = machine;
  const key = add(machine, "user", "mine", 1, SESSION);
  const ring = add(machine, "keyring", "ring", 0, SESSION);
  assert.equal(call(task, "keyctl", KEYCTL_LINK, key, ring), 0);
  task.keyrings.put("session", null);
  // Nothing holds it any more.
  assert.equal(call(task, "keyctl", KEYCTL_UPDATE, key, BYTES, 1), -ENOKEY);
  const other = add(machine, "user", "other", 1, USER);
  call(task, "keyctl", KEYCTL_JOIN_SESSION_KEYRING, 0);
  assert.equal(call(task, "keyctl", KEYCTL_UPDATE, other, BYTES, 1), -EACCES);
  assert.equal(call(task, "keyctl", KEYCTL_LINK, USER, SESSION), 0);
  assert.equal(call(task, "keyctl", KEYCTL_UPDATE, other, BYTES, 1), 0);
});

test("/proc/sys/kernel/keys bounds users, root and time", () => {
  const machine = setUp();
  const { task, clock } = machine;
  const { settings } = task.kernel.keys;
  add(machine, "user", "first", 1, THREAD);
  settings.root_maxkeys = 2;
  assert.equal(add(machine, "user", "third", 1, THREAD), -EDQUOT);
  settings.root_maxkeys = 10;
  settings.root_maxbytes = 30;
  assert.equal(add(machine, "user", "third", 10, THREAD), -EDQUOT);
  settings.root_maxbytes = 100;
  settings.gc_delay = 0;
  const key = add(machine, "user", "third", 1, THREAD);
  assert.equal(call(task, "keyctl", KEYCTL_SET_TIMEOUT, key, 1), 0);
  clock.advance(2e9);
  assert.equal(call(task, "keyctl", KEYCTL_READ, key, 0, 0), -ENOKEY);
  settings.persistent_keyring_expiry = 5;
  const persistent = call(task, "keyctl", KEYCTL_GET_PERSISTENT, -1, THREAD);
  clock.advance(4e9);
  assert.equal(call(task, "keyctl", KEYCTL_GET_PERSISTENT, -1, THREAD), persistent, "its time begins anew");
  clock.advance(4e9);
  assert.equal(call(task, "keyctl", KEYCTL_GET_PERSISTENT, -1, THREAD), persistent);
  clock.advance(6e9);
  assert.notEqual(call(task, "keyctl", KEYCTL_GET_PERSISTENT, -1, THREAD), persistent);
  call(task, "setresuid", 5, 5, 5);
  settings.maxkeys = 1;
  assert.ok(add(machine, "keyring", "own", 0, THREAD) > 0);
  assert.equal(add(machine, "keyring", "more", 0, THREAD), -EDQUOT);
  settings.maxkeys = 10;
  settings.maxbytes = 8;
  assert.equal(add(machine, "keyring", "more", 0, THREAD), -EDQUOT);
});

test("a key's owner has the owner's rights without possessing it; others have none", () => {
  const machine = setUp();
  const key = add(machine, "user", "mine", 1, THREAD);
  const { task: other } = createTestTask(machine.task.kernel);
  assert.ok(call(other, "keyctl", KEYCTL_DESCRIBE, key, 0, 0) > 0);
  assert.equal(call(other, "keyctl", KEYCTL_READ, key, 0, 0), -EACCES);
  call(other, "setresuid", 5, 5, 5);
  assert.equal(call(other, "keyctl", KEYCTL_DESCRIBE, key, 0, 0), -EACCES);
});

test("/proc/keys tells the time that is left in the largest unit that there is one of", () => {
  const machine = setUp();
  const { task } = machine;
  const key = add(machine, "user", "mine", 1, THREAD);
  const left = (seconds: number): string => {
    call(task, "keyctl", KEYCTL_SET_TIMEOUT, key, seconds);
    return /(\S+) \S+ +\d+ +\d+ user +mine/.exec(describeKeys(task))![1]!;
  };
  assert.deepEqual([0, 59, 60, 3599, 3600, 86_399, 86_400, 604_799, 604_800].map(left), [
    ...["perm", "59s", "1m", "59m", "1h", "23h", "1d", "6d", "1w"],
  ]);
});

const HELPER_PID = 77,
  CALLOUT = 1024;

/** A key `user wanted` in the thread's keyring that another task is to make, with the authority in its session. */
function requested({ task, memory }: Machine): { target: Key; helper: Task } {
  const { kernel } = task;
  const { keys } = kernel;
  const made = (type: Key["type"], description: string): Key => {
    const key = keys.make({ type, description, uid: 0, gid: 0, permissions: KEY_POS_ALL, quota: "free" });
    assert.ok(typeof key !== "number");
    return key;
  };
  const ring = keys.all.get(call(task, "keyctl", KEYCTL_GET_KEYRING_ID, THREAD, 1))!;
  const target = made("user", "wanted");
  const authority = made(AUTHORITY_TYPE, target.serial.toString(16));
  const session = made("keyring", "_req");
  assert.equal(keys.fill(authority, byteStringOf("fish")), 0);
  assert.deepEqual([keys.link(ring, target), keys.link(session, authority)], [0, 0]);
  const { task: helper } = createTestTask(kernel);
  helper.space = memory as unknown as AddressSpace;
  helper.keyrings.put("session", session);
  const request = new KeyRequest(target, authority, [ring], ring);
  request.helper = HELPER_PID;
  keys.begin(request);
  for (const [text, at] of [
    ["user", TYPE],
    ["wanted", NAME],
    ["fish", CALLOUT],
  ] as const)
    memory.u8.set(byteStringOf(`${text}\0`), at);
  return { target, helper };
}

test("a key under construction is waited for, and made by who has assumed the authority", () => {
  const machine = setUp();
  const { task, memory } = machine;
  const { target, helper } = requested(machine);
  const { serial } = target;
  const asking = begin(task, "request_key", TYPE, NAME, CALLOUT, 0);
  assert.equal(asking.result, null, "it waits");
  assert.equal(call(task, "keyctl", KEYCTL_READ, serial, BYTES, 100), -EIO);
  assert.match(describeKeys(task), /^[0-9a-f]{8} ----U--.* user +wanted/m);

  const instantiate = (ring: number): number => call(helper, "keyctl", KEYCTL_INSTANTIATE, serial, BYTES, 3, ring);
  assert.equal(instantiate(0), -EPERM, "the authority is not assumed");
  assert.equal(call(helper, "keyctl", KEYCTL_ASSUME_AUTHORITY, 5), -ENOKEY);
  assert.ok(call(helper, "keyctl", KEYCTL_ASSUME_AUTHORITY, serial) > 0);
  assert.equal(call(helper, "keyctl", KEYCTL_READ, AUTHORITY, BYTES, 100), 4);
  assert.equal(byteString(memory.u8, BYTES, BYTES + 4), "fish");
  assert.match(described(machine, serial), /;wanted$/);
  assert.equal(instantiate(AUTHORITY), -EINVAL);
  assert.equal(call(helper, "keyctl", KEYCTL_INSTANTIATE, serial + 1, BYTES, 3, 0), -EPERM);
  assert.equal(instantiate(REQUESTOR), 0);
  assert.equal(instantiate(0), -EPERM, "it is over");
  assert.equal(call(helper, "keyctl", KEYCTL_ASSUME_AUTHORITY, serial), -EKEYREVOKED);

  assert.equal(asking.resume(), serial);
  assert.equal(call(task, "keyctl", KEYCTL_READ, serial, BYTES, 100), 3);
});

test("a key that its maker rejects, or does not make before it ends, tells who asks for it", () => {
  for (const [act, failure] of [
    [
      (helper: Task, serial: number): void => {
        assert.ok(call(helper, "keyctl", KEYCTL_ASSUME_AUTHORITY, serial) > 0);
        assert.equal(call(helper, "keyctl", KEYCTL_REJECT, serial, 30, 0, 0), -EINVAL);
        assert.equal(call(helper, "keyctl", KEYCTL_REJECT, serial, 30, 512, 0), -EINVAL);
        assert.equal(call(helper, "keyctl", KEYCTL_REJECT, serial, 30, EKEYREJECTED, 0), 0);
      },
      -EKEYREJECTED,
    ],
    [({ kernel }: Task): void => kernel.keys.helperEnded(HELPER_PID, kernel.realtime().seconds), -ENOKEY],
  ] as const) {
    const machine = setUp();
    const { task } = machine;
    const { target, helper } = requested(machine);
    const asking = begin(task, "request_key", TYPE, NAME, CALLOUT, 0);
    task.kernel.keys.helperEnded(HELPER_PID + 1, 0);
    assert.equal(asking.resume(), null, "that was another process");
    act(helper, target.serial);
    assert.equal(asking.resume(), failure);
    assert.equal(call(task, "request_key", TYPE, NAME, CALLOUT, 0), failure, "for a while");
    assert.deepEqual([...task.kernel.keys.requests], []);
  }
});
