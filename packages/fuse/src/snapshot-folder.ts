/**
 * Names that the root of a mount has beside the volume's own, hidden from listings:
 *
 *   .snapshots         a folder of the volume's subvolumes: `mkdir` there takes a snapshot of what is mounted, `rmdir`
 *   deletes one, with all in it
 *   .snapshots/NAME    its files
 *   .snapshots/.rollback   `ln -s NAME` to it brings what is mounted back to that snapshot, at once and for all who use
 *   it
 *   .aegisfs           the state of volume and mount as JSON, as of the moment when it is opened
 *
 * Their nodes have VIRTUAL_TREE as high word. No request on them may be answered with ENOSYS that is served elsewhere:
 * the kernel would not send it again for any file.
 */
import {
  DT_DIR,
  EISDIR,
  ENAMETOOLONG,
  ENODATA,
  ENOENT,
  ENOSYS,
  EOPNOTSUPP,
  EPERM,
  ESTALE,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from "@stratos/abi";
import { Attributes, ROOT_INO } from "@stratos/aegisfs";
import { byteStringToUtf8, utf8Of } from "@stratos/base";
import { putStatx } from "./requests/attributes.ts";
import { syncAll } from "./requests/content.ts";
import { putDirent } from "./requests/listing.ts";
import { REQUESTS } from "./requests/request-table.ts";
import { statFileSystem } from "./requests/session.ts";
import { VIRTUAL_TREE, type ControlNames, type Mount } from "./mount.ts";
import { getUnsigned, putAttributesReply, putEntry, VALID_SECONDS } from "./wire/attribute-words.ts";
import { B, BODY_AT, D, NO_REPLY, PAYLOAD_MAX, Q_NODE_TREE, REPLY_DATA_AT } from "./wire/layout.ts";
import * as op from "@stratos/abi/fuse";

export const SNAPSHOTS_NAME = ".snapshots";
export const STATUS_NAME = ".aegisfs";
/**
 * Never there: who looks for it in the root says that the kernel has written what it had gathered, for the request that
 * has the number behind it (parked-requests.ts). In `.snapshots` it could not be looked for: Linux lets nobody look
 * into a folder while something is made there.
 */
export const GATHERED_PREFIX = ".aegisfs-gathered-";

const ROLLBACK_NAME = ".rollback";
const FOLDER_INO = 1;
const LINK_INO = 2;
const STATUS_INO_FIRST = 16;
/** Contents of the status file that somebody may still read; the oldest goes first. */
const STATUS_MAX = 64;

/** Size, times and generation, to be compared. */
type FileState = string;

export class SnapshotFolder implements ControlNames {
  readonly #mount: Omit<Mount, "controlNames">;
  readonly #attributes = new Attributes();
  readonly #status = new Map<number, Uint8Array>();
  #nextStatus = STATUS_INO_FIRST;
  #rollbacks = 0;
  #before = new Map<number, FileState>();
  #changedSeconds: number;
  #changedNanoseconds: number;

  constructor(mount: Omit<Mount, "controlNames">) {
    this.#mount = mount;
    this.#changedSeconds = mount.volume.seconds;
    this.#changedNanoseconds = mount.volume.nanoseconds;
  }

  isReserved(name: string): boolean {
    return (
      this.#mount.exchange.words[Q_NODE_TREE] === 0 &&
      (name === SNAPSHOTS_NAME || name === STATUS_NAME || name.startsWith(GATHERED_PREFIX))
    );
  }

  /** Answers a LOOKUP in the root; 0 when the name is none of ours. */
  lookupInRoot(name: string): number {
    if (!this.isReserved(name)) return 0;
    const { words } = this.#mount.exchange;
    if (name.startsWith(GATHERED_PREFIX)) {
      this.#mount.parked.mark(Number(name.slice(GATHERED_PREFIX.length)));
      return -ENOENT;
    }
    if (name === SNAPSHOTS_NAME)
      return this.#stat(FOLDER_INO) || putEntry(words, D, this.#attributes, VIRTUAL_TREE, VALID_SECONDS);
    const ino = this.#nextStatus++;
    this.#status.set(ino, utf8Of(`${JSON.stringify(this.#describe(), null, 2)}\n`));
    if (this.#status.size > STATUS_MAX) this.#status.delete(this.#status.keys().next().value!);
    // Not to be kept: the next one who opens it gets a new state.
    return this.#stat(ino) || putEntry(words, D, this.#attributes, VIRTUAL_TREE, 0);
  }

  /** Serves a request on a node of VIRTUAL_TREE. */
  handle(opcode: number, ino: number): number {
    const mount = this.#mount;
    const { exchange } = mount;
    const { words } = exchange;
    if (opcode === op.FUSE_FORGET) {
      this.#status.delete(ino);
      return NO_REPLY;
    }
    if (REQUESTS[opcode] === undefined) return -ENOSYS;
    const found = this.#stat(ino);
    if (found < 0) return found;
    switch (opcode) {
      case op.FUSE_GETATTR:
        return putAttributesReply(words, D, this.#attributes, VIRTUAL_TREE, 0);
      case op.FUSE_STATX:
        return putStatx(exchange, this.#attributes, VIRTUAL_TREE, 0);
      case op.FUSE_STATFS:
        return statFileSystem(mount);
      case op.FUSE_FSYNC:
      case op.FUSE_FSYNCDIR:
      case op.FUSE_SYNCFS:
        return syncAll(mount);
      case op.FUSE_GETXATTR:
      case op.FUSE_REMOVEXATTR:
        return -ENODATA;
      case op.FUSE_LISTXATTR:
        return this.#noXattrs();
    }
    if (ino !== FOLDER_INO) return opcode === op.FUSE_READ ? this.#readStatus(ino) : -EPERM;
    switch (opcode) {
      case op.FUSE_LOOKUP:
        return this.#lookup(exchange.name(BODY_AT));
      case op.FUSE_READDIR:
        return this.#list(false);
      case op.FUSE_READDIRPLUS:
        return this.#list(true);
      case op.FUSE_MKDIR:
        return this.#take(exchange.name(BODY_AT + 8));
      case op.FUSE_SYMLINK:
        return this.#rollback(exchange.name(BODY_AT));
      case op.FUSE_RMDIR:
        return this.#delete(exchange.name(BODY_AT));
      case op.FUSE_READ:
        return -EISDIR;
      case op.FUSE_UNLINK:
        return -EISDIR;
      default:
        return -EPERM;
    }
  }

  #stat(ino: number): number {
    const { files } = this.#mount;
    const attributes = this.#attributes;
    const content = this.#status.get(ino);
    if (ino !== FOLDER_INO && content === undefined) return -ESTALE;
    // They belong to whom the root belongs to.
    const found = files.stat(ROOT_INO, attributes);
    if (found < 0) return found;
    attributes.ino = ino;
    attributes.generation = 0;
    attributes.mode = content === undefined ? S_IFDIR | 0o755 : S_IFREG | 0o444;
    attributes.nlink = content === undefined ? 2 : 1;
    attributes.size = content?.length ?? 0;
    attributes.blocks = 0;
    attributes.rdev = 0;
    attributes.parent = ROOT_INO;
    attributes.atimeSeconds = attributes.mtimeSeconds = attributes.ctimeSeconds = this.#changedSeconds;
    attributes.atimeNanoseconds = attributes.mtimeNanoseconds = attributes.ctimeNanoseconds = this.#changedNanoseconds;
    return 0;
  }

  #lookup(name: string): number {
    const { volume, files, caches, exchange } = this.#mount;
    const { words, attributes } = exchange;
    const id = volume.findSubvolume(name);
    if (id < 0) return id;
    const subvolume = volume.subvolume(id);
    if (subvolume === null || subvolume === files) return -ENOENT;
    const found = subvolume.stat(ROOT_INO, attributes);
    if (found < 0) return found;
    caches.counts.add(ROOT_INO, id);
    return putEntry(words, D, attributes, id, VALID_SECONDS);
  }

  #list(plus: boolean): number {
    const { volume, files, exchange } = this.#mount;
    const { words } = exchange;
    const sizeMax = Math.min(words[B + 4]!, PAYLOAD_MAX);
    const listed = volume.subvolumes();
    if (typeof listed === "number") return listed;
    const entries = [
      { offset: 1, name: ".", ino: FOLDER_INO, tree: VIRTUAL_TREE },
      { offset: 2, name: "..", ino: ROOT_INO, tree: 0 },
      ...listed
        .filter(({ id }) => id !== files.id)
        .map(({ id, name }) => ({ offset: 2 + id, name, ino: ROOT_INO, tree: id })),
    ];
    const offset = getUnsigned(words, B + 2);
    let size = 0;
    for (const { offset: own, name, ino, tree } of entries) {
      if (own <= offset) continue;
      const next = putDirent(exchange, size, sizeMax, ino, tree, own, name, DT_DIR, plus);
      if (next < 0) break;
      size = next;
    }
    return size;
  }

  #take(name: string): number {
    const { volume, files } = this.#mount;
    if (name.length > 255) return -ENAMETOOLONG;
    if (this.#mount.parked.park(true)) return NO_REPLY;
    const id = volume.snapshot(files, name, { readOnly: true });
    if (id < 0) return id;
    this.#changed();
    return this.#lookup(name);
  }

  #delete(name: string): number {
    const { volume, files } = this.#mount;
    const id = volume.findSubvolume(name);
    if (id < 0) return id;
    if (id === files.id) return -EPERM;
    const result = volume.deleteSubvolume(id);
    if (result === 0) this.#changed();
    return result;
  }

  /** `name` is the link's; its target, the snapshot's. */
  #rollback(name: string): number {
    const { volume, files, caches, exchange, parked } = this.#mount;
    if (name !== ROLLBACK_NAME) return -EPERM;
    const id = volume.findSubvolume(exchange.name(BODY_AT + name.length + 1));
    if (id < 0) return id;
    // Another subvolume than the default one has no rollback in the engine; a kernel that keeps old names would show
    // what is gone.
    if (files.id !== volume.root.id || !caches.canForgetNames) return -EOPNOTSUPP;
    if (parked.park(true)) return NO_REPLY;
    this.noteFiles();
    const result = volume.rollback(id);
    if (result < 0) return result;
    this.filesReplaced();
    // The link was an order, not a file: it is gone when it is looked for.
    const found = this.#stat(FOLDER_INO);
    this.#attributes.ino = LINK_INO;
    this.#attributes.mode = S_IFLNK | 0o777;
    return found < 0 ? found : putEntry(exchange.words, D, this.#attributes, VIRTUAL_TREE, 0);
  }

  /** The mounted files are about to become others. */
  noteFiles(): void {
    this.#before = this.#mount.agreement.gathersWrites ? this.#knownFiles() : new Map<number, FileState>();
  }

  /** They are others now: the kernel is told. */
  filesReplaced(): void {
    this.#rollbacks++;
    const after = this.#knownFiles();
    for (const [ino, state] of this.#before)
      if (after.get(ino) !== state) this.#mount.caches.noteRolledBack(ino, this.#rollbacks);
    this.#before.clear();
    this.#mount.caches.forgetAll();
    this.#changed();
  }

  /** What the kernel keeps of regular files that it knows. */
  #knownFiles(): Map<number, FileState> {
    const { files } = this.#mount;
    const { attributes } = this.#mount.exchange;
    const states = new Map<number, FileState>();
    this.#mount.caches.counts.forEach((ino, tree) => {
      if (tree !== 0 || files.stat(ino, attributes) < 0 || (attributes.mode & S_IFMT) !== S_IFREG) return;
      const { size, mtimeSeconds, mtimeNanoseconds, ctimeSeconds, ctimeNanoseconds, generation } = attributes;
      states.set(ino, [size, mtimeSeconds, mtimeNanoseconds, ctimeSeconds, ctimeNanoseconds, generation].join());
    });
    return states;
  }

  /** The list of snapshots is another one now. */
  #changed(): void {
    this.#changedSeconds = this.#mount.volume.seconds;
    this.#changedNanoseconds = this.#mount.volume.nanoseconds;
  }

  /** It has changed without the kernel's doing, which is to ask anew for it. */
  changedInside(): void {
    this.#changed();
    this.#mount.caches.invalidate(FOLDER_INO, VIRTUAL_TREE);
  }

  #noXattrs(): number {
    const { words } = this.#mount.exchange;
    if (words[B] !== 0) return 0;
    words[D] = 0;
    words[D + 1] = 0;
    return 8;
  }

  #readStatus(ino: number): number {
    const { words, bytes } = this.#mount.exchange;
    const content = this.#status.get(ino)!;
    const part = content.subarray(
      getUnsigned(words, B + 2),
      getUnsigned(words, B + 2) + Math.min(words[B + 4]!, PAYLOAD_MAX),
    );
    bytes.set(part, REPLY_DATA_AT);
    return part.length;
  }

  #describe(): object {
    const { volume, files, settings, agreement, caches, exchange, statistics } = this.#mount;
    const { handled, flushes, timedCommits, failedCommits } = statistics;
    const requests: Record<string, number> = {};
    for (let opcode = 0; opcode < handled.length; opcode++)
      if (handled[opcode]! > 0) requests[op.OPCODE_NAMES[opcode] ?? String(opcode)] = handled[opcode]!;
    const subvolumes = volume.subvolumes();
    return {
      label: byteStringToUtf8(volume.superblock.label),
      generation: volume.superblock.generation,
      health: volume.failure === null ? "ok" : volume.failure.kind,
      failure: volume.failure === null ? null : { kind: volume.failure.kind, block: volume.failure.block },
      timedCommits,
      failedCommits,
      readOnly: files.readOnly,
      mounted: { id: files.id, name: byteStringToUtf8(files.name), live: files.id === volume.root.id },
      usage: volume.usage(),
      dirtyNodes: volume.cache.dirtyCount,
      protocol: `7.${agreement.minor}`,
      writebackCache: agreement.gathersWrites,
      accessTimes: settings.accessTimes,
      knownNodes: caches.counts.size,
      requests,
      failedRequests: exchange.failed,
      flushes,
      subvolumes:
        typeof subvolumes === "number"
          ? []
          : subvolumes.map((subvolume) => ({ ...subvolume, name: byteStringToUtf8(subvolume.name) })),
    };
  }
}
