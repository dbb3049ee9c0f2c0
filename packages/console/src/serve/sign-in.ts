/**
 * Who may use the console: whoever has the token, by `Authorization: Bearer`, or a browser that has signed in with it.
 *
 * A browser's session is two secrets: a cookie that no script reads and no other site's page sends (HttpOnly,
 * SameSite=Strict), and a key that the page keeps for its own origin. Cookies are one for all ports of a host, so a
 * server of another user at another port may be sent it; without the key it is of no use to that one. Sessions outlive
 * the server in a file of digests; whoever signs out is forgotten there, too.
 */
import { createHash, randomBytes } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { isSameSecret } from "@stratos/volumes/serve";

export const SESSION_SECONDS = 12 * 3600;
/** The oldest makes room for one more. */
const SESSIONS_MAX = 100;
const SECRET_BYTES = 32;

interface SignedIn {
  readonly cookie: string;
  readonly key: string;
}

interface BrowserSession {
  readonly keyDigest: string;
  readonly untilMs: number;
}

export class SignIn {
  readonly #token: string;
  readonly #path: string | null;
  /** Signs one browser in, once: it stands in an address that terminals and logs keep. */
  #code: string | null = newSecret();
  /** By the cookie's digest, the oldest first. */
  readonly #sessions: Map<string, BrowserSession>;
  readonly #listeners = new Set<(id: string) => void>();

  /** @param path  of the file that sessions are kept in; null: they end with the server */
  constructor(token: string, path: string | null) {
    this.#token = token;
    this.#path = path;
    this.#sessions = new Map(path === null ? [] : readSessions(path));
  }

  /** Null once somebody has used it. */
  get code(): string | null {
    return this.#code;
  }

  isToken(text: string): boolean {
    return isSameSecret(text, this.#token);
  }

  /** @param secret  the token, or the code. @returns null: it is neither */
  signIn(secret: string): SignedIn | null {
    const isCode = this.#code !== null && isSameSecret(secret, this.#code);
    if (!isCode && !this.isToken(secret)) return null;
    if (isCode) this.#code = null;
    const signedIn = { cookie: newSecret(), key: newSecret() };
    if (this.#sessions.size >= SESSIONS_MAX) this.#end([...this.#sessions.keys()][0]!);
    this.#sessions.set(digestOf(signedIn.cookie), {
      keyDigest: digestOf(signedIn.key),
      untilMs: Date.now() + SESSION_SECONDS * 1000,
    });
    this.#write();
    return signedIn;
  }

  /** There is a session of this cookie; whether it is its browser that has sent it, the key tells. */
  hasCookie(cookie: string): boolean {
    return this.#sessions.has(digestOf(cookie));
  }

  /** @returns what names the session; null: there is none of this cookie and key */
  session({ cookie, key }: SignedIn): string | null {
    const id = digestOf(cookie);
    const session = this.#sessions.get(id);
    if (session === undefined || session.untilMs < Date.now()) return null;
    return isSameSecret(digestOf(key), session.keyDigest) ? id : null;
  }

  signOut(id: string): void {
    this.#end(id);
    this.#write();
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

function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString("base64url");
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
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
