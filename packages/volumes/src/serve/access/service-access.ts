/**
 * Who may ask a service that knows no cookies: whoever has the owner's token, a key, or the secret of a page that has
 * signed in with one. Such a page keeps its secret for its own origin alone, which has the port in it.
 */
import { isSameSecret } from "../rest-input.ts";
import type { AccessKeys } from "./access-keys.ts";
import { type Caller, OWNER } from "./caller.ts";
import { digestOf, newSecret } from "./secrets.ts";

const SESSION_MS = 12 * 3_600_000;
/** The oldest makes room for one more. */
const SESSIONS_MAX = 100;

interface PageSession {
  readonly untilMs: number;
  /** Digest of the key that it was begun with; null: the owner's. */
  readonly by: string | null;
}

export class ServiceAccess {
  readonly #token: string;
  readonly #keys: AccessKeys;
  /** By the secret's digest, the oldest first. */
  readonly #sessions = new Map<string, PageSession>();
  /** Lets one page in, once: it stands in an address that terminals and logs keep. */
  #code: string | null = newSecret();

  constructor(token: string, keys: AccessKeys) {
    this.#token = token;
    this.#keys = keys;
  }

  /** Null once somebody has used it. */
  get code(): string | null {
    return this.#code;
  }

  /** @param secret  of an Authorization header. @returns null: a stranger's */
  identify(secret: string): Caller | null {
    if (isSameSecret(secret, this.#token)) return OWNER;
    const digest = digestOf(secret);
    const session = this.#sessions.get(digest);
    if (session === undefined) return this.#keys.find(digest);
    if (session.untilMs < Date.now()) return null;
    return session.by === null ? OWNER : this.#keys.find(session.by);
  }

  /** @param given  the token, a key or the code. @returns a page's secret; null: it is none of them */
  enter(given: string): string | null {
    const isCode = this.#code !== null && isSameSecret(given, this.#code);
    const isOwner = isCode || isSameSecret(given, this.#token);
    if (!isOwner && this.#keys.find(digestOf(given)) === null) return null;
    if (isCode) this.#code = null;
    if (this.#sessions.size >= SESSIONS_MAX) this.#sessions.delete([...this.#sessions.keys()][0]!);
    const secret = newSecret();
    this.#sessions.set(digestOf(secret), {
      untilMs: Date.now() + SESSION_MS,
      by: isOwner ? null : digestOf(given),
    });
    return secret;
  }

  leave(secret: string): void {
    this.#sessions.delete(digestOf(secret));
  }
}
