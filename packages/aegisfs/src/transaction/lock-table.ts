/**
 * Locks that transactions may take on inodes, to wait for each other rather than to conflict at the end. Nothing here
 * waits: `acquire` says whether the lock is held, queued or would close a circle of transactions that wait for each
 * other, and `onGranted` tells later of queued ones.
 *
 * Locks are granted in the order in which they were asked for; only a holder that asks for more goes before those who
 * wait.
 */
export type LockMode = "shared" | "exclusive";
type LockResult = "granted" | "queued" | "deadlock";

interface Request<Owner> {
  readonly owner: Owner;
  mode: LockMode;
}

class Lock<Owner> {
  readonly holders: Request<Owner>[] = [];
  readonly queue: Request<Owner>[] = [];
}

export class LockTable<Owner> {
  readonly #locks = new Map<number, Lock<Owner>>();
  readonly #onGranted: (owner: Owner, ino: number) => void;

  constructor(onGranted: (owner: Owner, ino: number) => void = () => {}) {
    this.#onGranted = onGranted;
  }

  acquire(owner: Owner, ino: number, mode: LockMode): LockResult {
    let lock = this.#locks.get(ino);
    if (lock === undefined) this.#locks.set(ino, (lock = new Lock()));
    const held = lock.holders.find((request) => request.owner === owner);
    if (held !== undefined && (held.mode === "exclusive" || mode === "shared")) return "granted";
    const request: Request<Owner> = { owner, mode };
    if (canHold(lock, request) && (held !== undefined || lock.queue.length === 0)) {
      grant(lock, request);
      return "granted";
    }
    if (held === undefined) lock.queue.push(request);
    else lock.queue.unshift(request);
    if (this.#waitsForItself(owner)) {
      lock.queue.splice(lock.queue.indexOf(request), 1);
      return "deadlock";
    }
    return "queued";
  }

  /** All that the owner holds and waits for; those who waited for it are told. */
  releaseAll(owner: Owner): void {
    const granted: [Owner, number][] = [];
    for (const [ino, lock] of this.#locks) {
      remove(lock.holders, owner);
      remove(lock.queue, owner);
      while (lock.queue.length > 0 && canHold(lock, lock.queue[0]!)) {
        const request = lock.queue.shift()!;
        grant(lock, request);
        granted.push([request.owner, ino]);
      }
      if (lock.holders.length === 0 && lock.queue.length === 0) this.#locks.delete(ino);
    }
    for (const [next, ino] of granted) this.#onGranted(next, ino);
  }

  holds(owner: Owner, ino: number): LockMode | null {
    return this.#locks.get(ino)?.holders.find((request) => request.owner === owner)?.mode ?? null;
  }

  /** Follows who waits for whom: holders that stand in the way, and those before it in the queue. */
  #waitsForItself(start: Owner): boolean {
    const seen = new Set<Owner>();
    const todo: Owner[] = [start];
    for (let owner = todo.pop(); owner !== undefined; owner = todo.pop()) {
      for (const lock of this.#locks.values()) {
        const place = lock.queue.findIndex((request) => request.owner === owner);
        if (place < 0) continue;
        const { mode } = lock.queue[place]!;
        const before = [
          ...lock.holders.filter(
            (holder) => holder.owner !== owner && (mode === "exclusive" || holder.mode === "exclusive"),
          ),
          ...lock.queue.slice(0, place),
        ];
        for (const { owner: other } of before) {
          if (other === start) return true;
          if (!seen.has(other)) {
            seen.add(other);
            todo.push(other);
          }
        }
      }
    }
    return false;
  }
}

function canHold<Owner>(lock: Lock<Owner>, request: Request<Owner>): boolean {
  return lock.holders.every(
    (holder) => holder.owner === request.owner || (holder.mode === "shared" && request.mode === "shared"),
  );
}

function grant<Owner>(lock: Lock<Owner>, request: Request<Owner>): void {
  remove(lock.holders, request.owner);
  lock.holders.push(request);
}

function remove<Owner>(requests: Request<Owner>[], owner: Owner): void {
  for (let index = requests.length - 1; index >= 0; index--)
    if (requests[index]!.owner === owner) requests.splice(index, 1);
}
