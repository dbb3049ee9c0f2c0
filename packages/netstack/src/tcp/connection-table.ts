/** Connections by their two ends: a hash table whose seed nobody outside knows, so that nobody fills one bucket. */
import { stateClass } from "@stratos/base";
import { type IpAddress, isSameIp } from "../ip-address.ts";
import type { IpSending } from "../ip-output.ts";

const SMALLEST = 64;

/** What has two ends, and a place in a table. */
export interface TableEntry {
  readonly local: IpAddress;
  readonly localPort: number;
  readonly remote: IpAddress;
  readonly remotePort: number;
  readonly how: Pick<IpSending, "device">;
  nextInBucket: TableEntry | null;
}

export class ConnectionTable<T extends TableEntry> {
  #buckets: (T | null)[] = new Array<T | null>(SMALLEST).fill(null);
  #seed: number;
  count = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** @param device  the interface it came in by; a connection of one interface hears that one alone */
  find(local: IpAddress, localPort: number, remote: IpAddress, remotePort: number, device: number): T | null {
    let one: T | null = this.#buckets[this.#bucketOf(local, localPort, remote, remotePort)]!;
    while (one !== null) {
      if (
        one.remotePort === remotePort &&
        one.localPort === localPort &&
        isSameIp(one.remote, remote) &&
        isSameIp(one.local, local) &&
        (one.how.device === 0 || device === 0 || one.how.device === device)
      )
        return one;
      one = one.nextInBucket as T | null;
    }
    return null;
  }

  add(one: T): void {
    if (this.count >= this.#buckets.length) this.#grow();
    this.#put(one);
    this.count++;
  }

  remove(one: T): void {
    const at = this.#bucketOf(one.local, one.localPort, one.remote, one.remotePort);
    let each: TableEntry | null = this.#buckets[at]!;
    if (each === one) this.#buckets[at] = one.nextInBucket as T | null;
    else {
      while (each !== null && each.nextInBucket !== one) each = each.nextInBucket;
      if (each === null) return;
      each.nextInBucket = one.nextInBucket;
    }
    one.nextInBucket = null;
    this.count--;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let one of this.#buckets)
      while (one !== null) {
        const next: T | null = one.nextInBucket as T | null;
        yield one;
        one = next;
      }
  }

  #put(one: T): void {
    const at = this.#bucketOf(one.local, one.localPort, one.remote, one.remotePort);
    one.nextInBucket = this.#buckets[at]!;
    this.#buckets[at] = one;
  }

  #grow(): void {
    const all = [...this];
    this.#buckets = new Array<T | null>(2 * this.#buckets.length).fill(null);
    for (const one of all) this.#put(one);
  }

  #bucketOf(local: IpAddress, localPort: number, remote: IpAddress, remotePort: number): number {
    let hash = this.#seed;
    for (let word = 0; word < 4; word++) hash = mix(mix(hash, remote[word]!), local[word]!);
    hash = mix(hash, (localPort << 16) | remotePort);
    return (hash ^ (hash >>> 15)) & (this.#buckets.length - 1);
  }

  static {
    stateClass("tcp.ConnectionTable", this, {
      save: (it) => ({ buckets: it.#buckets, seed: it.#seed }),
      load: (it, from) => ({ buckets: it.#buckets, seed: it.#seed } = from as never),
    });
  }
}

function mix(hash: number, word: number): number {
  hash = Math.imul(hash ^ word, 0x9e3779b1);
  return hash ^ (hash >>> 16);
}
