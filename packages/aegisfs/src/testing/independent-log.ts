/** The independent reader's intent log (FORMAT.md §12): the records of a batch, done again on what was read. */
import { emptyInode, expect, isFolder, pair, textOf, type ReadInode, type ReadSubvolume } from "./independent-inode.ts";

export class LogRecords {
  readonly #words: Uint32Array;
  readonly #count: number;
  #at = 8;

  constructor(words: Uint32Array, count: number) {
    this.#words = words;
    this.#count = count;
  }

  /** Values of all extents. */
  extents(): Uint32Array[] {
    const found: Uint32Array[] = [];
    this.#each((kind) => {
      if (kind !== 12) return;
      this.#at += 34;
      this.#bytes();
      for (let left = this.#word(); left > 0; left--) {
        this.#at += 2;
        const length = this.#word();
        found.push(this.#words.slice(this.#at, this.#at + length));
        this.#at += length;
      }
    });
    return found;
  }

  redo(subvolumes: readonly ReadSubvolume[]): void {
    this.#each((kind, subvolume, time) =>
      this.#redoOne(
        kind,
        subvolumes.find(({ id }) => id === subvolume)!,
        time,
      ),
    );
  }

  #each(visit: (kind: number, subvolume: number, time: Uint32Array) => void): void {
    this.#at = 8;
    for (let record = 0; record < this.#count; record++) {
      const start = this.#at;
      const head = this.#words[start]!;
      this.#at += 5;
      visit(head & 255, this.#words[start + 1]!, this.#words.slice(start + 2, start + 5));
      this.#at = start + (head >>> 8);
    }
  }

  #word(): number {
    return this.#words[this.#at++]!;
  }

  #bytes(): Uint8Array {
    const length = this.#word();
    const bytes = new Uint8Array(this.#words.slice(this.#at, this.#at + ((length + 3) >> 2)).buffer, 0, length).slice();
    this.#at += (length + 3) >> 2;
    return bytes;
  }

  #redoOne(kind: number, { inodes, ...subvolume }: ReadSubvolume, time: Uint32Array): void {
    const get = (): ReadInode => inodes.get(this.#word())!;
    const text = (): string => textOf(this.#bytes());
    /** The times that stat(2) says change: of content and of the inode, or of the inode alone. */
    const stamp = (inode: ReadInode, content: boolean): void => {
      if (content) inode.words.set(time, 13);
      inode.words.set(time, 16);
    };
    const make = (ino: number, mode: number, uid: number, gid: number): ReadInode => {
      const inode = emptyInode(ino);
      inode.words.set([mode, uid, gid, mode >>> 12 === 4 ? 2 : 1]);
      for (const at of [10, 13, 16, 19]) inode.words.set(time, at);
      inodes.set(ino, inode);
      subvolume.nextIno = ino + 1;
      return inode;
    };
    const enter = (folder: ReadInode, name: string, inode: ReadInode): void => {
      folder.entries.set(name, inode.ino);
      if (isFolder(inode)) folder.words[3]!++;
      stamp(folder, true);
    };
    const leave = (folder: ReadInode, name: string): ReadInode => {
      const inode = inodes.get(folder.entries.get(name)!)!;
      folder.entries.delete(name);
      if (isFolder(inode)) folder.words[3]!--;
      stamp(folder, true);
      return inode;
    };
    const lose = (inode: ReadInode): void => {
      inode.words[3] = isFolder(inode) ? 0 : inode.words[3]! - 1;
      stamp(inode, false);
    };
    switch (kind) {
      case 1: {
        const folder = get();
        const [ino, mode, uid, gid, device, umask] = [
          this.#word(),
          this.#word(),
          this.#word(),
          this.#word(),
          this.#word(),
          this.#word(),
        ] as const;
        expect(!folder.attributes.has("system.posix_acl_default"), "no default access control list");
        const inode = make(ino, umask === 0xffffffff ? mode : mode & ~umask, uid, gid);
        inode.words[4] = device;
        inode.words[27] = folder.words[27]!;
        enter(folder, text(), inode);
        break;
      }
      case 2: {
        const folder = get();
        const inode = make(this.#word(), 0o120777, this.#word(), this.#word());
        enter(folder, text(), inode);
        inode.inline = this.#bytes();
        inode.words[6] = inode.inline.length;
        break;
      }
      case 3: {
        const inode = get();
        enter(get(), text(), inode);
        inode.words[3]!++;
        stamp(inode, false);
        break;
      }
      case 4:
      case 5:
        lose(leave(get(), text()));
        break;
      case 6:
        this.#rename(get(), get(), {
          text,
          make,
          enter,
          leave,
          lose,
          stamp,
          nextIno: Math.max(...inodes.keys()) + 1,
          inodes,
        });
        break;
      case 7:
        this.#take(get(), false);
        break;
      case 8: {
        const inode = get();
        this.#at++;
        inode.attributes.set(text(), this.#bytes());
        stamp(inode, false);
        break;
      }
      case 9: {
        const inode = get();
        inode.attributes.delete(text());
        stamp(inode, false);
        break;
      }
      case 11:
        make(this.#word(), this.#word(), this.#word(), this.#word()).words[3] = 0;
        break;
      case 12: {
        const inode = get();
        this.#take(inode, true);
        if (this.#word() === 1) {
          inode.extents = [];
          inode.inline = null;
        }
        const inline = this.#bytes();
        if (inline.length > 0) inode.inline = inline;
        for (let left = this.#word(); left > 0; left--) {
          const index = pair(this.#words, this.#at);
          const length = this.#words[this.#at + 2]!;
          const words = this.#words.slice(this.#at + 3, this.#at + 3 + length);
          this.#at += 3 + length;
          if (index === 0n) inode.inline = null;
          // The parts of others that it covers go; looking for the newest first does the same.
          inode.extents.unshift({ index, words });
        }
        break;
      }
      default:
        throw new Error(`expected no record of kind ${kind}`);
    }
  }

  #rename(from: ReadInode, to: ReadInode, tree: RenameTools): void {
    const [flags, uid, gid] = [this.#word(), this.#word(), this.#word()] as const;
    const [name, newName] = [tree.text(), tree.text()];
    const target = to.entries.get(newName);
    if (from.entries.get(name) === target) return;
    const moved = tree.leave(from, name);
    const replaced = target === undefined ? null : tree.leave(to, newName);
    tree.enter(to, newName, moved);
    tree.stamp(moved, false);
    if (replaced !== null && (flags & 2) !== 0) {
      tree.enter(from, name, replaced);
      tree.stamp(replaced, false);
    } else if (replaced !== null) tree.lose(replaced);
    if ((flags & 4) !== 0) tree.enter(from, name, tree.make(tree.nextIno, 0o020000, uid, gid));
  }

  /** Attributes of an inode from the next 32 words. */
  #take(inode: ReadInode, size: boolean): void {
    const words = this.#words.subarray(this.#at, this.#at + 32);
    this.#at += 32;
    const kept = new Set([3, 8, 9, 22, 23, 24, 25, ...(size ? [] : [6, 7])]);
    for (let word = 0; word < 32; word++) if (!kept.has(word)) inode.words[word] = words[word]!;
  }
}

interface RenameTools {
  readonly text: () => string;
  readonly make: (ino: number, mode: number, uid: number, gid: number) => ReadInode;
  readonly enter: (folder: ReadInode, name: string, inode: ReadInode) => void;
  readonly leave: (folder: ReadInode, name: string) => ReadInode;
  readonly lose: (inode: ReadInode) => void;
  readonly stamp: (inode: ReadInode, content: boolean) => void;
  readonly nextIno: number;
  readonly inodes: ReadonlyMap<number, ReadInode>;
}
