/**
 * Where a repository's files are, by name, and what is read of them: nothing is believed that is not what its name
 * says.
 */
import { sha256Of, type Codecs } from "../codecs.ts";
import { FormatError } from "../format-error.ts";
import type { Blob } from "../tree/file-tree.ts";
import type { ObjectKind } from "./ostree-objects.ts";

/** What a file of a repository is like beside its content. */
export interface ObjectAttributes {
  /** permissions, 0644 by default */
  readonly mode?: number;
  readonly owner?: { readonly uid: number; readonly gid: number };
  readonly xattrs?: ReadonlyMap<string, Uint8Array>;
}

/** A file of a repository as it lies there. */
export interface StoredFile {
  readonly kind: "file" | "symlink";
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** of a symbolic link, as a byte string */
  readonly target: string;
  /** of a file */
  readonly content: Blob | null;
  readonly xattrs: ReadonlyMap<string, string>;
}

export const OSTREE_MODES = ["archive", "bare", "bare-user", "bare-user-only"] as const;
export type OstreeMode = (typeof OSTREE_MODES)[number];

/** The mode that a repository's configuration names. @throws FormatError for one that is not known */
export function repositoryMode(config: string): OstreeMode {
  const found = /^\s*mode\s*=\s*(\S+)/m.exec(config)?.[1] ?? "bare",
    mode = found === "archive-z2" ? "archive" : found;
  if (!(OSTREE_MODES as readonly string[]).includes(mode))
    throw new FormatError(`the repository has mode ${found}, which is none of ${OSTREE_MODES.join(", ")}`);
  return mode as OstreeMode;
}

/** Where `bare-user` keeps what a file is like. */
export const USER_METADATA = "user.ostreemeta";

/** Where a repository is. Paths are relative to it. */
export interface RepositoryStore {
  has(path: string): boolean;
  /** @returns undefined when there is none */
  read(path: string): Uint8Array | undefined;
  /** What a file is like; undefined when there is none. */
  inspect(path: string): StoredFile | undefined;
  /**
   * Makes a file, and the folders above it, visible when it is whole; replaces what has the name. One with `xattrs` may
   * stay unseen until `flush`.
   */
  write(path: string, pieces: Iterable<Uint8Array>, attributes?: ObjectAttributes): void;
  symlink(path: string, target: string, attributes?: ObjectAttributes): void;
  /** All that was written is there, under its name. */
  flush(): void;
  makeDirectory(path: string): void;
  /** A file; nothing when there is none. */
  remove(path: string): void;
  /** Files below a folder, as paths relative to it. */
  list(path: string): string[];
}

const REF = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;
const CHECKSUM = /^[0-9a-f]{64}$/;

/** @throws FormatError */
export function checkRef(ref: string): void {
  if (!REF.test(ref) || ref.length > 255)
    throw new FormatError(`${ref}: not a reference's name (letters, digits, . _ - and / between)`);
}

/** @param kind  `filez` for a packed file */
export function objectPath(checksum: string, kind: ObjectKind | "filez" | "commitmeta"): string {
  return `objects/${checksum.slice(0, 2)}/${checksum.slice(2)}.${kind}`;
}

/** The commit that a reference names, or null. @throws FormatError when it names no commit at all */
export function readRef(store: Pick<RepositoryStore, "read">, ref: string): string | null {
  checkRef(ref);
  const bytes = store.read(`refs/heads/${ref}`);
  if (bytes === undefined) return null;
  const checksum = String.fromCharCode(...bytes.subarray(0, 100)).trim();
  if (!CHECKSUM.test(checksum)) throw new FormatError(`${ref}: the reference is damaged; it names no commit`);
  return checksum;
}

/**
 * Bytes of an object that is its own serialisation. @throws FormatError when it is missing, or is not what its name
 * says
 */
export function readMetadata(
  store: Pick<RepositoryStore, "read">,
  codecs: Pick<Codecs, "sha256">,
  checksum: string,
  kind: "commit" | "dirtree" | "dirmeta",
): Uint8Array {
  const bytes = store.read(objectPath(checksum, kind));
  if (bytes === undefined) throw new FormatError(`the ${kind} ${checksum} is missing`);
  if (sha256Of(codecs, bytes) !== checksum) throw new FormatError(`the ${kind} ${checksum} has been changed`);
  return bytes;
}
