/**
 * Goal: transactions happen wholly or not at all, don't see each other, and are refused exactly when they must be.
 * Method: named cases; the classic anomalies; and random transactions side by side, whose outcome must be that of
 * running the accepted ones one after the other.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { EAGAIN, EBADF, EDEADLK, ENOENT, S_IFDIR, S_IFREG } from "@stratos/abi";
import { SeededRandom } from "@stratos/base";
import {
  ATTRIBUTE_MODE,
  Attributes,
  DirectoryEntry,
  mount,
  ROOT_INO,
  Transaction,
  type Subvolume,
  type TransactionOptions,
  type Volume,
} from "../aegisfs.ts";
import { dumpSubvolume } from "../testing/dump.ts";
import { commitAndCheck, freshVolume, mountedVolume } from "../testing/fresh-volume.ts";
import { LockTable } from "./lock-table.ts";

const SEED = Number(process.env["AEGISFS_SEED"] ?? 20260401);
const FILE = S_IFREG | 0o644;
const FOLDER = S_IFDIR | 0o755;

function begin(volume: Volume, options: TransactionOptions = {}): Transaction {
  const transaction = Transaction.begin(volume, options);
  assert.ok(typeof transaction !== "number", String(transaction));
  return transaction;
}

function put(files: Subvolume, name: string, text: string, directory = ROOT_INO): number {
  const found = files.lookup(directory, name);
  const ino = found > 0 ? found : files.create(directory, name, FILE, 0, 0);
  const bytes = new TextEncoder().encode(text);
  assert.equal(files.truncate(ino, 0), 0);
  assert.equal(files.write(ino, 0, bytes, 0, bytes.length), bytes.length);
  return ino;
}

function read(files: Subvolume, name: string, directory = ROOT_INO): string | number {
  const ino = files.lookup(directory, name);
  if (ino < 0) return ino;
  const bytes = new Uint8Array(100_000);
  return new TextDecoder().decode(bytes.subarray(0, files.read(ino, 0, bytes, 0, bytes.length)));
}

test("what a transaction does is seen by nobody until it is committed, and then at once", () => {
  const { device, volume } = freshVolume(32);
  put(volume.root, "a", "before");
  const transaction = begin(volume);
  put(transaction.files, "a", "after");
  put(transaction.files, "b", "new");
  assert.equal(transaction.files.unlink(ROOT_INO, "a"), 0);
  put(transaction.files, "a", "again");
  assert.deepEqual([read(volume.root, "a"), read(volume.root, "b")], ["before", -ENOENT]);
  assert.equal(transaction.commit(), 0);
  assert.deepEqual([read(volume.root, "a"), read(volume.root, "b")], ["again", "new"]);
  assert.equal(transaction.commit(), -EBADF);
  assert.equal((volume.subvolumes() as unknown[]).length, 1);
  commitAndCheck(volume, device);
});

test("a small file that was read outside is read anew, and is its writer's, when a transaction changes it", () => {
  const { device, volume } = freshVolume(32);
  put(volume.root, "small", "before");
  assert.equal(volume.sync(), 0);
  const transaction = begin(volume);
  assert.equal(read(volume.root, "small"), "before");
  put(transaction.files, "small", "after!!");
  const made = transaction.files.create(ROOT_INO, "made", FILE, 1000, 2000);
  assert.ok(made > 0);
  assert.equal(transaction.commit(), 0);
  assert.equal(read(volume.root, "small"), "after!!");
  const attributes = new Attributes();
  assert.equal(volume.root.stat(volume.root.lookup(ROOT_INO, "made"), attributes), 0);
  assert.deepEqual([attributes.uid, attributes.gid], [1000, 2000]);
  commitAndCheck(volume, device);
});

test("an abort, a crash and an unmount leave nothing of it", () => {
  const { device, volume } = freshVolume(32);
  put(volume.root, "a", "before");
  const aborted = begin(volume);
  put(aborted.files, "a", "x".repeat(50_000));
  assert.equal(aborted.abort(), 0);
  assert.equal(aborted.lock(2, "shared"), -EBADF);
  const open = begin(volume);
  put(open.files, "a", "y".repeat(50_000));
  commitAndCheck(volume, device);
  const again = mountedVolume(mount(device));
  assert.equal(read(again.root, "a"), "before");
  assert.equal((again.subvolumes() as unknown[]).length, 1);
  while (again.reclaim(4) > 0);
  commitAndCheck(again, device);
  assert.equal(again.references.records, 0);
});

test("changes in different places are merged, with new numbers where both gave out the same", () => {
  const { device, volume } = freshVolume(32);
  const { root } = volume;
  const folder = root.create(ROOT_INO, "folder", FOLDER, 0, 0);
  put(root, "kept", "k".repeat(40_000));
  put(root, "gone", "g");
  const one = begin(volume);
  const two = begin(volume);
  const inner = one.files.create(folder, "one", FOLDER, 0, 0);
  put(one.files, "deep", "1".repeat(30_000), inner);
  one.files.setXattr(one.files.lookup(ROOT_INO, "kept"), "user.x", Uint8Array.of(1, 2), 0);
  put(two.files, "two", "2".repeat(30_000), folder);
  two.files.unlink(ROOT_INO, "gone");
  two.files.symlink(ROOT_INO, "link", "kept", 0, 0);
  put(root, "beside", "b");
  assert.equal(one.commit(), 0);
  assert.equal(two.commit(), 0, two.conflict ?? "");
  assert.equal(read(root, "deep", root.lookup(folder, "one")), "1".repeat(30_000));
  assert.equal(read(root, "two", folder), "2".repeat(30_000));
  assert.deepEqual(
    [read(root, "beside"), read(root, "gone"), root.readlink(root.lookup(ROOT_INO, "link"))],
    ["b", -ENOENT, "kept"],
  );
  assert.deepEqual(root.getXattr(root.lookup(ROOT_INO, "kept"), "user.x"), Uint8Array.of(1, 2));
  const attributes = new Attributes();
  root.stat(folder, attributes);
  assert.deepEqual([attributes.entries, attributes.nlink], [2, 3]);
  commitAndCheck(volume, device);
});

const conflicts: readonly (readonly [string, (files: Subvolume) => void, (files: Subvolume) => void, boolean])[] = [
  ["both write one file", (f) => void put(f, "a", "1"), (f) => void put(f, "a", "2"), true],
  ["both write different files", (f) => void put(f, "a", "1"), (f) => void put(f, "b", "2"), false],
  ["both make one name", (f) => void put(f, "new", "1"), (f) => void put(f, "new", "2"), true],
  ["both make names in one folder", (f) => void put(f, "n1", "1"), (f) => void put(f, "n2", "2"), false],
  ["one removes what the other writes", (f) => void f.unlink(ROOT_INO, "a"), (f) => void put(f, "a", "2"), true],
  [
    "one removes the folder in which the other makes a file",
    (f) => void f.rmdir(ROOT_INO, "d"),
    (f) => void put(f, "x", "2", f.lookup(ROOT_INO, "d")),
    true,
  ],
  [
    "one makes a file in the folder that the other removes",
    (f) => void put(f, "x", "2", f.lookup(ROOT_INO, "d")),
    (f) => void f.rmdir(ROOT_INO, "d"),
    true,
  ],
  [
    "each moves a folder below the other's",
    (f) => void f.rename(ROOT_INO, "d", f.lookup(ROOT_INO, "e"), "d"),
    (f) => void f.rename(ROOT_INO, "e", f.lookup(ROOT_INO, "d"), "e"),
    true,
  ],
  [
    "one renames what the other changes the mode of",
    (f) => void f.rename(ROOT_INO, "a", ROOT_INO, "z"),
    (f) => {
      const attributes = new Attributes();
      attributes.mode = 0o600;
      f.setAttributes(f.lookup(ROOT_INO, "a"), attributes, ATTRIBUTE_MODE);
    },
    true,
  ],
  [
    "one links what the other removes",
    (f) => void f.link(f.lookup(ROOT_INO, "a"), ROOT_INO, "l"),
    (f) => void f.unlink(ROOT_INO, "a"),
    true,
  ],
];
for (const [what, first, second, isConflict] of conflicts) {
  test(`${what}: ${isConflict ? "the later is refused" : "both are accepted"}`, () => {
    const { device, volume } = freshVolume(16);
    for (const name of ["a", "b"]) put(volume.root, name, name);
    for (const name of ["d", "e"]) volume.root.create(ROOT_INO, name, FOLDER, 0, 0);
    volume.setTime(50, 0);
    const one = begin(volume);
    const two = begin(volume);
    first(one.files);
    second(two.files);
    assert.equal(one.commit(), 0);
    const between = dumpSubvolume(volume.root);
    assert.equal(two.commit(), isConflict ? -EAGAIN : 0);
    assert.equal(two.conflict !== null, isConflict);
    if (isConflict) assert.equal(dumpSubvolume(volume.root), between, "a refused transaction changes nothing");
    assert.equal((volume.subvolumes() as unknown[]).length, 1);
    commitAndCheck(volume, device);
  });
}

test("write skew: accepted at level snapshot, refused at level serializable; so are phantoms", () => {
  for (const level of ["snapshot", "serializable"] as const) {
    const expected = level === "snapshot" ? 0 : -EAGAIN;
    const { volume } = freshVolume(16);
    for (const doctor of ["alice", "bob"]) put(volume.root, doctor, "on call");
    const rota = ["alice", "bob"].map((doctor) => {
      const transaction = begin(volume, { level });
      const onCall = ["alice", "bob"].filter((one) => read(transaction.files, one) === "on call").length;
      if (onCall > 1) put(transaction.files, doctor, "off");
      return transaction;
    });
    assert.equal(rota[0]!.commit(), 0);
    assert.equal(rota[1]!.commit(), expected);

    const lister = begin(volume, { level });
    assert.equal(read(lister.files, "phantom"), -ENOENT);
    put(lister.files, "report", "no phantom");
    put(volume.root, "phantom", "boo");
    assert.equal(lister.commit(), expected);

    const counter = begin(volume, { level });
    const entry = new DirectoryEntry();
    let count = 0;
    for (let cursor = 0; counter.files.readDirectory(ROOT_INO, cursor, entry) === 1; cursor = entry.nextCursor) count++;
    put(counter.files, "count", String(count));
    put(volume.root, "one more", "boo");
    assert.equal(counter.commit(), expected, "who lists a folder reads what is not in it");
  }
});

test(`side by side as one after the other (seed ${SEED})`, () => {
  const random = new SeededRandom(SEED);
  let merged = 0;
  let refused = 0;
  for (let round = 0; round < 25; round++) {
    const { device, volume } = freshVolume(32);
    const reference = freshVolume(32).volume;
    type Step = (files: Subvolume) => void;
    const randomStep = (): Step => {
      const kind = random.below(7);
      const name = `n${random.below(9)}`;
      const other = `n${random.below(9)}`;
      const size = 1 + random.below(20_000);
      const fill = 1 + random.below(250);
      const at = random.below(30_000);
      return (files) => {
        const directory = Math.max(ROOT_INO, files.lookup(ROOT_INO, `d${fill % 4}`));
        const ino = files.lookup(directory, name);
        if (kind <= 1) files.create(directory, name, FILE, 0, 0);
        else if (kind === 2 && ino > 0) files.write(ino, at, new Uint8Array(size).fill(fill), 0, size);
        else if (kind === 3) files.unlink(directory, name);
        else if (kind === 4) files.rename(directory, name, directory, other, 0);
        else if (kind === 5 && ino > 0)
          files.setXattr(ino, `user.${fill % 3}`, new Uint8Array(size % 900).fill(fill), 0);
        else if (kind === 6 && ino > 0) files.truncate(ino, at);
      };
    };
    const both = (step: Step): void => [volume.root, reference.root].forEach(step);
    for (let folder = 0; folder < 4; folder++) both((files) => void files.create(ROOT_INO, `d${folder}`, FOLDER, 0, 0));
    for (let step = 0; step < 60; step++) both(randomStep());
    const open = [0, 1, 2].map(() => ({
      transaction: begin(volume, { level: "serializable" }),
      steps: Array.from({ length: 1 + random.below(5) }, randomStep),
    }));
    const direct = random.below(2) === 0 ? [randomStep()] : [];
    direct.forEach(both);
    for (const { transaction, steps } of open) steps.forEach((step) => step(transaction.files));
    for (const { transaction, steps } of open) {
      const result = transaction.commit();
      assert.ok(result === 0 || result === -EAGAIN, `commit ${result}`);
      if (result === 0) {
        merged++;
        steps.forEach((step) => step(reference.root));
      } else refused++;
    }
    assert.equal(dumpSubvolume(volume.root), dumpSubvolume(reference.root), `round ${round}`);
    while (volume.reclaim(4) > 0);
    commitAndCheck(volume, device);
    assert.equal(volume.references.records, 0, "nothing is shared when all is over");
  }
  assert.ok(merged > 20 && refused > 5, `${merged} accepted, ${refused} refused`);
});

test("locks wait in order, and a circle is told before it closes", () => {
  const { volume } = freshVolume(16);
  const ino = put(volume.root, "a", "1");
  const other = put(volume.root, "b", "2");
  const granted: string[] = [];
  const one = begin(volume, { onLock: (lock) => granted.push(`one ${lock}`) });
  const two = begin(volume, { onLock: (lock) => granted.push(`two ${lock}`) });
  assert.equal(one.lock(ino, "exclusive"), 0);
  assert.equal(two.lock(other, "exclusive"), 0);
  assert.equal(one.lock(other, "shared"), -EAGAIN);
  assert.equal(two.lock(ino, "shared"), -EDEADLK);
  assert.equal(two.abort(), 0);
  assert.deepEqual(granted, [`one ${other}`]);
  assert.equal(one.lock(other, "shared"), 0);
  assert.equal(one.commit(), 0);
});

test("lock table: readers share, a writer waits for all, upgrades of two readers deadlock", () => {
  const granted: string[] = [];
  const table = new LockTable<string>((owner, ino) => void granted.push(`${owner}${ino}`));
  assert.deepEqual(
    ["a", "b"].map((owner) => table.acquire(owner, 1, "shared")),
    ["granted", "granted"],
  );
  assert.equal(table.acquire("c", 1, "exclusive"), "queued");
  assert.equal(table.acquire("d", 1, "shared"), "queued", "not before the writer who waits");
  assert.equal(table.acquire("a", 1, "exclusive"), "queued");
  assert.equal(table.acquire("b", 1, "exclusive"), "deadlock");
  table.releaseAll("b");
  assert.deepEqual(granted, ["a1"]);
  table.releaseAll("a");
  table.releaseAll("c");
  assert.deepEqual(granted, ["a1", "c1", "d1"]);
  for (const [owner, ino] of [
    ["x", 1],
    ["y", 2],
    ["z", 3],
  ] as const)
    assert.equal(table.acquire(owner, ino + 10, "exclusive"), "granted");
  assert.equal(table.acquire("x", 12, "shared"), "queued");
  assert.equal(table.acquire("y", 13, "shared"), "queued");
  assert.equal(table.acquire("z", 11, "shared"), "deadlock", "a circle of three");
  assert.equal(table.holds("z", 13), "exclusive");
});
