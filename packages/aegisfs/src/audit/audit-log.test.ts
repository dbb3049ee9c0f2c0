/**
 * Goal: the log tells what was done, in the transaction that did it, and any change of it shows, with its place.
 * Method: operations and what is read back; then blocks are changed, taken away, exchanged and forged with right
 * checksums.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { S_IFREG } from "@stratos/abi";
import { SeededRandom, sha256 } from "@stratos/base";
import {
  auditHead,
  AuditLog,
  auditRecords,
  mount,
  Operation,
  OPERATION_NAMES,
  readAuditBlock,
  ROOT_INO,
  verifyAudit,
  type AuditBlock,
  type AuditReport,
  type Volume,
} from "../aegisfs.ts";
import { KIND_AUDIT, keyMiddle } from "../format/key.ts";
import { commitAndCheck, freshVolume, mountedVolume } from "../testing/fresh-volume.ts";
import { Room } from "../space/reserve.ts";
import { Workload } from "../testing/workload.ts";

const MIDDLE = keyMiddle(KIND_AUDIT, 0);

function blocksOf(volume: Volume): AuditBlock[] {
  const blocks: AuditBlock[] = [];
  for (let block = readAuditBlock(volume, 0); block !== null; block = readAuditBlock(volume, block.number + 1)) {
    assert.ok(typeof block !== "number");
    blocks.push(block);
  }
  return blocks;
}

function report(volume: Volume, known: Parameters<typeof verifyAudit>[1] = []): AuditReport {
  const found = verifyAudit(volume, known);
  assert.ok(found !== null && typeof found !== "number");
  return found;
}

function loggedVolume(): { volume: Volume; device: ReturnType<typeof freshVolume>["device"] } {
  const fresh = freshVolume(32);
  assert.equal(AuditLog.enable(fresh.volume), 0);
  const workload = new Workload(new SeededRandom(5), fresh.volume.root, { sizeMax: 20_000, names: 30 });
  for (let step = 0; step < 900; step++) {
    workload.step();
    if (step % 60 === 0) fresh.volume.commit();
  }
  commitAndCheck(fresh.volume, fresh.device);
  return fresh;
}

test("operations are told with names, inodes and times; writes that continue each other are one", () => {
  const { device, volume } = freshVolume(16);
  assert.equal(verifyAudit(volume), null);
  assert.equal(AuditLog.enable(volume), 0);
  volume.setTime(1234, 56);
  const ino = volume.root.create(ROOT_INO, "file", S_IFREG | 0o644, 0, 0);
  for (let piece = 0; piece < 20; piece++) volume.root.write(ino, piece * 1000, new Uint8Array(1000), 0, 1000);
  volume.root.rename(ROOT_INO, "file", ROOT_INO, "renamed");
  volume.root.unlink(ROOT_INO, "none"); // What fails is not told.
  volume.snapshot(volume.root, "s", { readOnly: true });
  commitAndCheck(volume, device);
  const records = blocksOf(volume).flatMap((block) => auditRecords(block)!);
  assert.deepEqual(
    records.map(({ operation, name, otherName }) => `${OPERATION_NAMES[operation]!} ${name} ${otherName}`.trim()),
    ["create file", "write", "rename file renamed", "snapshot s"],
  );
  assert.deepEqual(records[1], {
    operation: Operation.write,
    subvolume: 1,
    ino,
    other: 0,
    seconds: 1234,
    nanoseconds: 56,
    offset: 0,
    length: 20_000,
    name: "",
    otherName: "",
  });
  assert.equal(records[0]!.other, ino);
  assert.deepEqual(report(volume).problems, []);
});

test("the log goes on after a remount, and what a crash takes back is not in it", () => {
  const { device, volume } = loggedVolume();
  const before = auditHead(volume)!;
  volume.root.create(ROOT_INO, "lost", S_IFREG | 0o644, 0, 0);
  const again = mountedVolume(mount(device));
  again.root.create(ROOT_INO, "kept", S_IFREG | 0o644, 0, 0);
  commitAndCheck(again, device);
  const names = blocksOf(again)
    .flatMap((block) => auditRecords(block)!)
    .map(({ name }) => name);
  assert.ok(names.includes("kept") && !names.includes("lost"));
  assert.deepEqual(report(again, [before]).problems, []);
  assert.ok(auditHead(again)!.blocks > before.blocks);
});

/** Puts another value into the log with right checksums everywhere, as one who owns the device can. */
function forge(volume: Volume, number: number, bytes: Uint8Array | null): void {
  assert.equal(volume.begin(Room.grows), 0);
  volume.observer = null;
  volume.tree.remove(0, MIDDLE, number);
  if (bytes !== null) {
    const offset = volume.tree.insert(0, MIDDLE, number, bytes.length);
    volume.tree.bytes.set(bytes, offset);
  }
  volume.end();
  assert.equal(volume.commit(), 0);
}

test("a changed, a missing, an exchanged and an added block are found, with their place", () => {
  const random = new SeededRandom(6);
  const total = report(loggedVolume().volume).blocks;
  assert.ok(total > 10);
  for (const number of [0, 3, total - 1]) {
    const { volume } = loggedVolume();
    const bytes = blocksOf(volume)[number]!.bytes.slice();
    bytes[44 + 60 + random.below(20)]! ^= 4;
    forge(volume, number, bytes);
    const [problem, ...more] = report(volume).problems;
    assert.deepEqual([problem?.first, problem?.last, more.length], [number, number, 0], JSON.stringify(problem));

    const cut = loggedVolume().volume;
    forge(cut, number, null);
    assert.deepEqual([report(cut).problems[0]!.first, report(cut).problems[0]!.last], [number, number]);
    assert.match(report(cut).problems[0]!.what, /missing/);
  }
  const { volume } = loggedVolume();
  const blocks = blocksOf(volume);
  forge(volume, 4, blocks[5]!.bytes);
  forge(volume, 5, blocks[4]!.bytes);
  assert.ok(report(volume).problems.some(({ first }) => first >= 3 && first <= 5));
  forge(volume, total, blocks[5]!.bytes);
  assert.ok(report(volume).problems.some(({ first, what }) => first === total && what.includes("added")));
});

test("a log that was rewritten with its chain and head shows against a head that was written down", () => {
  const { volume } = loggedVolume();
  const known = auditHead(volume)!;
  const blocks = blocksOf(volume);
  // The forger makes everything fit again, from block 2 on.
  let before: Uint8Array | null = null;
  for (const { number, bytes } of blocks) {
    const forged = bytes.slice();
    if (number === 2) forged[44 + 20]! ^= 1;
    if (before !== null) forged.set(before);
    before = number >= 2 ? sha256(forged) : null;
    forge(volume, number, forged);
  }
  const value = volume.properties.get("audit") as Uint8Array;
  value.set(before!, 12);
  volume.properties.set("audit", value);
  volume.commit();
  assert.match(report(volume).problems[0]!.what, /Merkle root/);
  const problems = report(volume, [known]).problems;
  assert.match(problems[0]!.what, /known head/);
  assert.deepEqual(
    report(loggedVolume().volume, [{ blocks: known.blocks + 5, root: known.root }]).problems.map(({ what }) => what),
    ["is missing: a known head stands for more than there is"],
  );
});

test("what fsync made durable is in the log after a crash", () => {
  const { device, volume } = freshVolume(32);
  assert.equal(AuditLog.enable(volume), 0);
  // The log on the device exists after the first of them.
  for (const name of ["first", "second", "synced"]) {
    const ino = volume.root.create(ROOT_INO, name, S_IFREG | 0o644, 0, 0);
    volume.root.write(ino, 0, new Uint8Array(5000).fill(1), 0, 5000);
    assert.equal(volume.root.fsync(ino), 0);
  }
  const again = mountedVolume(mount(device));
  assert.ok(again.root.lookup(ROOT_INO, "synced") > 0);
  assert.deepEqual(
    blocksOf(again)
      .flatMap((block) => auditRecords(block)!)
      .map(({ operation, name }) => `${OPERATION_NAMES[operation]!} ${name}`.trim()),
    ["create first", "write", "create second", "write", "create synced", "write"],
  );
});

test("retention bounds the log; what is left proves the rest, and itself", () => {
  const { device, volume } = loggedVolume();
  const early = auditHead(volume)!;
  assert.ok(early.blocks > 12);
  assert.equal(AuditLog.keep(volume, { blocks: 8, seconds: 0 }), 0);
  const atTrim = auditHead(volume)!;
  assert.ok(atTrim.first > 0 && atTrim.blocks - atTrim.first <= 9, JSON.stringify(atTrim));
  assert.equal(blocksOf(volume)[0]!.number, atTrim.first);
  assert.deepEqual(report(volume).problems, []);
  assert.equal(report(volume).records, atTrim.records);
  // A head from before retention still proves what is left, as long as what it stands for is where the rest begins or
  // later.
  assert.deepEqual(report(volume, [early]).problems, []);
  for (let round = 0; round < 60; round++) {
    assert.ok(volume.root.create(ROOT_INO, `later${round}`, S_IFREG | 0o644, 0, 0) > 0);
    assert.equal(volume.commit(), 0);
    const { blocks, first } = auditHead(volume)!;
    assert.ok(blocks - first <= 10, `${blocks - first} blocks are kept`);
  }
  assert.deepEqual(report(volume, [auditHead(volume)!]).problems, []);
  const gone = report(volume, [early]).problems[0]!;
  assert.match(gone.what, /can no longer be proved/);
  assert.deepEqual([gone.first, gone.last], [0, auditHead(volume)!.first - 1]);
  commitAndCheck(volume, device);
  // It goes on after a remount, by age as well.
  const again = mountedVolume(mount(device));
  again.setTime(5_000_000, 0);
  assert.ok(again.root.create(ROOT_INO, "new", S_IFREG | 0o644, 0, 0) > 0);
  again.commit();
  assert.equal(AuditLog.keep(again, { blocks: 0, seconds: 3600 }), 0);
  assert.ok(
    blocksOf(again)
      .flatMap((block) => auditRecords(block)!)
      .every(({ seconds }) => seconds >= 5_000_000 - 3600),
  );
  assert.deepEqual(report(again).problems, []);
  commitAndCheck(again, device);
});

test("of two blocks the older one goes when it is too old; the last one stays", () => {
  const { volume } = freshVolume(16);
  assert.equal(AuditLog.enable(volume), 0);
  const commitAt = (seconds: number): void => {
    volume.setTime(seconds, 0);
    assert.ok(volume.root.create(ROOT_INO, `at ${seconds}`, S_IFREG | 0o644, 0, 0) > 0);
    assert.equal(volume.commit(), 0);
  };
  commitAt(1000);
  assert.equal(AuditLog.keep(volume, { blocks: 0, seconds: 100 }), 0);
  const kept = [1010, 5000, 5010, 9000, 9010].map((seconds) => {
    commitAt(seconds);
    const { blocks, first } = auditHead(volume)!;
    return blocks - first;
  });
  assert.deepEqual(kept, [3, 2, 2, 2, 2]);
});

test("a start that was forged, or made where blocks were taken away, shows", () => {
  const trimmed = (): Volume => {
    const { volume } = loggedVolume();
    assert.equal(AuditLog.keep(volume, { blocks: 8, seconds: 0 }), 0);
    return volume;
  };
  const forged = trimmed();
  const start = forged.properties.get("audit-start") as Uint8Array;
  start[4]! ^= 1; // a record more or less that went
  forged.observer = null;
  forged.properties.set("audit-start", start);
  forged.commit();
  assert.match(
    report(forged)
      .problems.map(({ what }) => what)
      .join(),
    /start that the log does not tell of/,
  );
  const removed = trimmed();
  removed.observer = null;
  removed.properties.remove("audit-start");
  removed.commit();
  assert.match(report(removed).problems[0]!.what, /missing/);
  // Somebody takes one more block away and puts the right start for it, but cannot make the log tell of it.
  const cut = trimmed();
  const [first] = blocksOf(cut);
  const other = trimmed();
  assert.equal(AuditLog.keep(other, { blocks: 4, seconds: 0 }), 0);
  forge(cut, first!.number, null);
  cut.properties.set("audit-start", other.properties.get("audit-start") as Uint8Array);
  cut.commit();
  assert.ok(report(cut).problems.length > 0);
  // Retention does not cover up what was tampered with before.
  const { volume } = loggedVolume();
  const bytes = blocksOf(volume)[3]!.bytes.slice();
  bytes[60]! ^= 4;
  const { observer } = volume;
  forge(volume, 3, bytes);
  volume.observer = observer;
  assert.equal(AuditLog.keep(volume, { blocks: 2, seconds: 0 }), 0);
  assert.ok(
    report(volume).problems.some(({ first: from, last: to }) => from <= 3 && to >= 3),
    JSON.stringify(report(volume).problems),
  );
});
