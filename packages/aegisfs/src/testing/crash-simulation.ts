/**
 * Crash simulation. A workload runs on a `CrashDisk`; at every flush the disk is cut in many ways, and each thing that
 * a crash may have left must mount, be clean under check, and hold exactly the files of the last commit or of the one
 * that was going on.
 */
import { SeededRandom } from "@stratos/base";
import type { BlockDevice } from "@stratos/host";
import { AuditLog, DirectoryEntry, format, mount, ROOT_INO, Transaction, verifyAudit } from "../aegisfs.ts";
import type { FormatOptions, MountError, Problem, Subvolume, Volume } from "../aegisfs.ts";
import { checkVolume } from "../check/check.ts";
import { CrashDisk } from "./crash-disk.ts";
import type { CrashImage } from "./crash-disk.ts";
import { dumpSubvolume, withoutTimes } from "./dump.ts";
import type { Contents } from "./dump.ts";
import { NO_FOLD, type Fold } from "./fold.ts";
import type { Model } from "./model.ts";
import { difference, Workload } from "./workload.ts";

interface CrashOptions {
  seed: number;
  /** Stop after so many crash states. */
  states: number;
  /** Prefixes of the unflushed writes, and random choices of them, that are tried at one flush. */
  prefixes?: number;
  choices?: number;
  /** Puts something between the volume and the disk: a planted fault. */
  wrap?: (disk: BlockDevice) => BlockDevice;
  /** Makes the volume; the plain one when absent. */
  format?: Partial<FormatOptions>;
  /** What is mounted of a disk, before and after a crash: a layer between. */
  layer?: (disk: BlockDevice) => BlockDevice;
  /** Called after each step: a planted fault inside. */
  afterStep?: (volume: Volume) => void;
  /** The files are huge, with what the workload does at both ends of them. */
  fold?: Fold;
  /** Told at the end how many times the intent log was used. */
  onEnd?: (counts: { syncs: number }) => void;
  /** Asked between states: true ends the run. */
  shouldStop?: () => boolean;
}

const DISK_SIZE = 12 << 20;
/** What is mounted for one look needs no room for a million inodes: making it would cost more than the look. */
const SMALL = { cacheInodes: 512, cacheEntries: 512, cachePages: 64, cacheNodes: 128 };

/** Returns the number of crash states that were looked at. Throws at the first that is not right, with the seed. */
export function simulateCrashes(options: CrashOptions): number {
  const random = new SeededRandom(options.seed);
  const fold = options.fold ?? NO_FOLD;
  const disk = new CrashDisk(DISK_SIZE);
  const layer = options.layer ?? ((raw: BlockDevice): BlockDevice => raw);
  const layered = layer(disk);
  if (format(layered, { uuid: new Uint8Array(16).fill(3), hashSeed: options.seed, ...options.format }) !== 0)
    throw new Error("format failed");
  const pendingChanges = random.below(2) === 0 ? 4 + random.below(20) : 500;
  const opened = mount(options.wrap?.(layered) ?? layered, {
    cacheNodes: 8 + random.below(30),
    dirtyNodes: random.below(2) === 0 ? 5 + random.below(20) : 500,
    cachePages: 8 + random.below(60),
    pendingChanges,
  });
  if (typeof opened === "string") throw new Error(opened);
  const volume = opened;
  if (options.seed % 3 === 0 && AuditLog.enable(volume) < 0) throw new Error("no audit log");
  const workload = new Workload(random, volume.root, { sizeMax: 60_000, names: 12, fold });
  let states = 0;
  let syncs = 0;
  const dumped = (files: Subvolume, seen: Contents | null = null, instead: Contents | null = null): string =>
    dumpSubvolume(files, seen, instead, undefined, undefined, fold);
  // What is durable: the last commit, or (without times) what the intent log has on top of it, and the content that it
  // has of each file.
  let contents: Contents = new Map();
  let committed = dumped(volume.root, contents);
  let logged: string | null = null;
  /** The file that is being synced. */
  let syncing = 0;
  let generation = volume.superblock.generation;

  const dumpLive = (): string => {
    try {
      return dumped(volume.root);
    } catch (error) {
      throw new Error(`seed ${options.seed}, state ${states}: what was written cannot be read`, { cause: error });
    }
  };

  /** Files that were emptied before the last commit. */
  let emptiedBefore = new Set<number>();

  /**
   * The content that the log will have when `syncing` is synced: that of this file, and of those that replaced
   * something.
   */
  const contentsToLog = (): Contents => {
    const now: Contents = new Map();
    dumped(volume.root, now);
    const known = new Map(contents);
    const take = (ino: number): void => {
      const own = now.get(ino);
      if (own !== undefined) known.set(ino, own);
    };
    take(syncing);
    for (const ino of workload.movedOver) take(ino);
    // Until it is written again the old content is there.
    for (const ino of [...workload.emptied, ...emptiedBefore]) if ((now.get(ino)?.size ?? 0) > 0) take(ino);
    return known;
  };

  /** As the log will have it: all names, and that content. */
  const goingToLog = (): string => dumped(volume.root, null, contentsToLog());

  const verify = (
    crashed: CrashImage,
    expected: readonly string[],
    expectedLog: readonly string[],
    how: string,
  ): void => {
    states++;
    const place = `seed ${options.seed}, state ${states} (${how}), flush ${disk.flushes}, after ${workload.last}`;
    const image = layer(crashed);
    const recovered = mount(image, SMALL);
    if (typeof recovered === "string") throw new Error(`${place}: does not mount: ${recovered}`);
    let found: string;
    try {
      found = dumped(recovered.root);
    } catch (error) {
      throw new Error(`${place}: cannot be read`, { cause: error });
    }
    if (!expected.includes(found) && !expectedLog.includes(withoutTimes(found))) {
      const nearest = expected[0] ?? expectedLog[0]!;
      throw new Error(
        `${place}: neither the last commit or log nor the next:\n` +
          `${difference(nearest, expected.length > 0 ? found : withoutTimes(found))}`,
      );
    }
    if (recovered.sync() < 0) throw new Error(`${place}: recovery cannot be committed`);
    const audit = verifyAudit(recovered);
    if (audit !== null && (typeof audit === "number" || audit.problems.length > 0))
      throw new Error(`${place}: audit log: ${JSON.stringify(audit)}`);
    const problems = examine(image);
    if (typeof problems === "string" || problems.length > 0)
      throw new Error(`${place}: ${JSON.stringify(problems).slice(0, 500)}`);
    if (states % 16 !== 0) return;
    // Life goes on after recovery.
    if (recovered.root.create(1, `after-${states}`, 0o100644, 0, 0) < 0 || recovered.sync() < 0)
      throw new Error(`${place}: cannot be written to`);
    const after = examine(image);
    if (typeof after === "string" || after.length > 0)
      throw new Error(`${place}, written to: ${JSON.stringify(after).slice(0, 500)}`);
  };

  const isOver = (): boolean => states >= options.states || options.shouldStop?.() === true;
  disk.onFlush = (): void => {
    const going = dumpLive();
    const expected = logged === null ? [committed, going] : [going];
    const expectedLog = [...(logged === null ? [] : [logged]), ...(syncing > 0 ? [goingToLog()] : [])];
    if (logged !== null) expected.reverse();
    const count = disk.pending.length;
    const step = Math.max(1, Math.ceil((count + 1) / (options.prefixes ?? 6)));
    for (let prefix = 0; prefix <= count && !isOver(); prefix += step)
      verify(disk.crashAfter(prefix), expected, expectedLog, `first ${prefix} of ${count} writes`);
    for (let choice = 0; choice < (options.choices ?? 6) && !isOver(); choice++)
      verify(disk.crashAnyhow(random), expected, expectedLog, `choice ${choice} of ${count} writes`);
    // The flush behind a new superblock makes its commit the last one.
    if (volume.superblock.generation > generation) {
      generation = volume.superblock.generation;
      contents = new Map();
      committed = dumped(volume.root, contents);
      logged = null;
      emptiedBefore = new Set(workload.emptied);
      workload.emptied.clear();
      workload.movedOver.clear();
    }
  };

  const sync = (): void => {
    const ino = workload.pickFile();
    const before = generation;
    syncing = ino;
    const failed = volume.root.fsync(ino);
    if (failed < 0) throw new Error(`seed ${options.seed}: fsync ${ino}: ${failed}`);
    if (generation === before) {
      try {
        logged = goingToLog();
        contents = contentsToLog();
      } catch (error) {
        throw new Error(`seed ${options.seed}, state ${states}: what was written cannot be read`, { cause: error });
      }
      syncs++;
    }
    syncing = 0;
  };

  const snapshots: { id: number; model: Model }[] = [];
  const changeSnapshots = (): void => {
    const event = random.below(8);
    const chosen = snapshots[random.below(Math.max(1, snapshots.length))];
    workload.last = "a change of snapshots";
    if (event === 0 && snapshots.length < 4) {
      const id = volume.snapshot(volume.root, `snapshot${states}-${snapshots.length}`, { readOnly: true });
      if (id < 0) throw new Error(`seed ${options.seed}: snapshot: ${id}`);
      snapshots.push({ id, model: workload.model.copy() });
    } else if (event === 1 && chosen !== undefined) {
      if (volume.deleteSubvolume(chosen.id) < 0) throw new Error(`seed ${options.seed}: deletion of a snapshot`);
      snapshots.splice(snapshots.indexOf(chosen), 1);
    } else if (event === 2 && chosen !== undefined) {
      if (volume.rollback(chosen.id) < 0) throw new Error(`seed ${options.seed}: rollback`);
      workload.resume(volume.root, chosen.model.copy());
    } else if (event === 4) {
      const transaction = Transaction.begin(volume);
      if (typeof transaction === "number") throw new Error(`seed ${options.seed}: transaction: ${transaction}`);
      for (let count = 1 + random.below(4); count > 0; count--) {
        const ino = transaction.files.create(1, `t${states}-${count}`, 0o100644, 0, 0);
        if (ino > 0) transaction.files.write(ino, 0, new Uint8Array(9000).fill(count), 0, 1 + random.below(9000));
      }
      // Half of them meet changes of others and are merged.
      if (random.below(2) === 0) volume.root.create(1, `beside${states}`, 0o100644, 0, 0);
      const ended = random.below(4) === 0 ? transaction.abort() : transaction.commit();
      if (ended < 0)
        throw new Error(`seed ${options.seed}: end of a transaction: ${ended} (${transaction.conflict ?? ""})`);
      for (const name of namesOf(volume.root))
        if (/^(t\d|beside)/.test(name) && volume.root.unlink(1, name) < 0)
          throw new Error(`seed ${options.seed}: ${name} cannot be removed`);
    } else if (event === 3 && volume.reclaim(1 + random.below(3)) < 0)
      throw new Error(`seed ${options.seed}: freeing what was deleted`);
  };

  while (!isOver()) {
    for (let step = 1 + random.below(25); step > 0; step--) {
      workload.step();
      options.afterStep?.(volume);
      if (random.below(4) === 0) sync();
    }
    if (random.below(6) === 0) {
      const ino = volume.root.createUnnamed(ROOT_INO, 0o100600, 0, 0);
      if (ino > 0) volume.root.write(ino, 0, new Uint8Array(9000).fill(1), 0, 9000);
    }
    if (volume.sync() < 0) throw new Error(`seed ${options.seed}: sync failed`);
    changeSnapshots();
    // The disk must not fill up with what the workload leaves.
    if (volume.usage().freeBlocks < 800) break;
  }
  options.onEnd?.({ syncs });
  return states;
}

/** `check` with small caches. */
function examine(image: BlockDevice): Problem[] | MountError {
  const found = mount(image, { ...SMALL, readOnly: true, degraded: true, asFound: true });
  return typeof found === "string" ? found : checkVolume(found, { data: true });
}

function namesOf(files: Subvolume): string[] {
  const names: string[] = [];
  const entry = new DirectoryEntry();
  for (let cursor = 0; files.readDirectory(1, cursor, entry) === 1; cursor = entry.nextCursor) names.push(entry.name);
  return names;
}
