/**
 * Goal: a received snapshot is the one that was sent, whatever changed between, wherever the transfer broke, and
 * nothing that is not a whole stream is taken. Method: random workloads, differences between random snapshots, cuts at
 * random chunks, flipped bytes and forged records.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { S_IFREG } from "@stratos/abi";
import { SeededRandom } from "@stratos/base";
import { MemoryBlockDevice } from "@stratos/host";
import {
  check,
  format,
  mount,
  partialTransfers,
  ReceiveStream,
  ROOT_INO,
  SendStream,
  type SendOptions,
  type Subvolume,
  type Volume,
} from "../aegisfs.ts";
import { commitAndCheck, freshVolume, mountedVolume } from "../testing/fresh-volume.ts";
import { dumpSubvolume } from "../testing/dump.ts";
import { Workload } from "../testing/workload.ts";

const SEED = Number(process.env["AEGISFS_SEED"] ?? 20260301);

function* chunks(source: Subvolume, options: SendOptions = {}): Generator<Uint8Array> {
  const stream = SendStream.open(source, options);
  assert.ok(typeof stream !== "number");
  for (let chunk = stream.next(); chunk !== null; chunk = stream.next()) {
    assert.ok(typeof chunk !== "number", `send: ${String(chunk)}`);
    yield chunk.slice();
  }
}

function transfer(source: Subvolume, target: Volume, options: SendOptions = {}, name?: string): Subvolume {
  const receiver = new ReceiveStream(target, name === undefined ? {} : { name });
  for (const chunk of chunks(source, options)) assert.equal(receiver.push(chunk), null);
  assert.equal(receiver.finish(), null);
  return receiver.received!;
}

function snapshotOf(volume: Volume, name: string): Subvolume {
  const id = volume.snapshot(volume.root, name, { readOnly: true });
  assert.ok(id > 0, `snapshot ${id}`);
  return volume.subvolume(id)!;
}

test(`full and incremental transfers give the same files (seed ${SEED})`, () => {
  const random = new SeededRandom(SEED);
  const source = freshVolume(128, { cacheNodes: 64 });
  const target = freshVolume(128, { cacheNodes: 64 });
  const workload = new Workload(random, source.volume.root, { sizeMax: 120_000, names: 60 });
  let parent: Subvolume | null = null;
  for (let round = 0; round < 14; round++) {
    for (let step = random.below(300); step >= 0; step--) workload.step();
    const unnamed = source.volume.root.createUnnamed(ROOT_INO, S_IFREG | 0o600, 0, 0);
    source.volume.root.write(unnamed, 0, new Uint8Array(20_000).fill(3), 0, 20_000);
    if (round % 3 === 0) assert.equal(source.volume.root.unpin(unnamed), 0);
    const snapshot = snapshotOf(source.volume, `round${round}`);
    const received: Subvolume = transfer(snapshot, target.volume, parent === null ? {} : { parent });
    assert.equal(dumpSubvolume(received), dumpSubvolume(snapshot), `round ${round}`);
    assert.equal(received.readOnly, true);
    if (random.below(3) > 0) parent = snapshot;
    // What got its name only now was in the parent without one.
    if (round % 3 === 1) {
      assert.equal(source.volume.root.link(unnamed, ROOT_INO, `late${round}`), 0);
      assert.equal(source.volume.root.unlink(ROOT_INO, `late${round}`), 0);
      const kept = source.volume.root.createUnnamed(ROOT_INO, S_IFREG | 0o600, 0, 0);
      const before = snapshotOf(source.volume, `unnamed${round}`);
      assert.equal(source.volume.root.link(kept, ROOT_INO, `named${round}`), 0);
      const after = snapshotOf(source.volume, `named${round}`);
      transfer(before, target.volume);
      assert.equal(dumpSubvolume(transfer(after, target.volume, { parent: before })), dumpSubvolume(after));
      assert.equal(source.volume.root.unlink(ROOT_INO, `named${round}`), 0);
    }
  }
  commitAndCheck(target.volume, target.device);
});

test("an incremental stream carries what changed, not what is there", () => {
  const { volume } = freshVolume(64);
  const ino = volume.root.create(ROOT_INO, "big", S_IFREG | 0o644, 0, 0);
  volume.root.write(ino, 0, new Uint8Array(8 << 20).fill(1), 0, 8 << 20);
  const first = snapshotOf(volume, "first");
  volume.root.write(ino, 3_000_000, new Uint8Array(5000).fill(2), 0, 5000);
  const second = snapshotOf(volume, "second");
  const size = (options: SendOptions): number =>
    [...chunks(second, options)].reduce((sum, chunk) => sum + chunk.length, 0);
  assert.ok(size({}) > 8 << 20);
  assert.ok(size({ parent: first }) < 20_000, `${size({ parent: first })} bytes for 5000 that changed`);
  assert.ok(typeof SendStream.open(volume.root) === "number", "what still changes is not sent");
});

test(`a broken transfer goes on where it was (seed ${SEED})`, () => {
  const random = new SeededRandom(SEED + 1);
  const source = freshVolume(128);
  const workload = new Workload(random, source.volume.root, { sizeMax: 400_000, names: 60 });
  for (let step = 0; step < 1500; step++) workload.step();
  const first = snapshotOf(source.volume, "first");
  for (let step = 0; step < 800; step++) workload.step();
  const second = snapshotOf(source.volume, "second");
  const target = freshVolume(128);
  let breaks = 0;
  for (const [snapshot, parent] of [
    [first, null],
    [second, first],
  ] as const) {
    for (let received: Subvolume | null = null; received === null;) {
      const started = partialTransfers(target.volume)[0];
      const receiver = new ReceiveStream(target.volume, { checkpointBytes: 100_000 });
      const patience = 1 + random.below(2);
      let taken = 0;
      let hasAll = true;
      for (const chunk of chunks(snapshot, {
        ...(parent === null ? {} : { parent }),
        ...(started === undefined ? {} : { resume: started.from }),
      })) {
        if (taken++ === patience) {
          hasAll = false;
          break;
        }
        assert.equal(receiver.push(chunk), null);
      }
      if (hasAll) received = (assert.equal(receiver.finish(), null), receiver.received);
      else {
        breaks++;
        assert.match(String(receiver.finish()), /can be resumed/);
        assert.deepEqual(check(target.device, { data: true }), []);
        assert.notEqual(
          new ReceiveStream(target.volume).push([...chunks(snapshot)][0]!),
          null,
          "beginning again is refused",
        );
      }
      if (received !== null) assert.equal(dumpSubvolume(received), dumpSubvolume(snapshot));
    }
  }
  assert.ok(breaks > 3, `${breaks} breaks`);
  assert.deepEqual(partialTransfers(target.volume), []);
  commitAndCheck(target.volume, target.device);
});

test(`a stream that is refused leaves nothing, one that broke on its way can be gone on with (seed ${SEED})`, () => {
  const source = freshVolume(64);
  const workload = new Workload(new SeededRandom(SEED + 3), source.volume.root, { sizeMax: 400_000, names: 60 });
  for (let step = 0; step < 1200; step++) workload.step();
  const snapshot = snapshotOf(source.volume, "s");
  const pieces = [...chunks(snapshot)];
  assert.ok(pieces.length > 3);
  const names = (volume: Volume): string[] => volume.subvolumeIds().map((id) => volume.subvolume(id)!.name);
  const receive = (volume: Volume, sent: readonly Uint8Array[]): string => {
    const receiver = new ReceiveStream(volume, { checkpointBytes: 1 << 30 });
    for (const piece of sent) {
      const refused = receiver.push(piece);
      if (refused === null) continue;
      assert.equal(receiver.push(piece), refused, "nothing more is taken");
      assert.equal(receiver.finish(), refused);
      return String(refused);
    }
    return String(receiver.finish());
  };
  // Before the first mark there is nothing to go on with.
  const early = freshVolume(64);
  assert.match(receive(early.volume, [pieces[0]!.subarray(0, 2000)]), /nothing of it was kept/);
  assert.deepEqual(names(early.volume), ["root"]);
  assert.deepEqual(partialTransfers(early.volume), []);
  // The way here damaged it: the place of the last mark is kept without a checkpoint before.
  const damaged = freshVolume(64);
  const last = pieces.length - 2;
  const torn = pieces[last]!.slice();
  torn[torn.length >> 1]! ^= 1;
  assert.match(receive(damaged.volume, [...pieces.slice(0, last), torn]), /checksum/);
  const [started] = partialTransfers(damaged.volume);
  assert.ok(started !== undefined && started.from[0] > 0);
  assert.equal(receive(damaged.volume, [...chunks(snapshot, { resume: started.from })]), "null");
  assert.equal(dumpSubvolume(damaged.volume.subvolume(started.subvolume)!), dumpSubvolume(snapshot));
  commitAndCheck(damaged.volume, damaged.device);
  // Records left out, each of them whole: the end tells, and there is nothing to go on with.
  const forged = freshVolume(64);
  assert.match(
    receive(
      forged.volume,
      pieces.filter((_, index) => index !== last),
    ),
    /missing|no whole|digest|nowhere|no file/,
  );
  assert.deepEqual(names(forged.volume), ["root"]);
  while (forged.volume.reclaim(100) > 0);
  commitAndCheck(forged.volume, forged.device);
  // A transfer whose process ended without a word: the next one begins anew by itself.
  const killed = freshVolume(64);
  assert.equal(new ReceiveStream(killed.volume).push(pieces[0]!.subarray(0, 2000)), null);
  assert.equal(killed.volume.commit(), 0);
  assert.equal(receive(killed.volume, pieces), "null");
  assert.deepEqual(names(killed.volume), ["root", "s"]);
});

test(`a transfer that a power cut ended is begun anew or gone on with, wherever it was (seed ${SEED})`, () => {
  const source = freshVolume(64);
  const workload = new Workload(new SeededRandom(SEED + 4), source.volume.root, { sizeMax: 400_000, names: 60 });
  for (let step = 0; step < 250; step++) workload.step();
  const first = snapshotOf(source.volume, "first");
  for (let step = 0; step < 250; step++) workload.step();
  const second = snapshotOf(source.volume, "second");
  for (const parent of [undefined, first]) {
    const options = parent === undefined ? {} : { parent };
    const cuts: MemoryBlockDevice[] = [];
    const device = new (class extends MemoryBlockDevice {
      override flush(): number {
        cuts.push(this.fork());
        return 0;
      }
    })(64 << 20);
    assert.equal(format(device, { uuid: new Uint8Array(16).fill(9), hashSeed: 77 }), 0);
    const target = mountedVolume(mount(device));
    if (parent !== undefined) transfer(parent, target);
    assert.equal(target.commit(), 0);
    cuts.length = 0;
    const receiver = new ReceiveStream(target, { checkpointBytes: 1 << 20 });
    for (const chunk of chunks(second, options)) assert.equal(receiver.push(chunk), null);
    assert.ok(cuts.length > 5, `${cuts.length} commits`);
    let again = 0;
    for (const cut of cuts) {
      const volume = mountedVolume(mount(cut));
      const whole = volume.findSubvolume("second");
      if (whole > 0 && !volume.subvolume(whole)!.isIncomplete) continue;
      const from = partialTransfers(volume).find(({ from }) => from[0] > 0)?.from;
      const received = transfer(second, volume, { ...options, ...(from === undefined ? {} : { resume: from }) });
      assert.equal(dumpSubvolume(received), dumpSubvolume(second));
      commitAndCheck(volume, cut);
      again++;
    }
    assert.ok(again > 4, `${again} transfers`);
  }
});

test("a second transfer, one without its base, and one of a name that is taken are refused", () => {
  const { volume } = freshVolume(16);
  volume.root.create(ROOT_INO, "f", S_IFREG | 0o644, 0, 0);
  const first = snapshotOf(volume, "first");
  volume.root.create(ROOT_INO, "g", S_IFREG | 0o644, 0, 0);
  const second = snapshotOf(volume, "second");
  const target = freshVolume(16).volume;
  const push = (source: Subvolume, options: SendOptions = {}, name?: string): string | number | null =>
    new ReceiveStream(target, name === undefined ? {} : { name }).push([...chunks(source, options)][0]!);
  assert.match(String(push(second, { parent: first })), /differences from a snapshot that this volume does not have/);
  assert.match(String(push(first, {}, "root")), /of this name already/);
  assert.equal(push(first), null);
  assert.match(String(push(first)), /has that snapshot already/);
  assert.equal(push(second, { parent: first }), null);
  assert.match(String(new ReceiveStream(target).push(new TextEncoder().encode("not a stream at all"))), /no stream/);
});

test("a damaged record is refused where it stands, by its own checksum", () => {
  const source = freshVolume(16).volume;
  const ino = source.root.create(ROOT_INO, "f", S_IFREG | 0o644, 0, 0);
  source.root.write(ino, 0, new Uint8Array(20_000).fill(7), 0, 20_000);
  const stream = Buffer.concat([...chunks(snapshotOf(source, "s"))]);
  const content = stream.indexOf(Buffer.alloc(64, 7));
  assert.ok(content > 0);
  stream[content + 10]! ^= 1;
  assert.match(String(new ReceiveStream(freshVolume(16).volume).push(stream)), /a record is damaged \(checksum\)/);
});

test(`damaged and forged streams are refused and leave a whole volume (seed ${SEED})`, () => {
  const random = new SeededRandom(SEED + 2);
  const source = freshVolume(32);
  const workload = new Workload(random, source.volume.root, { sizeMax: 30_000, names: 20 });
  for (let step = 0; step < 300; step++) workload.step();
  const snapshot = snapshotOf(source.volume, "s");
  const whole = Buffer.concat([...chunks(snapshot)]);
  for (let round = 0; round < 60; round++) {
    const target = freshVolume(32);
    const bytes = Buffer.from(whole);
    bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
    const receiver = new ReceiveStream(target.volume);
    let result: string | number | null = null;
    for (let at = 0; at < bytes.length && result === null; at += 10_000)
      result = receiver.push(bytes.subarray(at, at + 10_000));
    result ??= receiver.finish();
    assert.notEqual(result, null, "a flipped bit goes unnoticed");
    assert.ok(receiver.received === null);
    commitAndCheck(target.volume, target.device);
  }
});
