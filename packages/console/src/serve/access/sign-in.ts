/**
 * Who may use the console, and as what: whoever has the owner's token or a key, by `Authorization: Bearer`, or a
 * browser that has signed in with one.
 *
 * A browser's session is two secrets: a cookie that no script reads and no other site's page sends (HttpOnly,
 * SameSite=Strict), and a key that the page keeps for its own origin. Cookies are one for all ports of a host, so a
 * server of another user at another port may be sent it; without the key it is of no use to that one. Sessions outlive
 * the server in a file of digests; whoever signs out is forgotten there, too, and a session ends with the key that it
 * was begun with.
 */
import { readFileSync } from "node:fs";
import { replaceFile } from "@stratos/host-node/files";
import {
  type AccessKeys,
  type Caller,
  digestOf,
  isSameSecret,
  newSecret,
  type PageSession,
  PageSessions,
} from "@stratos/volumes/serve";

interface SignedIn {
  readonly cookie: string;
  readonly key: string;
}

export interface Identity extends Caller {
  /** What names the session; null: it came with its secret. */
  readonly session: string | null;
}

export class SignIn {
  readonly #path: string | null;
  /** Named by the cookie's secret. */
  readonly #sessions: PageSessions;
  readonly #listeners = new Set<(id: string) => void>();

  /** @param path  of the file that sessions are kept in; null: they end with the server */
  constructor(token: string, keys: AccessKeys, path: string | null) {
    this.#path = path;
    this.#sessions = new PageSessions(token, keys, {
      kept: path === null ? [] : readSessions(path),
      onEnd: (id) => this.#listeners.forEach((tell) => tell(id)),
    });
  }

  /** Null once somebody has used it. */
  get code(): string | null {
    return this.#sessions.code;
  }

  /** Of browsers that are signed in. */
  get sessionCount(): number {
    return this.#sessions.count;
  }

  /** @param secret  the token or an access key. @returns null: it is neither */
  identify(secret: string): Identity | null {
    return identity(this.#sessions.holderOf(secret), null);
  }

  /** @param secret  the token, the code, or an access key. @returns null: it is none of them */
  signIn(secret: string): SignedIn | null {
    const signedIn = { cookie: newSecret(), key: newSecret() };
    if (!this.#sessions.begin(secret, signedIn.cookie, signedIn.key)) return null;
    this.#write();
    return signedIn;
  }

  /** There is a session of this cookie; whether it is its browser that has sent it, the key tells. */
  hasCookie(cookie: string): boolean {
    return this.#sessions.get(digestOf(cookie)) !== undefined;
  }

  /** @returns whose session it is; null: there is none of this cookie and key */
  session({ cookie, key }: SignedIn): Identity | null {
    const id = digestOf(cookie);
    const session = this.#sessions.get(id);
    if (session === undefined || !isSameSecret(digestOf(key), session.keyDigest ?? "")) return null;
    return identity(this.#sessions.callerOf(session), id);
  }

  signOut(id: string): void {
    this.#sessions.end(id);
    this.#write();
  }

  /** Ends sessions that are over, or whose keys are. */
  sweep(): void {
    if (this.#sessions.sweep() > 0) this.#write();
  }

  /** @returns what ends that */
  onSignedOut(listener: (id: string) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #write(): void {
    if (this.#path === null) return;
    replaceFile(this.#path, JSON.stringify(this.#sessions.entries()), { mode: 0o600, flush: false });
  }
}

function identity(caller: Caller | null, session: string | null): Identity | null {
  return caller === null ? null : { name: caller.name, role: caller.role, session };
}

/** Those that are not over. Of a file that cannot be read there are none: one signs in again. */
function readSessions(path: string): [string, PageSession][] {
  try {
    const sessions = JSON.parse(readFileSync(path, "utf8")) as [string, PageSession][];
    return sessions.filter(([, { untilMs }]) => untilMs > Date.now());
  } catch {
    return [];
  }
}
