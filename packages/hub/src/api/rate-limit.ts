/**
 * How many requests a second one key makes, or one address without a key (RFC 6585 §4): what a program in a loop may
 * take of a hub that serves others. A bucket for each, which fills at the limit's pace and holds ten seconds of it.
 *
 * A key counts for each address apart, as many workers share one; and workers behind one address, each with a key, do
 * not take each other's. Addresses of version 6 count by their /64, of which one client has all.
 */
export const RATE_LIMIT_DEFAULT = 1_000;
const BURST_SECONDS = 10;
/** Buckets beyond are forgotten, the one that was not used for longest first: who comes again has a full one. */
const BUCKETS_MAX = 10_000;

interface Bucket {
  left: number;
  atMs: number;
}

export class RateLimit {
  /** May be changed at any time; 0: no limit. */
  perSecond: number;
  readonly #buckets = new Map<string, Bucket>();
  readonly #nowMs: () => number;

  constructor(perSecond: number, nowMs: () => number = () => performance.now()) {
    this.perSecond = perSecond;
    this.#nowMs = nowMs;
  }

  /**
   * Takes one request of who makes it.
   *
   * @param keyId  null: it showed none, or none that is good
   * @returns seconds until there is room for it; 0: it is served
   */
  take(address: string, keyId: string | null): number {
    if (this.perSecond === 0) return 0;
    const who = keyId === null ? networkOf(address) : `${keyId} ${networkOf(address)}`;
    const most = this.perSecond * BURST_SECONDS;
    const nowMs = this.#nowMs();
    const bucket = this.#buckets.get(who) ?? { left: most, atMs: nowMs };
    bucket.left = Math.min(most, bucket.left + ((nowMs - bucket.atMs) / 1_000) * this.perSecond);
    bucket.atMs = nowMs;
    this.#buckets.delete(who);
    if (this.#buckets.size >= BUCKETS_MAX) this.#buckets.delete(this.#buckets.keys().next().value!);
    this.#buckets.set(who, bucket);
    if (bucket.left < 1) return Math.ceil((1 - bucket.left) / this.perSecond);
    bucket.left -= 1;
    return 0;
  }

  /** Of a refusal: the policy (draft-ietf-httpapi-ratelimit-headers-10) and when to come again (RFC 9110 §10.2.3). */
  headers(seconds: number): Readonly<Record<string, string>> {
    const policy = `"requests";q=${this.perSecond * BURST_SECONDS};w=${BURST_SECONDS}`;
    return {
      "Retry-After": String(seconds),
      "RateLimit-Policy": policy,
      "RateLimit": `"requests";r=0;t=${seconds}`,
    };
  }
}

/** An address of version 4 as it is; of version 6 its first 64 bits, in the form in which Node tells addresses. */
export function networkOf(address: string): string {
  if (!address.includes(":")) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address);
  if (mapped !== null) return mapped[1]!;
  const [head = "", tail] = address.replace(/%.*$/, "").split("::");
  const front = head === "" ? [] : head.split(":");
  const back = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - front.length - back.length);
  return [...front, ...Array<string>(zeros).fill("0"), ...back].slice(0, 4).join(":");
}
