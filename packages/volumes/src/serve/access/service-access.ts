/**
 * Who may ask a service that knows no cookies: whoever has the owner's token, a key, or the secret of a page that has
 * signed in with one. Such a page keeps its secret for its own origin alone, which has the port in it.
 */
import type { AccessKeys } from "./access-keys.ts";
import type { Caller } from "./caller.ts";
import { PageSessions } from "./page-sessions.ts";
import { digestOf, newSecret } from "./secrets.ts";

export class ServiceAccess {
  readonly #sessions: PageSessions;

  constructor(token: string, keys: AccessKeys) {
    this.#sessions = new PageSessions(token, keys);
  }

  /** Null once somebody has used it. */
  get code(): string | null {
    return this.#sessions.code;
  }

  /** @param secret  of an Authorization header. @returns null: a stranger's */
  identify(secret: string): Caller | null {
    const session = this.#sessions.get(digestOf(secret));
    return session === undefined ? this.#sessions.holderOf(secret) : this.#sessions.callerOf(session);
  }

  /** @param given  the token, a key or the code. @returns a page's secret; null: it is none of them */
  enter(given: string): string | null {
    const secret = newSecret();
    return this.#sessions.begin(given, secret) ? secret : null;
  }

  leave(secret: string): void {
    this.#sessions.end(digestOf(secret));
  }
}
