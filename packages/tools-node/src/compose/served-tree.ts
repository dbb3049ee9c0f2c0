/**
 * A tree served to the kernel as a file system that cannot be written (FUSE), which notes what was asked for. It lies
 * below an overlay, so that a script finds the tree without anybody having copied it, and what the script has seen of
 * it is known exactly:
 *
 *   a name      asked for once, there or not: the kernel keeps the answer, and that there is nothing
 *   content     asked for once, page by page
 *   a listing   asked for once
 *               (but what ldconfig looks up, which the kernel is told not to keep, so that who else looks at it asks)
 *   attributes  of a folder: when a program asks for them for the first time, and not when it only passes through; of
 *   all else they come with the name
 *
 * Source: Linux include/uapi/linux/fuse.h; fs/fuse/dir.c for what is cached, and how long.
 */
import {
  EAGAIN,
  EINTR,
  EINVAL,
  ENODATA,
  ENODEV,
  ENOENT,
  ENOSYS,
  EPROTO,
  ERANGE,
  EROFS,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFREG,
} from "@stratos/abi";
import type { Observations } from "@stratos/compose";
import {
  ATTR_AT_BLKSIZE,
  ATTR_AT_BLOCKS,
  ATTR_AT_CTIME,
  ATTR_AT_ATIME,
  ATTR_AT_GID,
  ATTR_AT_INO,
  ATTR_AT_MODE,
  ATTR_AT_MTIME,
  ATTR_AT_NLINK,
  ATTR_AT_SIZE,
  ATTR_AT_UID,
  ATTR_OUT_AT_ATTR,
  ATTR_OUT_SIZE,
  ATTR_WORDS,
  B,
  BODY_AT,
  D,
  DIRENT_SIZE,
  ENTRY_AT_ATTR,
  ENTRY_SIZE,
  FUSE_ASYNC_READ,
  FUSE_BATCH_FORGET,
  FUSE_CACHE_SYMLINKS,
  FUSE_DESTROY,
  FUSE_FORGET,
  FUSE_GETATTR,
  FUSE_GETXATTR,
  FUSE_INIT,
  FUSE_INTERRUPT,
  FUSE_LISTXATTR,
  FUSE_LOOKUP,
  FUSE_MAJOR,
  FUSE_MAX_PAGES,
  FUSE_MINOR,
  FUSE_MINOR_MIN,
  FUSE_NO_OPEN_SUPPORT,
  FUSE_NO_OPENDIR_SUPPORT,
  FUSE_OPEN,
  FUSE_OPENDIR,
  FUSE_PARALLEL_DIROPS,
  FUSE_READ,
  FUSE_READDIR,
  FUSE_READLINK,
  FUSE_RELEASE,
  FUSE_RELEASEDIR,
  FUSE_STATFS,
  HEADER_SIZE,
  MEMORY_SIZE,
  NO_REPLY,
  PAYLOAD_MAX,
  PAYLOAD_PAGES,
  putPair,
  Q_LENGTH,
  Q_NODE,
  Q_OPCODE,
  Q_UNIQUE,
  R_ERROR,
  R_LENGTH,
  R_UNIQUE,
  REPLY_AT,
  REPLY_DATA_AT,
  REPLY_HEADER_SIZE,
  REQUEST_AT,
  REQUEST_SIZE,
  VALID_SECONDS,
} from "@stratos/fuse/wire";

type ServedKind = "directory" | "file" | "symlink" | "fifo";

/** An entry of the tree as a thread can be given it. Strings are byte strings. */
export interface ServedEntry {
  readonly path: string;
  readonly kind: ServedKind | "hardLink";
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  readonly sizeBytes: number;
  /** of links: where they lead; of hard links: the file's first name */
  readonly target: string;
  /** of files: which of the packs, and where in it */
  readonly pack: number;
  readonly offset: number;
  readonly xattrs: readonly (readonly [string, string])[];
}

/** Reads from pack `pack` at `offset`. @returns bytes copied */
type ReadPack = (pack: number, offset: number, into: Uint8Array) => number;

interface Node {
  readonly entry: ServedEntry;
  readonly ino: number;
  links: number;
  readonly children: Map<string, Node> | undefined;
  /** in the order of listings */
  names: string[] | undefined;
}

/**
 * Names in the root that are looked up, each once, when an ldconfig begins and ends: this, a letter, the number of a
 * process.
 */
export const LDCONFIG_SIGN = ".stratos-ldconfig-";
export const LDCONFIG_BEGINS = "b",
  LDCONFIG_ENDS = "e";

const FORMAT: Readonly<Record<ServedKind, number>> = {
  directory: S_IFDIR,
  file: S_IFREG,
  symlink: S_IFLNK,
  fifo: S_IFIFO,
};
const ROOT = 1;

/** Where messages come from and go to; as `FuseDevice` of `@stratos/fuse`. */
export interface MessageDevice {
  readonly memory: ArrayBuffer;
  receive(at: number, sizeMax: number): number;
  send(at: number, length: number): number;
}

export const SERVED_MEMORY_SIZE = MEMORY_SIZE;

export class ServedTree {
  readonly #device: MessageDevice;
  readonly #readPack: ReadPack;
  readonly #words: Uint32Array;
  readonly #bytes: Uint8Array;
  /** by inode number; the root is the first */
  readonly #nodes: Node[] = [];
  readonly #hasXattrs: boolean;
  readonly #names = new Set<string>();
  readonly #attributes = new Set<string>();
  readonly #listings = new Set<string>();
  readonly #contents = new Set<string>();
  /** what is no folder and was looked up while ldconfig ran */
  readonly #libraries = new Set<string>();
  /** how many of it run */
  #linkers = 0;

  /** @param entries  in the order of paths, the root first */
  constructor(device: MessageDevice, entries: readonly ServedEntry[], readPack: ReadPack) {
    this.#device = device;
    this.#readPack = readPack;
    this.#words = new Uint32Array(device.memory);
    this.#bytes = new Uint8Array(device.memory);
    this.#hasXattrs = entries.some(({ xattrs }) => xattrs.length > 0);
    const byPath = new Map<string, Node>();
    for (const entry of entries) {
      const { path, kind, target } = entry;
      let node: Node | undefined;
      if (kind === "hardLink") {
        node = byPath.get(target);
        if (node === undefined) continue;
        node.links++;
      } else {
        node = {
          entry,
          ino: this.#nodes.length + ROOT,
          links: 1,
          children: kind === "directory" ? new Map() : undefined,
          names: undefined,
        };
        this.#nodes.push(node);
      }
      byPath.set(path, node);
      if (path !== "") byPath.get(parentOf(path))?.children?.set(path.slice(path.lastIndexOf("/") + 1), node);
    }
  }

  get observations(): Omit<Observations, "queries"> {
    return {
      names: [...this.#names],
      attributes: [...this.#attributes],
      listings: [...this.#listings],
      contents: [...this.#contents],
      libraries: [...this.#libraries].filter((path) => !this.#names.has(path)),
    };
  }

  /** Serves until the mount is gone. @returns 0, or the device's negated errno */
  serve(): number {
    for (;;) {
      const length = this.#device.receive(REQUEST_AT, REQUEST_SIZE);
      if (length < 0) {
        if (AGAIN.has(length)) continue;
        return length === -ENODEV ? 0 : length;
      }
      this.handle(length);
    }
  }

  /** Handles the request of `length` bytes that is in memory, and answers it. */
  handle(length: number): void {
    const words = this.#words;
    if (length < HEADER_SIZE || words[Q_LENGTH] !== length) return;
    const node = this.#nodes[words[Q_NODE]! - ROOT];
    const result = node === undefined ? this.#aboutMount(words[Q_OPCODE]!) : this.#aboutNode(words[Q_OPCODE]!, node);
    if (result === NO_REPLY) return;
    words[R_LENGTH] = REPLY_HEADER_SIZE + Math.max(result, 0);
    words[R_ERROR] = Math.min(result, 0);
    words[R_UNIQUE] = words[Q_UNIQUE]!;
    words[R_UNIQUE + 1] = words[Q_UNIQUE + 1]!;
    this.#device.send(REPLY_AT, words[R_LENGTH]!);
  }

  #aboutMount(opcode: number): number {
    switch (opcode) {
      case FUSE_INIT:
        return this.#initialize();
      case FUSE_FORGET:
      case FUSE_BATCH_FORGET:
      case FUSE_INTERRUPT:
        return NO_REPLY;
      case FUSE_DESTROY:
        return 0;
      default:
        return -ENOENT;
    }
  }

  #aboutNode(opcode: number, node: Node): number {
    switch (opcode) {
      case FUSE_LOOKUP:
        return this.#lookUp(node);
      case FUSE_GETATTR:
        return this.#putAttributes(node);
      case FUSE_READLINK:
        return this.#putText(node.entry.target);
      case FUSE_READ:
        return this.#read(node);
      case FUSE_READDIR:
        return this.#list(node);
      case FUSE_GETXATTR:
        return this.#hasXattrs ? this.#getXattr(node) : -ENOSYS;
      case FUSE_LISTXATTR:
        return this.#hasXattrs
          ? this.#putList(node.entry.xattrs.map(([name]) => `${name}\0`).join(""), this.#words[B]!)
          : -ENOSYS;
      case FUSE_STATFS:
        return this.#statFileSystem();
      // Without them the kernel opens and closes by itself, and keeps what it has read (FUSE_NO_OPEN_SUPPORT).
      case FUSE_OPEN:
      case FUSE_OPENDIR:
        return -ENOSYS;
      case FUSE_RELEASE:
      case FUSE_RELEASEDIR:
        return 0;
      default:
        return CHANGING.has(opcode) ? -EROFS : this.#aboutMountOr(opcode);
    }
  }

  #aboutMountOr(opcode: number): number {
    const result = this.#aboutMount(opcode);
    return result === -ENOENT ? -ENOSYS : result;
  }

  /** fuse_init_in: major, minor, read-ahead, flags. fuse_init_out: 64 bytes. */
  #initialize(): number {
    const words = this.#words;
    const [major, minor, readAhead, offered] = [words[B]!, words[B + 1]!, words[B + 2]!, words[B + 3]!];
    words.fill(0, D, D + 16);
    words[D] = FUSE_MAJOR;
    if (major > FUSE_MAJOR) return 64;
    if (major < FUSE_MAJOR || minor < FUSE_MINOR_MIN) return -EPROTO;
    words[D + 1] = Math.min(minor, FUSE_MINOR);
    words[D + 2] = readAhead;
    words[D + 3] =
      (FUSE_ASYNC_READ |
        FUSE_NO_OPEN_SUPPORT |
        FUSE_NO_OPENDIR_SUPPORT |
        FUSE_PARALLEL_DIROPS |
        FUSE_MAX_PAGES |
        FUSE_CACHE_SYMLINKS) &
      offered;
    words[D + 4] = 16 | (12 << 16); // requests in the background, and when they are too many
    words[D + 5] = PAYLOAD_MAX;
    words[D + 6] = 1;
    words[D + 7] = PAYLOAD_PAGES;
    return 64;
  }

  #lookUp(folder: Node): number {
    const words = this.#words,
      bytes = this.#bytes;
    let end = BODY_AT;
    const limit = REQUEST_AT + words[Q_LENGTH]!;
    while (end < limit && bytes[end] !== 0) end++;
    const name = Buffer.from(bytes.buffer, BODY_AT, end - BODY_AT).toString("latin1");
    if (folder.ino === ROOT && name.startsWith(LDCONFIG_SIGN))
      return this.#countLinkers(name.charAt(LDCONFIG_SIGN.length));
    const path = folder.entry.path === "" ? name : `${folder.entry.path}/${name}`;
    const node = folder.children?.get(name);
    // That there is nothing the overlay keeps by itself, whoever has asked.
    const isForLinker = this.#linkers > 0 && node !== undefined && node.children === undefined;
    (isForLinker ? this.#libraries : this.#names).add(path);
    words.fill(0, D, D + ENTRY_SIZE / 4);
    words[D + 4] = isForLinker ? 0 : VALID_SECONDS;
    if (node === undefined) return ENTRY_SIZE;
    words[D] = node.ino;
    words[D + 6] = node.children === undefined && !isForLinker ? VALID_SECONDS : 0;
    this.#fillAttributes(D + ENTRY_AT_ATTR, node);
    return ENTRY_SIZE;
  }

  #countLinkers(letter: string): number {
    this.#linkers += letter === LDCONFIG_BEGINS ? 1 : -1;
    return -ENOENT;
  }

  #putAttributes(node: Node): number {
    if (node.children !== undefined) this.#attributes.add(node.entry.path);
    const words = this.#words;
    words.fill(0, D, D + ATTR_OUT_SIZE / 4);
    words[D] = VALID_SECONDS;
    this.#fillAttributes(D + ATTR_OUT_AT_ATTR, node);
    return ATTR_OUT_SIZE;
  }

  #fillAttributes(at: number, { entry, ino, links, children }: Node): void {
    const words = this.#words;
    words.fill(0, at, at + ATTR_WORDS);
    const sizeBytes = entry.kind === "symlink" ? entry.target.length : entry.sizeBytes;
    words[at + ATTR_AT_INO] = ino;
    putPair(words, at + ATTR_AT_SIZE, sizeBytes);
    putPair(words, at + ATTR_AT_BLOCKS, Math.ceil(sizeBytes / 512));
    for (const place of [ATTR_AT_ATIME, ATTR_AT_MTIME, ATTR_AT_CTIME]) putPair(words, at + place, entry.mtime);
    words[at + ATTR_AT_MODE] = FORMAT[entry.kind as ServedKind] | entry.mode;
    words[at + ATTR_AT_NLINK] = children === undefined ? links : 2;
    words[at + ATTR_AT_UID] = entry.uid;
    words[at + ATTR_AT_GID] = entry.gid;
    words[at + ATTR_AT_BLKSIZE] = 4096;
  }

  /** fuse_read_in: fh (2), offset (2), size. */
  #read(node: Node): number {
    const words = this.#words,
      { entry } = node;
    this.#contents.add(entry.path);
    const offset = words[B + 2]! + words[B + 3]! * 0x1_0000_0000;
    const count = Math.max(0, Math.min(words[B + 4]!, PAYLOAD_MAX, entry.sizeBytes - offset));
    return count === 0
      ? 0
      : this.#readPack(entry.pack, entry.offset + offset, this.#bytes.subarray(REPLY_DATA_AT, REPLY_DATA_AT + count));
  }

  /**
   * The same body as READ has; fuse_dirent: ino, offset of the next, length of the name, type, name, up to a multiple
   * of eight.
   */
  #list(node: Node): number {
    const words = this.#words,
      bytes = this.#bytes;
    if (node.children === undefined) return -EINVAL;
    this.#listings.add(node.entry.path);
    const names = (node.names ??= [".", "..", ...node.children.keys()]);
    const sizeMax = Math.min(words[B + 4]!, PAYLOAD_MAX);
    let at = 0;
    for (let index = words[B + 2]!; index < names.length; index++) {
      const name = names[index]!,
        child = node.children.get(name) ?? node;
      const size = (DIRENT_SIZE + name.length + 7) & ~7;
      if (at + size > sizeMax) break;
      const word = D + at / 4;
      putPair(words, word, child.ino);
      putPair(words, word + 2, index + 1);
      words[word + 4] = name.length;
      words[word + 5] = FORMAT[child.entry.kind as ServedKind] >>> 12;
      bytes.fill(0, REPLY_DATA_AT + at + DIRENT_SIZE, REPLY_DATA_AT + at + size);
      for (let character = 0; character < name.length; character++)
        bytes[REPLY_DATA_AT + at + DIRENT_SIZE + character] = name.charCodeAt(character);
      at += size;
    }
    return at;
  }

  /** fuse_getxattr_in: size, padding; the name. */
  #getXattr(node: Node): number {
    const text = Buffer.from(this.#bytes.buffer, BODY_AT + 8, this.#words[Q_LENGTH]! - HEADER_SIZE - 8).toString(
      "latin1",
    );
    const name = text.slice(0, text.indexOf("\0"));
    const found = node.entry.xattrs.find(([one]) => one === name);
    return found === undefined ? -ENODATA : this.#putList(found[1], this.#words[B]!);
  }

  /** A text, or with a size of 0 its length. */
  #putList(text: string, sizeMax: number): number {
    if (sizeMax !== 0) return text.length > sizeMax ? -ERANGE : this.#putText(text);
    putPair(this.#words, D, text.length);
    return 8;
  }

  #putText(text: string): number {
    for (let index = 0; index < text.length; index++) this.#bytes[REPLY_DATA_AT + index] = text.charCodeAt(index);
    return text.length;
  }

  /** fuse_kstatfs: nothing is free. */
  #statFileSystem(): number {
    const words = this.#words;
    words.fill(0, D, D + 20);
    putPair(words, D + 6, this.#nodes.length);
    words[D + 10] = 4096;
    words[D + 11] = 255;
    words[D + 12] = 4096;
    return 80;
  }
}

/** ENOENT: a request that was taken back. */
const AGAIN: ReadonlySet<number> = new Set([-EINTR, -EAGAIN, -ENOENT]);
/** SETATTR, SYMLINK, MKNOD … LINK, WRITE, SETXATTR, REMOVEXATTR, CREATE, RENAME2. */
const CHANGING: ReadonlySet<number> = new Set([4, 6, 8, 9, 10, 11, 12, 13, 16, 21, 24, 35, 45]);

function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}
