/** Names that connections own, and who waits for them (D-Bus Specification, "org.freedesktop.DBus.RequestName"). */

/** Flags of RequestName. */
const ALLOW_REPLACEMENT = 1,
  REPLACE_EXISTING = 2,
  DO_NOT_QUEUE = 4;
/** Its answers. */
const PRIMARY_OWNER = 1,
  IN_QUEUE = 2,
  EXISTS = 3,
  ALREADY_OWNER = 4;
/** ReleaseName's. */
const RELEASED = 1,
  NON_EXISTENT = 2,
  NOT_OWNER = 3;

interface Claim<Owner> {
  readonly owner: Owner;
  flags: number;
}

export class BusNames<Owner> {
  /** The first owns the name, the others wait in this order. */
  readonly #claims = new Map<string, Claim<Owner>[]>();
  readonly #onChange: (name: string, before: Owner | null, after: Owner | null) => void;

  constructor(onChange: (name: string, before: Owner | null, after: Owner | null) => void) {
    this.#onChange = onChange;
  }

  get all(): readonly string[] {
    return [...this.#claims.keys()];
  }

  ownerOf(name: string): Owner | null {
    return this.#claims.get(name)?.[0]!.owner ?? null;
  }

  queueOf(name: string): readonly Owner[] {
    return (this.#claims.get(name) ?? []).map(({ owner }) => owner);
  }

  /** Claims of all owners. */
  get count(): number {
    let count = 0;
    for (const claims of this.#claims.values()) count += claims.length;
    return count;
  }

  /** Names that it owns or waits for. */
  countOf(owner: Owner): number {
    let count = 0;
    for (const claims of this.#claims.values()) if (claims.some((claim) => claim.owner === owner)) count++;
    return count;
  }

  /** @returns RequestName's answer */
  request(name: string, owner: Owner, flags: number): number {
    const claims = this.#claims.get(name);
    if (claims === undefined) {
      this.#claims.set(name, [{ owner, flags }]);
      this.#onChange(name, null, owner);
      return PRIMARY_OWNER;
    }
    const first = claims[0]!;
    if (first.owner === owner) {
      first.flags = flags;
      return ALREADY_OWNER;
    }
    const at = claims.findIndex((claim) => claim.owner === owner);
    const own = at < 0 ? { owner, flags } : claims.splice(at, 1)[0]!;
    own.flags = flags;
    if ((flags & REPLACE_EXISTING) !== 0 && (first.flags & ALLOW_REPLACEMENT) !== 0) {
      claims.unshift(own);
      if ((first.flags & DO_NOT_QUEUE) !== 0) claims.splice(1, 1);
      this.#onChange(name, first.owner, owner);
      return PRIMARY_OWNER;
    }
    if ((flags & DO_NOT_QUEUE) !== 0) return EXISTS;
    if (at < 0) claims.push(own);
    else claims.splice(at, 0, own);
    return IN_QUEUE;
  }

  /** @returns ReleaseName's answer */
  release(name: string, owner: Owner): number {
    const claims = this.#claims.get(name);
    if (claims === undefined) return NON_EXISTENT;
    const at = claims.findIndex((claim) => claim.owner === owner);
    if (at < 0) return NOT_OWNER;
    claims.splice(at, 1);
    if (claims.length === 0) this.#claims.delete(name);
    if (at === 0) this.#onChange(name, owner, claims[0]?.owner ?? null);
    return RELEASED;
  }

  save(): readonly (readonly [string, readonly Claim<Owner>[]])[] {
    return [...this.#claims];
  }

  /** Nobody is told: all know of it. */
  goOn(claims: Iterable<readonly [string, readonly Claim<Owner>[]]>): void {
    this.#claims.clear();
    for (const [name, its] of claims) this.#claims.set(name, [...its]);
  }

  releaseAll(owner: Owner): void {
    for (const name of this.all) this.release(name, owner);
  }
}
