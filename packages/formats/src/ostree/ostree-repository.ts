/**
 * Writes commits into an OSTree repository. Objects are named by their checksum, so that what is there is not written
 * again; a reference moves only when all that its commit names is there.
 *
 *     config · objects/ab/cdef….{commit,dirtree,dirmeta,file,filez,commitmeta} · refs/heads/NAME · summary ·
 *     summary.sig
 *
 * Modes: `archive` (content packed, for servers; owner and attributes in each object), `bare` (files as they are
 * checked out, made by root), `bare-user` (plain files that carry owner and attributes in one attribute) and
 * `bare-user-only` (plain files with neither owner nor attributes, for unprivileged checkouts).
 */
import { byteString, byteStringOf, utf8Of, utf8ToByteString } from "@stratos/base";
import { sha256Of, type Codecs } from "../codecs.ts";
import { FormatError } from "../format-error.ts";
import type { FileEntry, FileTree } from "../tree/file-tree.ts";
import { serializeVariant, swapU64, type Variant } from "./gvariant.ts";
import {
  archiveHeader,
  checksumBytes,
  commitObject,
  dirmetaObject,
  dirtreeObject,
  fileChecksum,
  fileMetadata,
  isUtf8,
  type CommitFields,
  type TreeFile,
  type TreeFolder,
} from "./ostree-objects.ts";
import { deltaPath, listDeltas } from "./delta-places.ts";
import { parseCommit, type OstreeReader } from "./ostree-reader.ts";
import { addSignatures, type OstreeSignature } from "./ostree-signatures.ts";
import {
  checkRef,
  objectPath,
  readMetadata,
  readRef,
  repositoryMode,
  USER_METADATA,
  type ObjectAttributes,
  type OstreeMode,
  type RepositoryStore,
} from "./ostree-store.ts";

export interface CommitOptions {
  /** such as `stable/riscv64/server` */
  readonly ref: string;
  readonly subject: string;
  readonly body?: string;
  /** seconds since 1970 */
  readonly timestamp: number;
  /** `undefined`: the commit that the reference names, when there is one */
  readonly parent?: string | null;
  /** metadata, such as `version`; text values */
  readonly metadata?: Readonly<Record<string, string>>;
  /** the kernel's version, of a tree that can be booted */
  readonly linux?: string;
  /** do not note the reference's name in the commit */
  readonly isUnbound?: boolean;
  /** is told the checksum of each file and link; a hard link has that of its file */
  readonly onFile?: (entry: FileEntry, checksum: string) => void;
}

export interface CommitResult {
  readonly checksum: string;
  readonly objectsWritten: number;
  readonly objectsKnown: number;
}

const PIECE_BYTES = 4 << 20;
const MODES: Readonly<Record<OstreeMode, string>> = {
  archive: "archive-z2",
  bare: "bare",
  "bare-user": "bare-user",
  "bare-user-only": "bare-user-only",
};

export class OstreeRepository {
  readonly mode: OstreeMode;
  readonly #store: RepositoryStore;
  readonly #codecs: Codecs;
  readonly #buffer = new Uint8Array(PIECE_BYTES);
  #written = 0;
  #known = 0;

  /** Makes a repository where there is none. @throws FormatError when there is one of a mode that is not written */
  constructor(store: RepositoryStore, codecs: Codecs, mode: OstreeMode) {
    this.#store = store;
    this.#codecs = codecs;
    const config = store.read("config");
    if (config === undefined) {
      for (const folder of ["objects", "tmp", "extensions", "state", "refs/heads", "refs/remotes", "refs/mirrors"])
        store.makeDirectory(folder);
      store.write("config", [utf8Of(`[core]\nrepo_version=1\nmode=${MODES[mode]}\n`)]);
      this.mode = mode;
      return;
    }
    const found = repositoryMode(byteString(config));
    if (found !== mode) throw new FormatError(`the repository has mode ${found}, not ${mode}`);
    this.mode = mode;
  }

  /** The commit that a reference names, or null. */
  resolve(ref: string): string | null {
    checkRef(ref);
    return readRef(this.#store, ref);
  }

  /** Commits a tree and moves the reference. @throws FormatError for what OSTree cannot hold (devices) */
  commit(tree: FileTree, options: CommitOptions): CommitResult {
    checkRef(options.ref);
    this.#written = this.#known = 0;
    const root = this.#writeTree(tree, options.onFile);
    const parent = options.parent === undefined ? this.resolve(options.ref) : options.parent;
    const metadata: [string, { type: string; value: Variant }][] = Object.entries(options.metadata ?? {}).map(
      ([key, value]) => [utf8ToByteString(key), { type: "s", value: utf8ToByteString(value) }],
    );
    if (options.linux !== undefined)
      metadata.push(
        ["ostree.linux", { type: "s", value: options.linux }],
        ["ostree.bootable", { type: "b", value: true }],
      );
    if (options.isUnbound !== true) metadata.push(["ostree.ref-binding", { type: "as", value: [options.ref] }]);
    const commit: CommitFields = {
      metadata,
      parent,
      subject: utf8ToByteString(options.subject),
      body: utf8ToByteString(options.body ?? ""),
      timestamp: options.timestamp,
      ...root,
    };
    // A commit is there when all that it names is.
    this.#store.flush();
    const checksum = this.#metadata("commit", commitObject(commit));
    this.#store.write(`refs/heads/${options.ref}`, [utf8Of(`${checksum}\n`)]);
    return { checksum, objectsWritten: this.#written, objectsKnown: this.#known };
  }

  /** Makes a reference name a commit that is here, or null: takes it away. */
  setRef(ref: string, checksum: string | null): void {
    checkRef(ref);
    if (checksum === null) return this.#store.remove(`refs/heads/${ref}`);
    this.commitBytes(checksum);
    this.#store.flush();
    this.#store.write(`refs/heads/${ref}`, [utf8Of(`${checksum}\n`)]);
  }

  has(checksum: string, kind: "commit" | "dirtree" | "dirmeta" | "file"): boolean {
    return this.#store.has(objectPath(checksum, kind === "file" && this.mode === "archive" ? "filez" : kind));
  }

  /** Puts in an object that others have made. @throws FormatError when it is not what it is said to be */
  put(checksum: string, kind: "commit" | "dirtree" | "dirmeta", bytes: Uint8Array): void {
    if (sha256Of(this.#codecs, bytes) !== checksum) throw new FormatError(`the ${kind} ${checksum} is something else`);
    // A commit is there when all that it names is.
    if (kind === "commit") this.#store.flush();
    this.#metadata(kind, bytes);
  }

  /**
   * Puts in a commit of which all else is here. @param signatures  beside it, or null
   * @throws FormatError when something is missing
   */
  complete(checksum: string, bytes: Uint8Array, signatures: Uint8Array | null, reader: OstreeReader): void {
    this.#store.flush();
    const { files } = reader.contents(parseCommit(checksum, bytes));
    for (const [file, path] of files)
      if (!this.has(file, "file")) throw new FormatError(`${path}: the file ${file} is missing`);
    if (signatures !== null) this.#store.write(objectPath(checksum, "commitmeta"), [signatures]);
    this.put(checksum, "commit", bytes);
  }

  /**
   * Puts in a file or link that others have made. @throws FormatError  also when the repository keeps no owners, and
   * the file has one
   */
  putFile(checksum: string, entry: FileEntry): void {
    if (fileChecksum(entry, this.#codecs, this.#buffer) !== checksum)
      throw new FormatError(`the file ${checksum} is something else`);
    if (this.#writeFile(this.#canonical(entry)) !== checksum)
      throw new FormatError(
        `the file ${checksum} has an owner or attributes, which a repository of mode ${this.mode} does not keep`,
      );
  }

  /**
   * The bytes that a signature of a commit is made of. @throws FormatError when it is not here, or has been changed:
   * that is not signed
   */
  commitBytes(checksum: string): Uint8Array {
    return readMetadata(this.#store, this.#codecs, checksum, "commit");
  }

  /** Puts signatures beside a commit; those that are there stay. */
  signCommit(checksum: string, signatures: readonly OstreeSignature[]): void {
    this.commitBytes(checksum);
    const path = objectPath(checksum, "commitmeta");
    this.#store.write(path, [addSignatures(this.#store.read(path), signatures)]);
  }

  /** Puts signatures of the summary beside it. Those of a summary that was there before are of other bytes, and go. */
  signSummary(signatures: readonly OstreeSignature[]): void {
    this.#store.write("summary.sig", [addSignatures(undefined, signatures)]);
  }

  /**
   * Writes `summary`, by which clients learn the references of a server. Signatures of the one before do not fit any
   * more: whoever signs signs anew.
   * @param time  seconds since 1970
   * @returns its bytes
   */
  writeSummary(time: number): Uint8Array {
    const refs = this.#store
      .list("refs/heads")
      .sort()
      .map((ref): Variant => {
        const checksum = this.resolve(ref)!;
        const commit = this.commitBytes(checksum);
        return [
          ref,
          [
            commit.length,
            checksumBytes(checksum),
            [["ostree.commit.timestamp", { type: "t", value: swapU64(commitTime(commit)) }]],
          ],
        ];
      });
    const metadata: Variant[] = [
      ["ostree.summary.mode", { type: "s", value: MODES[this.mode] }],
      ["ostree.summary.last-modified", { type: "t", value: swapU64(time) }],
      ["ostree.summary.tombstone-commits", { type: "b", value: false }],
    ];
    const deltas = listDeltas(this.#store).map(({ from, to }): Variant => [
      from === null ? to : `${from}-${to}`,
      {
        type: "ay",
        value: checksumBytes(sha256Of(this.#codecs, this.#store.read(deltaPath(from, to, "superblock"))!)),
      },
    ]);
    if (deltas.length > 0) metadata.push(["ostree.static-deltas", { type: "a{sv}", value: deltas }]);
    const bytes = serializeVariant("(a(s(taya{sv}))a{sv})", [refs, metadata]);
    this.#store.remove("summary.sig");
    this.#store.write("summary", [bytes]);
    return bytes;
  }

  #writeTree(tree: FileTree, onFile?: CommitOptions["onFile"]): { tree: string; meta: string } {
    interface Folder {
      path: string;
      meta: string;
      files: TreeFile[];
      folders: TreeFolder[];
    }
    const open: Folder[] = [];
    const checksums = new Map<string, string>();
    const close = (): { tree: string; meta: string } => {
      const folder = open.pop()!;
      folder.files.sort(byName);
      folder.folders.sort(byName);
      const own = { tree: this.#metadata("dirtree", dirtreeObject(folder.files, folder.folders)), meta: folder.meta };
      open.at(-1)?.folders.push({ name: folder.path.slice(folder.path.lastIndexOf("/") + 1), ...own });
      return own;
    };
    for (const entry of tree.entries()) {
      const parent = entry.path.slice(0, Math.max(entry.path.lastIndexOf("/"), 0));
      // Entries are sorted: a folder is complete when one comes that is not in it.
      while (open.length > 0 && open.at(-1)!.path !== parent) close();
      if (!isUtf8(entry.path))
        throw new FormatError(`${entry.path}: a name that is no UTF-8, which OSTree cannot hold`);
      if (entry.kind === "directory") {
        open.push({
          path: entry.path,
          meta: this.#metadata("dirmeta", dirmetaObject(this.#canonical(entry))),
          files: [],
          folders: [],
        });
        continue;
      }
      const checksum =
        entry.kind === "hardLink" ? checksums.get(entry.target) : this.#writeFile(this.#canonical(entry));
      if (checksum === undefined)
        throw new FormatError(`${entry.path}: a hard link to ${entry.target}, which is no file before it`);
      checksums.set(entry.path, checksum);
      onFile?.(entry, checksum);
      open.at(-1)!.files.push({ name: entry.path.slice(entry.path.lastIndexOf("/") + 1), checksum });
    }
    if (open.length === 0) throw new FormatError("the tree has no root");
    while (open.length > 1) close();
    return close();
  }

  /** What a repository without owners says of each file (`ostree_repo_commit_modifier`, canonical permissions). */
  #canonical(entry: FileEntry): FileEntry {
    if (this.mode !== "bare-user-only") return entry;
    return {
      ...entry,
      uid: 0,
      gid: 0,
      mode: entry.kind === "file" ? (entry.mode & 0o755) | 0o644 : entry.kind === "directory" ? 0o755 : entry.mode,
      xattrs: new Map(),
    };
  }

  #writeFile(entry: FileEntry): string {
    const checksum = fileChecksum(entry, this.#codecs, this.#buffer);
    const path = objectPath(checksum, this.mode === "archive" ? "filez" : "file");
    if (this.#store.has(path)) {
      this.#known++;
      return checksum;
    }
    if (this.mode === "archive") this.#store.write(path, this.#packed(entry));
    else if (this.mode === "bare-user") {
      // A link is a file whose content is where it leads.
      const isLink = entry.kind === "symlink",
        metadata = new Map([[USER_METADATA, fileMetadata(entry)]]);
      this.#store.write(path, isLink ? [byteStringOf(entry.target)] : this.#pieces(entry), {
        xattrs: metadata,
        ...(isLink ? {} : { mode: (entry.mode & 0o775) | 0o400 }),
      });
    } else {
      const attributes: ObjectAttributes =
        this.mode === "bare"
          ? { owner: entry, xattrs: new Map([...entry.xattrs].map(([name, value]) => [name, byteStringOf(value)])) }
          : {};
      if (entry.kind === "symlink") this.#store.symlink(path, entry.target, attributes);
      else this.#store.write(path, this.#pieces(entry), { ...attributes, mode: entry.mode & 0o7777 });
    }
    this.#written++;
    return checksum;
  }

  *#packed(entry: FileEntry): Generator<Uint8Array> {
    yield archiveHeader(entry);
    if (entry.content === null) return;
    let isEmpty = true;
    const size = entry.content.sizeBytes;
    let done = 0;
    for (const piece of this.#pieces(entry)) {
      done += piece.length;
      isEmpty = false;
      yield this.#codecs.deflatePart(piece, done === size);
    }
    if (isEmpty) yield this.#codecs.deflatePart(new Uint8Array(0), true);
  }

  *#pieces(entry: FileEntry): Generator<Uint8Array> {
    const content = entry.content!;
    for (let offset = 0; offset < content.sizeBytes;) {
      const count = content.read(offset, this.#buffer);
      if (count <= 0) throw new FormatError(`${entry.path}: its content is shorter than its size says`);
      yield this.#buffer.subarray(0, count);
      offset += count;
    }
  }

  #metadata(kind: "commit" | "dirtree" | "dirmeta", bytes: Uint8Array): string {
    const checksum = sha256Of(this.#codecs, bytes);
    const path = objectPath(checksum, kind);
    if (this.#store.has(path)) this.#known++;
    else {
      this.#store.write(path, [bytes]);
      this.#written++;
    }
    return checksum;
  }
}

function byName(left: { name: string }, right: { name: string }): number {
  return left.name < right.name ? -1 : left.name > right.name ? 1 : 0;
}

/**
 * The time in a commit's bytes: 8 bytes before the two checksums of 32 at its end, which the offsets of the other
 * members follow.
 */
function commitTime(commit: Uint8Array): number {
  // Six members of varying length, all but the last with an offset.
  const width = commit.length < 0x100 ? 1 : commit.length < 0x10000 ? 2 : 4;
  const at = commit.length - 6 * width - 64 - 8;
  const view = new DataView(commit.buffer, commit.byteOffset, commit.byteLength);
  return view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
}
