/**
 * Transactions over any set of operations: all of them, or none.
 *
 * A transaction works on a private fork of the live files (`files`, a `Subvolume` like any other; making it takes
 * constant time). What others do meanwhile it does not see, and they do not see it. `commit` puts its changes into the
 * live files in one atomic step:
 *
 * - nobody else changed anything: the live files become the fork;
 * - else what both sides changed is compared. The first who commits wins: if both wrote the same inode or name, the
 *   later one is refused with EAGAIN and changes nothing (level "snapshot"). At level "serializable" it is refused as
 *   well if anything that it *read* was changed, so that the outcome is always that of some order of whole
 *   transactions. Changes in different places are merged (merge.ts).
 *
 * Whoever would rather wait than be refused takes locks on inodes (`lock`), which tell of deadlocks before they happen.
 * A crash, or an unmount without commit, leaves nothing of a transaction: its forks are marked, and the next mount
 * drops them.
 *
 * After a merge, new files may have other numbers than in the transaction.
 */
import { EAGAIN, EBADF, EDEADLK, EINVAL, ENOSPC } from "@stratos/abi";
import { Operation } from "../file/operation.ts";
import { Failure } from "../failure.ts";
import { SUBVOLUME_READ_ONLY, SUBVOLUME_TRANSACTION } from "../format/subvolume-item.ts";
import { POINTER_AT_BIRTH_HIGH, POINTER_AT_BIRTH_LOW, POINTER_AT_BLOCK } from "../format/node-layout.ts";
import type { Subvolume } from "../volume/subvolume.ts";
import { Room } from "../space/reserve.ts";
import type { Volume } from "../volume/volume.ts";
import { ChangeSet } from "./change-set.ts";
import { LockTable, type LockMode } from "./lock-table.ts";
import { mergeChanges } from "./merge.ts";
import { ReadSet } from "../volume/read-set.ts";

export type IsolationLevel = "snapshot" | "serializable";

export interface TransactionOptions {
  /** Default: "snapshot". */
  readonly level?: IsolationLevel;
  /** Called when a lock that was queued is granted. */
  readonly onLock?: (ino: number) => void;
}

export class Transaction {
  readonly #volume: Volume;
  readonly #base: Subvolume;
  readonly #options: TransactionOptions;
  #isOpen = true;
  /** The transaction's own view of the files. */
  readonly files: Subvolume;
  /** Why the last commit was refused: what both sides touched. */
  conflict: string | null = null;

  private constructor(volume: Volume, base: Subvolume, files: Subvolume, options: TransactionOptions) {
    this.#volume = volume;
    this.#base = base;
    this.files = files;
    this.#options = options;
    if (options.level === "serializable") files.reads = new ReadSet();
  }

  /** −EROFS, −ENOSPC, −EIO. */
  static begin(volume: Volume, options: TransactionOptions = {}): Transaction | number {
    const failed = volume.begin(Room.grows);
    if (failed < 0) return failed;
    try {
      const committed = volume.commit(); // clean trees can be shared as they are
      if (committed < 0) return committed;
      const number = volume.superblock.nextSubvolume;
      const base = volume.fork(volume.root, `transaction-${number}-base`, SUBVOLUME_READ_ONLY | SUBVOLUME_TRANSACTION);
      const files = volume.fork(volume.root, `transaction-${number}`, SUBVOLUME_TRANSACTION);
      return new Transaction(volume, base, files, options);
    } catch (thrown) {
      return volume.abort(thrown);
    } finally {
      volume.end();
    }
  }

  /**
   * One whose two sides are snapshots that outlive a mount: `base`, read-only, and `files`, a writable one that was
   * taken of it. Both go when it is committed or aborted.
   */
  static resume(base: Subvolume, files: Subvolume, options: TransactionOptions = {}): Transaction | number {
    if (
      (base.flags & SUBVOLUME_READ_ONLY) === 0 ||
      base === files ||
      files === files.volume.root ||
      base.volume !== files.volume
    )
      return -EINVAL;
    return new Transaction(files.volume, base, files, options);
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /**
   * 0 when the lock is held; −EAGAIN when it is queued (`onLock` tells when it is granted); −EDEADLK when waiting for
   * it could never end.
   */
  lock(ino: number, mode: LockMode): number {
    if (!this.#isOpen) return -EBADF;
    const result = locksOf(this.#volume).acquire(this, ino, mode);
    return result === "granted" ? 0 : result === "queued" ? -EAGAIN : -EDEADLK;
  }

  /** Called by the lock table. */
  granted(ino: number): void {
    this.#options.onLock?.(ino);
  }

  /**
   * All that was done becomes visible and durable at once.
   *
   * @returns 0; −EAGAIN when others changed the same (`conflict` says what): nothing has happened, and the transaction
   *   is over; −ENOSPC, after which it is still open; −EBADF when it was over already
   */
  commit(): number {
    if (!this.#isOpen) return -EBADF;
    const volume = this.#volume;
    const failed = volume.commit();
    if (failed < 0) return failed;
    try {
      const live = volume.root;
      const isAlone = sameRoot(live.tree.root, this.#base.tree.root);
      const firstNew = this.#base.nextIno;
      let own: ChangeSet | null = null;
      if (!isAlone) {
        own = ChangeSet.between(volume, this.#base.tree.root, this.files.tree.root, firstNew);
        const others = ChangeSet.between(volume, this.#base.tree.root, live.tree.root, firstNew);
        this.conflict = own.conflictWith(others) ?? this.files.reads?.meets(others.visible) ?? null;
        if (this.conflict !== null) {
          const ended = this.abort();
          return ended < 0 ? ended : -EAGAIN;
        }
      }
      const begun = volume.begin(Room.grows);
      if (begun < 0) return begun;
      // Each item may change a leaf of its own.
      if (own !== null && volume.space.availableQuads < volume.quadReserve + own.items.length) return -ENOSPC;
      if (own === null) volume.replaceContent(live, this.files);
      else mergeChanges(live, this.files, own, firstNew);
      if (this.files.properties !== this.#base.properties) live.properties = this.files.properties;
      volume.observer?.changed(
        live.id,
        Operation.commitTransaction,
        0,
        live.id,
        this.files.name,
        this.files.id,
        "",
        0,
        own?.items.length ?? 0,
      );
      this.#drop();
      return volume.commit();
    } catch (thrown) {
      return volume.abort(thrown);
    } finally {
      volume.end();
    }
  }

  /** Nothing of it has happened. 0, −EBADF when it was over already, −EIO. */
  abort(): number {
    if (!this.#isOpen) return -EBADF;
    const volume = this.#volume;
    const failed = volume.commit(); // its own trees must be clean to be dropped
    if (failed < 0) return failed;
    const begun = volume.begin(Room.frees);
    if (begun < 0) return begun;
    try {
      this.#drop();
      return volume.commit();
    } catch (thrown) {
      return volume.abort(thrown);
    } finally {
      volume.end();
    }
  }

  #drop(): void {
    this.#isOpen = false;
    this.#volume.drop(this.files);
    this.#volume.drop(this.#base);
    locksOf(this.#volume).releaseAll(this);
  }
}

const tables = new WeakMap<Volume, LockTable<Transaction>>();

function locksOf(volume: Volume): LockTable<Transaction> {
  let table = tables.get(volume);
  if (table === undefined) tables.set(volume, (table = new LockTable((transaction, ino) => transaction.granted(ino))));
  return table;
}

function sameRoot(a: Uint32Array, b: Uint32Array): boolean {
  return (
    a[POINTER_AT_BLOCK] === b[POINTER_AT_BLOCK] &&
    a[POINTER_AT_BIRTH_LOW] === b[POINTER_AT_BIRTH_LOW] &&
    a[POINTER_AT_BIRTH_HIGH] === b[POINTER_AT_BIRTH_HIGH]
  );
}

/** Drops what a crash left of transactions; a mount calls it. 0 or a negated errno. */
export function dropTransactions(volume: Volume): number {
  try {
    const left = volume
      .subvolumeIds()
      .map((id) => volume.subvolume(id))
      .filter((subvolume) => subvolume !== null && (subvolume.flags & SUBVOLUME_TRANSACTION) !== 0);
    if (left.length === 0) return 0;
    const failed = volume.begin(Room.frees);
    if (failed < 0) return failed;
    for (const subvolume of left) volume.drop(subvolume!);
    volume.end();
    return 0;
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    return volume.abort(thrown);
  }
}
