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
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { type AccessKeys, type Caller, digestOf, isSameSecret, newSecret, OWNER } from "@stratos/volumes/serve";

export const SESSION_SECONDS = 12 * 3600;
/** The oldest makes room for one more. */
const SESSIONS_MAX = 100;

interface SignedIn {
  readonly cookie: string;
  readonly key: string;
}

export interface Identity extends Caller {
  /** What names the session; null: it came with its secret. */
  readonly session: string | null;
}

interface BrowserSession {
  readonly keyDigest: string;
  readonly untilMs: number;
  /** Digest of the access key that it was begun with; without one it is the owner's. */
  readonly by?: string;
}

export class SignIn {
  readonly #token: string;
  readonly #keys: AccessKeys;
  readonly #path: string | null;
  /** Signs one browser in, once: it stands in an address that terminals and logs keep. */
  #code: string | null = newSecret();
  /** By the cookie's digest, the oldest first. */
  readonly #sessions: Map<string, BrowserSession>;
  readonly #listeners = new Set<(id: string) => void>();

  /** @param path  of the file that sessions are kept in; null: they end with the server */
  constructor(token: string, keys: AccessKeys, path: string | null) {
    this.#token = token;
    this.#keys = keys;
    this.#path = path;
    this.#sessions = new Map(path === null ? [] : readSessions(path));
  }

  /** Null once somebody has used it. */
  get code(): string | null {
    return this.#code;
  }

  /** Of browsers that are signed in. */
  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** @param secret  the token or an access key. @returns null: it is neither */
  identify(secret: string): Identity | null {
    if (isSameSecret(secret, this.#token)) return { ...OWNER, session: null };
    const key = this.#keys.find(digestOf(secret));
    return key === null ? null : { name: key.name, role: key.role, session: null };
  }

  /** @param secret  the token, the code, or an access key. @returns null: it is none of them */
  signIn(secret: string): SignedIn | null {
    const isCode = this.#code !== null && isSameSecret(secret, this.#code);
    const isOwner = isCode || isSameSecret(secret, this.#token);
    if (!isOwner && this.#keys.find(digestOf(secret)) === null) return null;
    if (isCode) this.#code = null;
    const signedIn = { cookie: newSecret(), key: newSecret() };
    if (this.#sessions.size >= SESSIONS_MAX) this.#end([...this.#sessions.keys()][0]!);
    this.#sessions.set(digestOf(signedIn.cookie), {
      keyDigest: digestOf(signedIn.key),
      untilMs: Date.now() + SESSION_SECONDS * 1000,
      ...(isOwner ? {} : { by: digestOf(secret) }),
    });
    this.#write();
    return signedIn;
  }

  /** There is a session of this cookie; whether it is its browser that has sent it, the key tells. */
  hasCookie(cookie: string): boolean {
    return this.#sessions.has(digestOf(cookie));
  }

  /** @returns whose session it is; null: there is none of this cookie and key */
  session({ cookie, key }: SignedIn): Identity | null {
    const id = digestOf(cookie);
    const session = this.#sessions.get(id);
    if (session === undefined || !isSameSecret(digestOf(key), session.keyDigest)) return null;
    return this.#identityOf(id, session);
  }

  #identityOf(id: string, { untilMs, by }: BrowserSession): Identity | null {
    if (untilMs < Date.now()) return null;
    if (by === undefined) return { ...OWNER, session: id };
    const key = this.#keys.find(by);
    return key === null ? null : { name: key.name, role: key.role, session: id };
  }

  signOut(id: string): void {
    this.#end(id);
    this.#write();
  }

  /** Ends sessions that are over, or whose keys are. */
  sweep(): void {
    const over = [...this.#sessions].filter(([id, session]) => this.#identityOf(id, session) === null);
    for (const [id] of over) this.#end(id);
    if (over.length > 0) this.#write();
  }

  #end(id: string): void {
    this.#sessions.delete(id);
    for (const tell of this.#listeners) tell(id);
  }

  /** @returns what ends that */
  onSignedOut(listener: (id: string) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #write(): void {
    if (this.#path === null) return;
    const draft = `${this.#path}.${process.pid}.new`;
    writeFileSync(draft, JSON.stringify([...this.#sessions]), { mode: 0o600 });
    renameSync(draft, this.#path);
  }
}

/** Those that are not over. Of a file that cannot be read there are none: one signs in again. */
function readSessions(path: string): [string, BrowserSession][] {
  try {
    const sessions = JSON.parse(readFileSync(path, "utf8")) as [string, BrowserSession][];
    return sessions.filter(([, { untilMs }]) => untilMs > Date.now());
  } catch {
    return [];
  }
}
