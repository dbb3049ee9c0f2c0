/**
 * The rules of advisory locks, for whoever has files and owners: which ranges conflict, what becomes of an owner's
 * ranges when it sets another one, and who would wait for whom in a circle (fcntl(2), "Advisory record locking";
 * flock(2)). An owner is any object: a process, an open file description.
 */
/** Types of locks, with the numbers of F_RDLCK, F_WRLCK and F_UNLCK in Linux. */
export const LOCK_SHARED = 0;
export const LOCK_EXCLUSIVE = 1;
export const LOCK_NONE = 2;

/** @typeParam Offset  how its keeper tells places in files: numbers are exact below 2^53 */
export interface RangeLock<Owner, Offset extends number | bigint = number> {
  /** LOCK_SHARED or LOCK_EXCLUSIVE; of a wish also LOCK_NONE. */
  readonly type: number;
  readonly start: Offset;
  /** Exclusive; Infinity: to the end, however far the file grows. */
  readonly end: Offset | number;
  readonly owner: Owner;
}

/** The lock that keeps `wanted` from being set; null when it could be. */
export function conflictingRange<Lock extends RangeLock<unknown, number | bigint>>(
  ranges: readonly Lock[],
  wanted: RangeLock<unknown, number | bigint>,
): Lock | null {
  for (const lock of ranges) {
    if (
      lock.owner !== wanted.owner &&
      lock.start < wanted.end &&
      wanted.start < lock.end &&
      (lock.type === LOCK_EXCLUSIVE || wanted.type === LOCK_EXCLUSIVE)
    )
      return lock;
  }
  return null;
}

/** All of these locks. */
export function conflictingRanges<Lock extends RangeLock<unknown, number | bigint>>(
  ranges: readonly Lock[],
  wanted: RangeLock<unknown, number | bigint>,
): Lock[] {
  return ranges.filter((lock) => conflictingRange([lock], wanted) !== null);
}

/**
 * The list with the owner's bytes in `wanted` changed to its type: ranges are cut, and neighbours of one type joined.
 */
export function replaceRange<Lock extends RangeLock<unknown, number | bigint>>(
  ranges: readonly Lock[],
  wanted: Lock,
): Lock[] {
  const result: Lock[] = [];
  let { start, end } = wanted;
  // One that grows is still the first that was there, with what its keeper knows of it (fs/locks.c, posix_lock_inode).
  let grown: Lock | null = null;
  let isInOrder = true;
  for (const lock of ranges) {
    if (lock.owner !== wanted.owner || lock.end < start || lock.start > end) result.push(lock);
    else if (lock.type === wanted.type) {
      grown ??= lock;
      start = lock.start < start ? lock.start : start;
      end = lock.end > end ? lock.end : end;
    } else {
      if (lock.start < wanted.start) result.push({ ...lock, end: lock.end < wanted.start ? lock.end : wanted.start });
      if (lock.end > wanted.end) {
        result.push({ ...lock, start: lock.start > wanted.end ? lock.start : wanted.end });
        isInOrder = false;
      }
    }
  }
  if (!isInOrder) result.sort((one, other) => (one.start < other.start ? -1 : one.start > other.start ? 1 : 0));
  if (wanted.type === LOCK_NONE) return result;
  let place = result.length;
  while (place > 0 && result[place - 1]!.start > start) place--;
  result.splice(place, 0, { ...(grown ?? wanted), start, end });
  return result;
}

/**
 * Does `from` wait for `target`, by way of others or not? `blockersOf` says for whom an owner waits. Then `target` must
 * not wait for `from`.
 */
export function waitsFor<Owner>(from: Owner, target: Owner, blockersOf: (owner: Owner) => readonly Owner[]): boolean {
  const seen = new Set<Owner>([from]);
  for (const owner of seen) {
    if (owner === target) return true;
    for (const blocker of blockersOf(owner)) seen.add(blocker);
  }
  return false;
}
