/**
 * Random operations on a subvolume and its model at once. Every result is compared; `compare` compares all files.
 */
import { byteStringOf } from "@stratos/base";
import type { SeededRandom } from "@stratos/base";
import { ENOSPC, RENAME_EXCHANGE, RENAME_WHITEOUT, S_IFDIR, S_IFIFO, S_IFREG } from "@stratos/abi";
import { Attributes, ATTRIBUTE_CTIME, ATTRIBUTE_MODE } from "../file/attributes.ts";
import { ROOT_INO } from "../format/inode-item.ts";
import type { Subvolume } from "../volume/subvolume.ts";
import { dumpSubvolume } from "./dump.ts";
import { cutAtFold, NO_FOLD, unfoldEnd, unfoldLength, unfoldOffset, type Fold } from "./fold.ts";
import { Model, ModelInode } from "./model.ts";

interface WorkloadOptions {
  /** Largest file offset that is written. */
  sizeMax: number;
  /** Names in a directory. */
  names: number;
  /** Stands for huge files. */
  fold?: Fold;
  /** Share no blocks between files: leaves out copies. */
  withoutCopies?: boolean;
}

export class Workload {
  subvolume: Subvolume;
  model: Model;
  readonly #random: SeededRandom;
  readonly #options: WorkloadOptions;
  readonly #fold: Fold;
  /** Engine's number of each model inode that is alive. */
  #inos = new Map<ModelInode, number>();
  #inodes: ModelInode[] = [];
  #time = 1000;
  /** What was done last, for messages. */
  last = "";
  /**
   * Files that got another one's name, and files that were emptied, by number: until who looks at them takes them away.
   */
  readonly movedOver: Set<number> = new Set();
  readonly emptied: Set<number> = new Set();
  readonly #attributes = new Attributes();

  constructor(random: SeededRandom, subvolume: Subvolume, options: WorkloadOptions) {
    this.#random = random;
    this.subvolume = subvolume;
    this.#options = options;
    this.#fold = options.fold ?? NO_FOLD;
    this.model = new Model();
    this.#adopt(this.model);
  }

  /** Goes on with another state: after a crash, a remount, a rollback. Numbers are found again by path. */
  resume(subvolume: Subvolume, model: Model): void {
    this.subvolume = subvolume;
    this.#adopt(model);
  }

  #adopt(model: Model): void {
    this.model = model;
    this.#inos = new Map();
    const visit = (inode: ModelInode, ino: number): void => {
      this.#inos.set(inode, ino);
      for (const [name, child] of inode.names) {
        const number = this.subvolume.lookup(ino, name);
        if (number < 0) throw new Error(`lost ${name}: ${number}`);
        visit(child, number);
      }
    };
    visit(model.root, ROOT_INO);
    this.#inodes = [...this.#inos.keys()];
  }

  /** The engine's number of some file or directory. */
  pickFile(): number {
    return this.#inos.get(this.#pick((inode) => inode.isRegular || this.#random.below(10) === 0))!;
  }

  compare(): void {
    const expected = this.model.dump();
    const actual = dumpSubvolume(this.subvolume, null, null, undefined, undefined, this.#fold);
    if (expected !== actual) throw new Error(`after ${this.last}:\n${difference(expected, actual)}`);
  }

  step(): void {
    const random = this.#random;
    const model = this.model;
    const subvolume = this.subvolume;
    const fold = this.#fold;
    this.#time++;
    model.now = this.#time;
    subvolume.volume.setTime(this.#time, 5);
    const directory = this.#pick((inode) => inode.isDirectory);
    const file = random.below(12) === 0 ? this.#pick(() => true) : this.#pick((inode) => !inode.isDirectory);
    const d = this.#inos.get(directory)!;
    const f = this.#inos.get(file)!;
    const name = this.#name(directory);
    switch (random.below(28)) {
      case 0:
      case 1:
      case 2: {
        const mode = (random.below(8) === 0 ? S_IFIFO : S_IFREG) | 0o644;
        this.#made(
          `create ${d}/${name}`,
          model.create(directory, name, mode, this.#time),
          subvolume.create(d, name, mode, this.#time, 0),
        );
        break;
      }
      case 3:
        this.#made(
          `mkdir ${d}/${name}`,
          model.create(directory, name, S_IFDIR | 0o755, 1),
          subvolume.create(d, name, S_IFDIR | 0o755, 1, 0),
        );
        break;
      case 4: {
        const target = "t".repeat(1 + random.below(random.below(4) === 0 ? 4000 : 40));
        this.#made(
          `symlink ${d}/${name}`,
          model.symlink(directory, name, target, 3),
          subvolume.symlink(d, name, target, 3, 0),
        );
        break;
      }
      case 5:
        this.#same(`link ${f} ${d}/${name}`, model.link(file, directory, name), subvolume.link(f, d, name));
        break;
      case 6:
      case 7: {
        const result = model.unlink(directory, name);
        this.#same(`unlink ${d}/${name}`, result, subvolume.unlink(d, name));
        this.#forget();
        break;
      }
      case 8:
        this.#same(`rmdir ${d}/${name}`, model.rmdir(directory, name), subvolume.rmdir(d, name));
        this.#forget();
        break;
      case 9:
      case 10: {
        const other = this.#pick((inode) => inode.isDirectory);
        const newName = this.#name(other);
        const flags = random.below(8) === 0 ? RENAME_WHITEOUT | random.below(3) : random.below(3);
        const source = directory.names.get(name);
        const target = other.names.get(newName);
        this.#same(
          `rename ${d}/${name} ${this.#inos.get(other)}/${newName} ${flags}`,
          model.rename(directory, name, other, newName, flags),
          subvolume.rename(d, name, this.#inos.get(other)!, newName, flags),
        );
        if (other.names.get(newName) === source && target !== undefined && target !== source)
          this.#moved(source!, flags === RENAME_EXCHANGE ? target : null);
        this.#forget();
        break;
      }
      case 11: {
        const size = this.#offset();
        if (size === 0 && file.isRegular && file.content.length > 0) this.emptied.add(f);
        this.#same(`truncate ${f} ${size}`, model.truncate(file, size), subvolume.truncate(f, unfoldEnd(fold, size)));
        break;
      }
      case 12: {
        const offset = this.#offset();
        const length = 1 + this.#offset();
        this.#same(
          `punch ${f} ${offset}+${length}`,
          model.punchHole(file, offset, length),
          subvolume.punchHole(f, unfoldOffset(fold, offset), unfoldLength(fold, offset, length)),
        );
        break;
      }
      case 13: {
        const offset = this.#offset();
        const length = 1 + this.#offset();
        const keep = random.below(2) === 0;
        this.last = `preallocate ${f} ${offset}+${length}`;
        const result = subvolume.preallocate(f, unfoldOffset(fold, offset), unfoldLength(fold, offset, length), keep);
        if (result !== -ENOSPC) this.#same(this.last, model.preallocate(file, offset, length, keep), result);
        break;
      }
      case 14: {
        const key = `user.${random.below(4)}`;
        const value = "v".repeat(random.below(random.below(3) === 0 ? 3000 : 50));
        const flags = random.below(3);
        this.#same(
          `setXattr ${f} ${key}`,
          model.setXattr(file, key, value, flags),
          subvolume.setXattr(f, key, byteStringOf(value), flags),
        );
        break;
      }
      case 15: {
        const key = `user.${random.below(4)}`;
        this.#same(`removeXattr ${f} ${key}`, model.removeXattr(file, key), subvolume.removeXattr(f, key));
        break;
      }
      case 16: {
        this.#attributes.mode = random.below(0o7777);
        this.#attributes.ctimeSeconds = this.#time;
        this.#same(
          `chmod ${f}`,
          model.chmod(file, this.#attributes.mode),
          subvolume.setAttributes(f, this.#attributes, ATTRIBUTE_MODE | ATTRIBUTE_CTIME),
        );
        break;
      }
      case 17:
      case 18: {
        const other = this.#pick((inode) => inode.isRegular);
        const o = this.#inos.get(other)!;
        const aligned = random.below(4) > 0;
        const offset = aligned ? this.#block() : this.#offset();
        const targetOffset = aligned ? this.#block() : random.below(2) === 0 ? offset : this.#offset();
        const wanted =
          random.below(3) === 0 ? Math.max(0, file.content.length - offset) : aligned ? this.#block() : this.#offset();
        const length = cutAtFold(fold, targetOffset, cutAtFold(fold, offset, wanted));
        if (this.#options.withoutCopies === true) break;
        const copy = {
          source: f,
          offset: unfoldOffset(fold, offset),
          target: o,
          targetOffset: unfoldOffset(fold, targetOffset),
          length,
        };
        this.last = `copy ${f} ${offset}+${length} to ${o} ${targetOffset}`;
        if (random.below(2) === 0) {
          const result = subvolume.cloneRange(copy);
          if (result !== -ENOSPC)
            this.#same(this.last, model.cloneRange(file, offset, other, targetOffset, length), result);
        } else {
          const result = subvolume.copyRange(copy);
          if (result !== -ENOSPC)
            this.#same(
              this.last,
              model.copyRange(file, offset, other, targetOffset, result > 0 ? result : length),
              result,
            );
        }
        break;
      }
      case 19: {
        const offset = this.#block();
        const length = random.below(6) === 0 ? this.#offset() : this.#block();
        // What moves must stay on its side of the fold.
        if (offset < fold.at && file.content.length + length > fold.at) break;
        const place = unfoldOffset(fold, offset);
        if (random.below(2) === 0 || file.content.length > 2 * this.#options.sizeMax) {
          this.#same(
            `collapse ${f} ${offset}+${length}`,
            model.collapseRange(file, offset, length),
            subvolume.collapseRange(f, place, length),
          );
        } else
          this.#same(
            `insert ${f} ${offset}+${length}`,
            model.insertRange(file, offset, length),
            subvolume.insertRange(f, place, length),
          );
        break;
      }
      case 20: {
        const offset = this.#offset();
        const length = cutAtFold(fold, offset, 1 + this.#offset());
        const keep = random.below(2) === 0;
        this.last = `zero ${f} ${offset}+${length}`;
        const result = subvolume.zeroRange(f, unfoldOffset(fold, offset), length, keep);
        if (result !== -ENOSPC) this.#same(this.last, model.zeroRange(file, offset, length, keep), result);
        break;
      }
      case 26: {
        // As a shell's `>` does it.
        if (!file.isRegular || file.content.length === 0 || random.below(3) > 0) break;
        this.emptied.add(f);
        this.#same(`empty ${f}`, model.truncate(file, 0), subvolume.truncate(f, 0));
        if (random.below(8) > 0) this.#writeNew(file, f);
        break;
      }
      case 27: {
        // As editors do it, who write beside and rename.
        const old = directory.names.get(name);
        const beside = `new${random.below(4)}`;
        if (old === undefined || !old.isRegular || directory.names.has(beside)) break;
        this.#made(
          `create ${d}/${beside}`,
          model.create(directory, beside, S_IFREG | 0o644, this.#time),
          subvolume.create(d, beside, S_IFREG | 0o644, this.#time, 0),
        );
        const made = directory.names.get(beside)!;
        this.#writeNew(made, this.#inos.get(made)!);
        const flags = random.below(6) === 0 ? RENAME_EXCHANGE : 0;
        this.#same(
          `replace ${d}/${name}`,
          model.rename(directory, beside, directory, name, flags),
          subvolume.rename(d, beside, d, name, flags),
        );
        this.#moved(made, flags === 0 ? null : old);
        if (flags !== 0) {
          this.#same(`unlink ${d}/${beside}`, model.unlink(directory, beside), subvolume.unlink(d, beside));
        }
        this.#forget();
        break;
      }
      default: {
        const offset = random.below(3) === 0 ? file.content.length : this.#offset();
        const bytes = new Uint8Array(
          cutAtFold(fold, offset, 1 + (random.below(3) === 0 ? this.#offset() : random.below(3000))),
        );
        bytes.fill(1 + random.below(255));
        random.fill(bytes.subarray(0, 16));
        this.last = `write ${f} ${offset}+${bytes.length}`;
        const result = subvolume.write(f, unfoldOffset(fold, offset), bytes, 0, bytes.length);
        if (result === -ENOSPC) break;
        this.#same(this.last, model.write(file, offset, result > 0 ? bytes.subarray(0, result) : bytes), result);
      }
    }
  }

  /** New content from the beginning on, in one or two writes. */
  #writeNew(file: ModelInode, ino: number): void {
    let at = 0;
    for (let writes = 1 + this.#random.below(2); writes > 0; writes--) {
      const bytes = new Uint8Array(
        cutAtFold(
          this.#fold,
          at,
          1 + this.#random.below(this.#random.below(3) > 0 ? this.#options.sizeMax >> 1 : 3000),
        ),
      ).fill(1 + this.#random.below(255));
      if (bytes.length === 0) return;
      const result = this.subvolume.write(ino, unfoldOffset(this.#fold, at), bytes, 0, bytes.length);
      if (result === -ENOSPC) return;
      this.#same(
        `write ${ino} ${at}+${bytes.length}`,
        this.model.write(file, at, result > 0 ? bytes.subarray(0, result) : bytes),
        result,
      );
      at += bytes.length;
    }
  }

  #moved(...files: (ModelInode | null)[]): void {
    for (const file of files) if (file?.isRegular === true) this.movedOver.add(this.#inos.get(file)!);
  }

  #pick(wanted: (inode: ModelInode) => boolean): ModelInode {
    const inodes = this.#inodes;
    for (let tries = 0; tries < 20; tries++) {
      const inode = inodes[this.#random.below(inodes.length)]!;
      if (wanted(inode)) return inode;
    }
    return this.model.root;
  }

  #name(directory: ModelInode): string {
    // Half of the names are there already.
    if (directory.names.size > 0 && this.#random.below(2) === 0) {
      const names = [...directory.names.keys()];
      return names[this.#random.below(names.length)]!;
    }
    const number = this.#random.below(this.#options.names);
    return this.#random.below(30) === 0 ? "n".repeat(250 + (number % 8)) : `name${number}`;
  }

  #block(): number {
    return this.#random.below(Math.max(2, this.#options.sizeMax >> 13)) * 4096;
  }

  #offset(): number {
    const kind = this.#random.below(4);
    if (kind === 0) return this.#random.below(4096);
    if (kind === 1) return this.#random.below(Math.max(1, this.#options.sizeMax >> 12)) * 4096;
    return this.#random.below(this.#options.sizeMax);
  }

  #made(what: string, expected: ModelInode | number, actual: number): void {
    this.last = what;
    if (actual === -ENOSPC && typeof expected !== "number")
      throw new Error(`${what}: no space in a workload that should fit`);
    if (typeof expected === "number") {
      this.#same(what, expected, actual);
      return;
    }
    if (actual <= 0) throw new Error(`${what}: ${actual}, expected an inode`);
    this.#inos.set(expected, actual);
    this.#inodes.push(expected);
  }

  #same(what: string, expected: number, actual: number): void {
    this.last = what;
    if (expected !== actual) throw new Error(`${what}: ${actual}, expected ${expected}`);
  }

  /** Removed files take no part any more. */
  #forget(): void {
    if (this.#inodes.every((inode) => inode.nlink > 0)) return;
    this.#inodes = this.#inodes.filter((inode) => inode.nlink > 0);
    for (const inode of this.#inos.keys()) if (inode.nlink === 0) this.#inos.delete(inode);
  }
}

/** The lines that differ, a few of them. */
export function difference(expected: string, actual: string): string {
  const have = new Set(actual.split("\n"));
  const want = new Set(expected.split("\n"));
  const lines = [...want].filter((line) => !have.has(line)).map((line) => `expected ${line}`);
  lines.push(...[...have].filter((line) => !want.has(line)).map((line) => `got      ${line}`));
  return lines.slice(0, 10).join("\n");
}
