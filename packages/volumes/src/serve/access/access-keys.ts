/**
 * Keys of those whom the owner lets in besides: each has a name, a role and maybe an end. The file holds digests, so
 * whoever reads it can do nothing with it; whoever may write it could let himself in, so that is refused.
 */
import { closeSync, fstatSync, openSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { FileLockedError, lockFile } from "@stratos/host-node";
import { replaceFile } from "@stratos/host-node/files";
import { hostReason } from "@stratos/host-node/home";
import { OperationError } from "@stratos/operation";
import { isRole, type Role } from "./role.ts";
import { digestOf, newSecret } from "./secrets.ts";

interface AccessKey {
  readonly name: string;
  readonly role: Role;
  /** SHA-256 of the secret, in hex. */
  readonly digest: string;
  /** Times are in milliseconds since 1970. */
  readonly createdMs: number;
  /** Null: it does not end by itself. */
  readonly expiresMs: number | null;
}

const VERSION = 1;
const KEYS_MAX = 1000;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;
const DIGEST = /^[0-9a-f]{64}$/;

/** Of a service of that STRATOS_HOME. */
export function accessKeysPath(home: string, service: "fs-serve" | "serve"): string {
  return join(home, `${service}.keys`);
}

/** The keys in a file; none where there is no file. @throws OperationError */
export function readAccessKeys(path: string): AccessKey[] {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw failed(path, hostReason(error));
  }
  try {
    const { mode, uid } = fstatSync(fd);
    if ((mode & 0o022) !== 0) throw failed(path, "others than its owner may write it; chmod 600 ends that");
    if (uid !== 0 && uid !== process.getuid?.()) throw failed(path, "belongs to another user");
    return parseKeys(path, readFileSync(fd, "utf8"));
  } finally {
    closeSync(fd);
  }
}

function parseKeys(path: string, text: string): AccessKey[] {
  let content: { readonly version?: unknown; readonly keys?: unknown };
  try {
    content = JSON.parse(text) as typeof content;
  } catch {
    throw failed(path, "is no JSON");
  }
  if (content?.version !== VERSION) throw failed(path, "is of another version");
  const { keys } = content;
  if (!Array.isArray(keys) || !keys.every(isKey)) throw failed(path, "holds what is no key");
  return keys;
}

function isKey(value: unknown): value is AccessKey {
  const { name, role, digest, createdMs, expiresMs } = (value ?? {}) as Partial<Record<keyof AccessKey, unknown>>;
  return (
    typeof name === "string" &&
    NAME.test(name) &&
    isRole(role) &&
    typeof digest === "string" &&
    DIGEST.test(digest) &&
    Number.isFinite(createdMs) &&
    (expiresMs === null || Number.isFinite(expiresMs))
  );
}

/** @returns the secret, which is kept nowhere. @throws OperationError */
export function addAccessKey(path: string, name: string, role: Role, expiresMs: number | null): string {
  if (!NAME.test(name))
    throw failed(name, "is no name: 1 to 64 of A-Z a-z 0-9 . _ @ -, beginning with a letter or digit");
  const secret = `sk_${newSecret()}`;
  changeKeys(path, (keys) => {
    if (keys.some((key) => key.name === name)) throw failed(name, "there is a key of this name");
    if (keys.length >= KEYS_MAX) throw failed(path, `holds ${KEYS_MAX} keys already`);
    return [...keys, { name, role, digest: digestOf(secret), createdMs: Date.now(), expiresMs }];
  });
  return secret;
}

/** @throws OperationError where one of the names is none */
export function removeAccessKeys(path: string, names: readonly string[]): void {
  changeKeys(path, (keys) => {
    const missing = names.find((name) => !keys.some((key) => key.name === name));
    if (missing !== undefined) throw failed(missing, "there is no key of this name");
    return keys.filter(({ name }) => !names.includes(name));
  });
}

function changeKeys(path: string, change: (keys: AccessKey[]) => AccessKey[]): void {
  let release: () => void;
  try {
    release = lockFile(path);
  } catch (error) {
    throw failed(path, error instanceof FileLockedError ? "another process is changing it" : hostReason(error));
  }
  try {
    const kept = { version: VERSION, keys: change(readAccessKeys(path)) };
    replaceFile(path, `${JSON.stringify(kept, null, 2)}\n`, { mode: 0o600 });
  } finally {
    release();
  }
}

function failed(what: string, why: string): OperationError {
  return new OperationError("option", what, why);
}

/** The keys of a file as it is now: who is taken out is out at the next request. */
export class AccessKeys {
  readonly #path: string;
  readonly #onDefect: (words: string) => void;
  #stamp = "";
  #keys = new Map<string, AccessKey>();

  /** @param onDefect  told of a file that cannot be read, of whose keys none holds then */
  constructor(path: string, onDefect: (words: string) => void) {
    this.#path = path;
    this.#onDefect = onDefect;
  }

  /** @returns null: there is none of this digest, or it is over */
  find(digest: string): AccessKey | null {
    this.#look();
    const key = this.#keys.get(digest);
    return key === undefined || (key.expiresMs !== null && key.expiresMs <= Date.now()) ? null : key;
  }

  #look(): void {
    const stat = statSync(this.#path, { throwIfNoEntry: false });
    const stamp = stat === undefined ? "" : `${stat.ino} ${stat.size} ${stat.mtimeMs} ${stat.ctimeMs}`;
    if (stamp === this.#stamp) return;
    this.#stamp = stamp;
    this.#keys = new Map();
    try {
      for (const key of readAccessKeys(this.#path)) this.#keys.set(key.digest, key);
    } catch (error) {
      this.#onDefect((error as Error).message);
    }
  }
}
