/**
 * Goal: locks as fcntl(2) and flock(2) have them. Method: the cases that the manual pages tell; then random calls
 * beside a model that keeps a holder for each byte.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { EAGAIN, EBADF, EDEADLK, EINVAL, O_RDONLY, O_RDWR } from "@stratos/abi";
import { LOCK_EXCLUSIVE, LOCK_NONE, LOCK_SHARED, SeededRandom } from "@stratos/base";
import { Files } from "../aegisfs.ts";
import { freshVolume } from "../testing/fresh-volume.ts";
import { FileLocks } from "./file-locks.ts";
import type { LockOwner } from "./file-locks.ts";

const SEED = Number(process.env["AEGISFS_SEED"] ?? 20260401);
const process_ = (): LockOwner => ({ detectsDeadlock: true });
const X = LOCK_EXCLUSIVE;
const S = LOCK_SHARED;

test("ranges are cut and joined; only others' conflict", () => {
  const locks = new FileLocks();
  const [a, b] = [process_(), process_()];
  assert.equal(locks.setRange(1, { owner: a, type: X, start: 0, length: 100 }), 0);
  assert.equal(locks.setRange(1, { owner: a, type: S, start: 40, length: 20 }), 0);
  assert.equal(locks.setRange(1, { owner: b, type: S, start: 40, length: 20 }), 0);
  assert.equal(locks.setRange(1, { owner: b, type: S, start: 39, length: 2 }), -EAGAIN);
  assert.deepEqual(locks.conflict(1, { owner: b, type: S, start: 0, length: 0 }), {
    owner: a,
    type: X,
    start: 0,
    end: 40,
  });
  assert.equal(locks.setRange(1, { owner: a, type: LOCK_NONE, start: 0, length: 0 }), 0);
  assert.equal(locks.conflict(1, { owner: b, type: X, start: 0, length: 0 }), null);
  assert.equal(locks.setRange(1, { owner: b, type: X, start: 1000, length: 0 }), 0);
  assert.equal(
    locks.setRange(1, { owner: a, type: X, start: 2 ** 50, length: 1 }),
    -EAGAIN,
    "to the end is to any end",
  );
  assert.equal(locks.setRange(2, { owner: a, type: X, start: 0, length: 0 }), 0, "another file");
  assert.equal(locks.setRange(1, { owner: a, type: X, start: -1, length: 5 }), -EINVAL);
  assert.equal(locks.setWhole(1, a, X), 0, "flock does not see ranges");
});

test("who waits is granted in order when it can be, and a circle is refused", () => {
  const locks = new FileLocks();
  const [a, b, c] = [process_(), process_(), process_()];
  const granted: string[] = [];
  const wait = (name: string, owner: LockOwner, ino: number, start: number, length: number): number =>
    locks.setRange(ino, { owner, type: X, start, length }, () => void granted.push(name));
  assert.equal(wait("a", a, 1, 0, 10), 0);
  assert.equal(wait("b", b, 1, 10, 10), 0);
  assert.equal(wait("b", b, 1, 0, 5), 1);
  assert.equal(wait("c", c, 1, 0, 10), 1);
  assert.equal(wait("a", a, 1, 10, 5), -EDEADLK);
  assert.equal(
    locks.setRange(1, { owner: a, type: X, start: 10, length: 5 }),
    -EAGAIN,
    "without waiting there is no circle",
  );
  locks.release(1, a);
  assert.deepEqual(granted, ["b"]);
  locks.release(1, b);
  assert.deepEqual(granted, ["b", "c"]);
  // Over two files, and by way of a third.
  assert.equal(wait("a", a, 2, 0, 0), 0);
  assert.equal(wait("b", b, 3, 0, 0), 0);
  assert.equal(wait("b", b, 2, 0, 0), 1);
  assert.equal(wait("a", a, 1, 0, 0), 1);
  assert.equal(wait("c", c, 3, 0, 0), -EDEADLK);
  locks.cancel(1, a);
  assert.equal(wait("c", c, 3, 0, 0), 1);
  // Descriptions are not looked at (fcntl(2), "Open file description locks").
  const [d, e] = [{ detectsDeadlock: false }, { detectsDeadlock: false }];
  assert.equal(wait("d", d, 7, 0, 1), 0);
  assert.equal(wait("e", e, 7, 1, 1), 0);
  assert.equal(wait("e", e, 7, 0, 1), 1);
  assert.equal(wait("d", d, 7, 1, 1), 1);
});

test("flock: shared by many, exclusive for one, changed by going through none", () => {
  const locks = new FileLocks();
  const [a, b] = [process_(), process_()];
  const granted: string[] = [];
  assert.equal(locks.setWhole(1, a, S), 0);
  assert.equal(locks.setWhole(1, b, S), 0);
  assert.equal(locks.setWhole(1, a, X), -EAGAIN);
  assert.equal(locks.setWhole(1, b, X), 0, "the shared one of a went with its wish");
  assert.equal(
    locks.setWhole(1, a, S, () => void granted.push("a")),
    1,
  );
  assert.equal(locks.setWhole(1, b, S), 0);
  assert.deepEqual(granted, ["a"]);
});

test(`random calls beside a model of bytes (seed ${SEED})`, () => {
  const random = new SeededRandom(SEED);
  const locks = new FileLocks();
  const owners = [process_(), process_(), process_()];
  const SIZE = 24;
  const held = owners.map(() => new Array<number>(SIZE + 1).fill(LOCK_NONE));
  for (let step = 0; step < 20_000; step++) {
    const at = random.below(owners.length);
    const type = random.below(3);
    const start = random.below(SIZE);
    const length = random.below(SIZE - start + 1);
    // The last one stands for all bytes behind.
    const end = length === 0 ? SIZE + 1 : start + length;
    const bytes = Array.from({ length: end - start }, (_, index) => start + index);
    const isFree =
      type === LOCK_NONE ||
      bytes.every((byte) =>
        held.every((of, other) => other === at || of[byte] === LOCK_NONE || (of[byte] === S && type === S)),
      );
    assert.equal(locks.setRange(9, { owner: owners[at]!, type, start, length }), isFree ? 0 : -EAGAIN, `step ${step}`);
    if (isFree) for (const byte of bytes) held[at]![byte] = type;
    const probe = random.below(SIZE);
    const conflict = locks.conflict(9, { owner: owners[at]!, type: X, start: probe, length: 1 });
    const expected = held.some((of, other) => other !== at && of[probe] !== LOCK_NONE);
    assert.equal(conflict !== null, expected, `step ${step}, byte ${probe}`);
  }
});

test(
  "programs lock by descriptor; closing any descriptor of the file drops a program's ranges, the last use of one " +
    "its own",
  () => {
    const { volume } = freshVolume(16);
    const clock = { realtimeMs: () => 0, monotonicNs: () => 0 };
    const one = new Files(volume, { clock });
    const two = new Files(volume, { clock });
    assert.equal(one.writeFile("/f", new Uint8Array(100)), 100);
    const first = one.open("/f", O_RDWR);
    const again = one.open("/f", O_RDWR);
    const other = two.open("/f", O_RDWR);
    const read = two.open("/f", O_RDONLY);
    assert.equal(one.lockRange(first, { type: X, start: 0, length: 10 }), 0);
    assert.equal(one.lockRange(again, { type: X, start: 5, length: 10 }), 0, "one program");
    assert.equal(two.lockRange(other, { type: S, start: 5, length: 1 }), -EAGAIN);
    assert.equal(
      two.lockRange(read, { type: X, start: 50, length: 1 }),
      -EBADF,
      "an exclusive lock needs a descriptor to write",
    );
    let told = 0;
    assert.equal(
      two.lockRange(other, { type: S, start: 5, length: 1 }, () => told++),
      1,
    );
    assert.equal(one.close(again), 0);
    assert.equal(told, 1);
    assert.equal(two.close(other), 0);
    // Of descriptions: two descriptors of one program are strangers, and each takes only its own away.
    const [p, q] = [one.open("/f", O_RDWR), one.open("/f", O_RDWR)];
    assert.equal(one.lockRange(p, { type: X, start: 0, length: 0, ofDescription: true }), 0);
    assert.equal(one.lockRange(q, { type: X, start: 0, length: 0, ofDescription: true }), -EAGAIN);
    assert.equal(one.lockFile(q, X), 0);
    assert.equal(two.lockFile(read, S), -EAGAIN);
    assert.equal(one.close(first), 0);
    assert.equal(one.lockRange(q, { type: X, start: 0, length: 0, ofDescription: true }), -EAGAIN);
    assert.equal(one.close(p), 0);
    assert.equal(one.lockRange(q, { type: X, start: 0, length: 0, ofDescription: true }), 0);
    assert.equal(one.close(q), 0);
    assert.equal(two.lockFile(read, X), 0);
  },
);
