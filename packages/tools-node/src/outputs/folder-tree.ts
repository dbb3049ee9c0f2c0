/** A folder of the host as a file tree. */
import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync } from "node:fs";
import { join } from "node:path";
import { byteString } from "@stratos/base";
import {
  comparePaths,
  digestOf,
  fileEntry,
  FormatError,
  NO_FILE_XATTRS,
  type Blob,
  type Codecs,
  type FileEntry,
  type FileTree,
} from "@stratos/formats";
import { readAttributes } from "./host-attributes.ts";

export interface FolderTreeOptions {
  /** everything belongs to root, whoever unpacked it */
  readonly ownedByRoot?: boolean;
  /** with extended attributes, where the host has getfattr(1) */
  readonly hasAttributes?: boolean;
  /** what is at this path, and below it, is no part of the tree */
  isLeftOut?(path: string): boolean;
  /**
   * for a system that may be in use: of what is mounted within there is the folder alone, and sockets, which only
   * running programs have a use for, are passed over
   */
  readonly isInUse?: boolean;
}

/** @throws FormatError when the folder holds what no tree can (a socket); Node's error when it cannot be read */
export function folderTree(folder: string, codecs: Codecs, options: FolderTreeOptions = {}): FileTree {
  const entries: FileEntry[] = [];
  const firstNames = new Map<string, string>();
  const { dev } = lstatSync(folder);
  const attributes = options.hasAttributes === true ? readAttributes(folder) : undefined;
  const visit = (path: Buffer, host: Buffer): void => {
    const name = byteString(path);
    if (options.isLeftOut?.(name) === true) return;
    const stat = lstatSync(host);
    if (options.isInUse === true && stat.isSocket()) return;
    const common = {
      mode: stat.mode & 0o7777,
      uid: options.ownedByRoot === true ? 0 : stat.uid,
      gid: options.ownedByRoot === true ? 0 : stat.gid,
      mtime: Math.floor(stat.mtimeMs / 1000),
      xattrs: attributes?.get(name) ?? NO_FILE_XATTRS,
    };
    const identity = `${stat.dev}:${stat.ino}`;
    const first = firstNames.get(identity);
    if (!stat.isDirectory() && stat.nlink > 1) {
      if (first !== undefined) {
        entries.push(fileEntry(name, "hardLink", { ...common, target: first }));
        return;
      }
      firstNames.set(identity, name);
    }
    const device = {
      deviceMajor: Math.floor(stat.rdev / 256) & 0xfff,
      deviceMinor: (stat.rdev & 0xff) | ((Math.floor(stat.rdev / 4096) & 0xfff00) >>> 0),
    };
    if (stat.isDirectory()) {
      entries.push(fileEntry(name, "directory", common));
      if (options.isInUse === true && stat.dev !== dev) return;
      const children = readdirSync(host, { encoding: "buffer" }).sort((left, right) =>
        comparePaths(byteString(left), byteString(right)),
      );
      for (const child of children)
        visit(path.length === 0 ? child : Buffer.concat([path, SLASH, child]), Buffer.concat([host, SLASH, child]));
    } else if (stat.isFile())
      entries.push(fileEntry(name, "file", { ...common, content: new HostBlob(host, stat.size, codecs) }));
    else if (stat.isSymbolicLink())
      entries.push(
        fileEntry(name, "symlink", {
          ...common,
          mode: 0o777,
          target: byteString(readlinkSync(host, { encoding: "buffer" })),
        }),
      );
    else if (stat.isCharacterDevice()) entries.push(fileEntry(name, "character", { ...common, ...device }));
    else if (stat.isBlockDevice()) entries.push(fileEntry(name, "block", { ...common, ...device }));
    else if (stat.isFIFO()) entries.push(fileEntry(name, "fifo", common));
    else throw new FormatError(`${join(folder, path.toString())}: a socket, which no image can hold`);
  };
  visit(Buffer.alloc(0), Buffer.from(folder));
  entries.sort((left, right) => comparePaths(left.path, right.path));
  return { entries: () => entries };
}

const SLASH = Buffer.from("/");

/**
 * A file that is opened when it is read, and closed when its end was; its digest is worked out when it is asked for.
 */
export class HostBlob implements Blob {
  readonly sizeBytes: number;
  readonly #path: Buffer;
  readonly #codecs: Codecs;
  #fd: number | undefined;
  #digest: string | undefined;

  constructor(path: Buffer, size: number, codecs: Codecs) {
    this.#path = path;
    this.sizeBytes = size;
    this.#codecs = codecs;
  }

  get digest(): string {
    return (this.#digest ??= digestOf(this, this.#codecs));
  }

  read(offset: number, into: Uint8Array): number {
    this.#fd ??= openSync(this.#path, "r");
    const count = readSync(this.#fd, into, 0, into.length, offset);
    // Trees have thousands of files; none stays open.
    if (offset + count >= this.sizeBytes || count === 0) {
      closeSync(this.#fd);
      this.#fd = undefined;
    }
    return count;
  }
}
