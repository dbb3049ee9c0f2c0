/**
 * Where queues begin. What was claimed stays in the queue's index until the server clears it away, which it can't while
 * any transaction that is older goes on (a backup, somebody's forgotten psql); each claim would walk over all of it
 * first. So a hub remembers for a moment before which place nothing is left. What comes into the queue before that
 * place meanwhile is told, or found half a second later.
 */

/** In the queue's order: −priority, rank, number of the task. */
export type QueuePlace = readonly [negativePriority: number, rank: number, task: number];

export interface QueueHead {
  readonly channel: string;
  readonly arch: string;
  readonly place: QueuePlace;
}

const KEPT_MS = 500;

export class QueueHeads {
  readonly #heads = new Map<string, QueueHead>();
  readonly nowMs: () => number;
  #foundMs = -Infinity;
  #forgottenMs = -Infinity;

  constructor(nowMs = (): number => performance.now()) {
    this.nowMs = nowMs;
  }

  /** Whether it is time to look again: what a claim then finds is for `found`. */
  get isOld(): boolean {
    return this.nowMs() - this.#foundMs >= KEPT_MS;
  }

  /** Nothing is left before these. */
  get known(): readonly QueueHead[] {
    return this.isOld ? [] : [...this.#heads.values()];
  }

  /** @param askedMs  when the statement that saw them was sent */
  found(heads: readonly QueueHead[], askedMs: number): void {
    // Something has come in meanwhile, which it may not have seen.
    if (askedMs < this.#forgottenMs) return;
    this.#heads.clear();
    for (const head of heads) this.#heads.set(keyOf(head), head);
    this.#foundMs = askedMs;
  }

  /** @param place  of the first that came in; null: anywhere */
  cameIn(channel: string, arch: string, place: QueuePlace | null): void {
    const key = keyOf({ channel, arch });
    const head = this.#heads.get(key);
    if (place !== null && head !== undefined && isBehind(place, head.place)) return;
    this.#heads.delete(key);
    this.#forgottenMs = this.nowMs();
  }

  forget(): void {
    this.#heads.clear();
    this.#forgottenMs = this.nowMs();
  }
}

function keyOf({ channel, arch }: Pick<QueueHead, "channel" | "arch">): string {
  return `${channel} ${arch}`;
}

function isBehind(place: QueuePlace, other: QueuePlace): boolean {
  for (let index = 0; index < place.length; index++)
    if (place[index] !== other[index]) return place[index]! > other[index]!;
  return true;
}
