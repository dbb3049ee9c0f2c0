/**
 * Pages that have signed in: with the owner's token, with a key, or with a code that lets one page in, once. A session
 * ends with its time, or with the key that it was begun with.
 */
import type { AccessKeys } from "./access-keys.ts";
import { type Caller, OWNER } from "./caller.ts";
import { digestOf, isSameSecret, newSecret } from "./secrets.ts";

export const SESSION_SECONDS = 12 * 3600;
/** The oldest makes room for one more. */
const SESSIONS_MAX = 100;

export interface PageSession {
  readonly untilMs: number;
  /** Digest of the access key that it was begun with; without one it is the owner's. */
  readonly by?: string;
  /** Digest of what the page has to say beside the secret that names the session. */
  readonly keyDigest?: string;
}

export class PageSessions {
  readonly #token: string;
  readonly #keys: AccessKeys;
  /** It stands in an address that terminals and logs keep. */
  #code: string | null = newSecret();
  /** By the digest of the secret that names each, the oldest first. */
  readonly #sessions: Map<string, PageSession>;
  readonly #onEnd: (id: string) => void;

  /** @param kept  those of a server before this one @param onEnd  a session is over before its time */
  constructor(
    token: string,
    keys: AccessKeys,
    { kept = [], onEnd = () => {} }: { kept?: Iterable<[string, PageSession]>; onEnd?: (id: string) => void } = {},
  ) {
    this.#token = token;
    this.#keys = keys;
    this.#sessions = new Map(kept);
    this.#onEnd = onEnd;
  }

  /** Null once somebody has used it. */
  get code(): string | null {
    return this.#code;
  }

  get count(): number {
    return this.#sessions.size;
  }

  /** As `kept` takes them. */
  entries(): [string, PageSession][] {
    return [...this.#sessions];
  }

  /** @param secret  the token or an access key. @returns null: it is neither */
  holderOf(secret: string): Caller | null {
    return isSameSecret(secret, this.#token) ? OWNER : this.#keys.find(digestOf(secret));
  }

  /**
   * @param given  the token, an access key, or the code @param secret  names the session @param key  beside it
   * @returns false: it is none of them
   */
  begin(given: string, secret: string, key?: string): boolean {
    const isCode = this.#code !== null && isSameSecret(given, this.#code);
    const isOwner = isCode || isSameSecret(given, this.#token);
    if (!isOwner && this.#keys.find(digestOf(given)) === null) return false;
    if (isCode) this.#code = null;
    if (this.#sessions.size >= SESSIONS_MAX) this.end([...this.#sessions.keys()][0]!);
    this.#sessions.set(digestOf(secret), {
      untilMs: Date.now() + SESSION_SECONDS * 1000,
      ...(isOwner ? {} : { by: digestOf(given) }),
      ...(key === undefined ? {} : { keyDigest: digestOf(key) }),
    });
    return true;
  }

  get(id: string): PageSession | undefined {
    return this.#sessions.get(id);
  }

  /** Whose it is. @returns null: it is over, or its key is */
  callerOf({ untilMs, by }: PageSession): Caller | null {
    if (untilMs < Date.now()) return null;
    return by === undefined ? OWNER : this.#keys.find(by);
  }

  end(id: string): void {
    this.#sessions.delete(id);
    this.#onEnd(id);
  }

  /** Ends those that are over. @returns how many */
  sweep(): number {
    const over = this.entries().filter(([, session]) => this.callerOf(session) === null);
    for (const [id] of over) this.end(id);
    return over.length;
  }
}
