/**
 * Copies between trees: host and volumes, in any direction. Hard links among what is copied stay links, holes stay
 * holes.
 */
import { addOffsets, type FileOffset } from "@stratos/aegisfs";
import { isZero } from "@stratos/formats";
import { OperationError } from "@stratos/operation";
import { joinPath, type FileFacts, type FileTree, type FileWriter } from "./file-tree.ts";

interface CopyOptions {
  /** Folders with all that is in them; links are copied as links. */
  readonly isRecursive: boolean;
  /** Owner, times and extended attributes too. */
  readonly preserves: boolean;
  /** Called with the bytes copied so far and the path at hand. */
  readonly onProgress?: (bytes: number, path: string) => void;
}

export interface CopyCount {
  files: number;
  directories: number;
  others: number;
  bytes: number;
}

const PIECE_BYTES = 1 << 20;
/** What holes are looked for in: a block of most file systems. */
const BLOCK_BYTES = 4096;

export class TreeCopier {
  readonly #source: FileTree;
  readonly #target: FileTree;
  readonly #options: CopyOptions;
  readonly #buffer = new Uint8Array(PIECE_BYTES);
  /** Where each file with several names was copied to first. */
  readonly #copies = new Map<string, string>();
  readonly count: CopyCount = { files: 0, directories: 0, others: 0, bytes: 0 };

  constructor(source: FileTree, target: FileTree, options: CopyOptions) {
    this.#source = source;
    this.#target = target;
    this.#options = options;
  }

  /** Copies `from` so that it is `to`. */
  copy(from: string, to: string): void {
    if (this.#options.preserves) this.#source.expectAttributes(from, !this.#options.isRecursive);
    this.#copy(from, to);
    this.#target.settle();
  }

  #copy(from: string, to: string): void {
    const facts = this.#source.facts(from, !this.#options.isRecursive);
    if (facts === null) throw new OperationError("volume", this.#source.shown(from), "no such file or directory");
    const existing = this.#target.facts(to, !this.#options.isRecursive);
    if (facts.kind === "directory") this.#copyDirectory(from, to, facts, existing);
    else this.#copyOther(from, to, facts, existing);
  }

  #copyDirectory(from: string, to: string, facts: FileFacts, existing: FileFacts | null): void {
    if (!this.#options.isRecursive)
      throw new OperationError("volume", this.#source.shown(from), "is a directory; -r copies it");
    if (existing !== null && existing.kind !== "directory")
      throw new OperationError("volume", this.#target.shown(to), "is there, and is no directory");
    // Its names are taken first: a copy into itself must not find itself.
    const names = this.#source.names(from);
    if (existing === null) this.#target.makeDirectory(to);
    this.count.directories++;
    for (const name of names) this.#copy(joinPath(from, name), joinPath(to, name));
    if (existing === null || this.#options.preserves) this.#finish(from, to, facts);
  }

  #copyOther(from: string, to: string, facts: FileFacts, existing: FileFacts | null): void {
    if (existing?.kind === "directory") throw new OperationError("volume", this.#target.shown(to), "is a directory");
    if (this.#source === this.#target && existing?.identity === facts.identity)
      throw new OperationError("volume", this.#target.shown(to), "is the file itself");
    if (existing !== null && existing.kind !== facts.kind && this.#target.keepsChannels && isChannel(existing))
      throw new OperationError(
        "volume",
        this.#target.shown(to),
        "is a device, a FIFO or a socket, and no file takes its place; as target, - is standard output",
      );
    const first = facts.nlink > 1 ? this.#copies.get(facts.identity) : undefined;
    if (existing !== null && (facts.kind !== "file" || existing.kind !== "file" || first !== undefined))
      this.#target.remove(to);
    if (first !== undefined) {
      this.#target.hardLink(to, first);
      return;
    }
    if (facts.nlink > 1) this.#copies.set(facts.identity, to);
    if (facts.kind === "file") this.#copyContent(from, to, facts);
    else if (facts.kind === "symlink") this.#target.makeLink(to, this.#source.linkTarget(from));
    else if (!this.#target.makeSpecial(to, facts)) return;
    if (facts.kind === "file") this.count.files++;
    else this.count.others++;
    this.#finish(from, to, facts);
  }

  #copyContent(from: string, to: string, facts: FileFacts): void {
    const reader = this.#source.openFile(from);
    try {
      const writer = this.#target.createFile(to);
      try {
        let written: FileOffset = 0;
        let offset: FileOffset = 0;
        for (;;) {
          if (facts.isSparse && offset < facts.size) offset = reader.nextData(offset);
          const count = reader.read(offset, this.#buffer, PIECE_BYTES);
          if (count === 0) break;
          if (!facts.isSparse) {
            writer.write(offset, this.#buffer, count);
            written = addOffsets(offset, count);
          } else written = this.#writeData(writer, offset, count) ?? written;
          offset = addOffsets(offset, count);
          this.count.bytes += count;
          this.#options.onProgress?.(this.count.bytes, from);
        }
        if (facts.isSparse && (written < facts.size || written < offset))
          writer.setSize(offset > facts.size ? offset : facts.size);
      } finally {
        writer.close();
      }
    } finally {
      reader.close();
    }
  }

  /**
   * Writes the blocks of the piece at hand that are not all zeros.
   *
   * @returns where the last of them ends, or null when there is none
   */
  #writeData(writer: FileWriter, offset: FileOffset, count: number): FileOffset | null {
    const buffer = this.#buffer;
    if (isZero(buffer.subarray(0, count))) return null;
    const isHole = (at: number): boolean => isZero(buffer.subarray(at, Math.min(at + BLOCK_BYTES, count)));
    let end: FileOffset | null = null;
    for (let at = 0; at < count;) {
      const start = at;
      while (at < count && !isHole(at)) at += BLOCK_BYTES;
      if (at > start) {
        const stop = Math.min(at, count);
        writer.write(addOffsets(offset, start), start === 0 ? buffer : buffer.subarray(start), stop - start);
        end = addOffsets(offset, stop);
      }
      while (at < count && isHole(at)) at += BLOCK_BYTES;
    }
    return end;
  }

  #finish(from: string, to: string, facts: FileFacts): void {
    this.#target.setFacts(
      to,
      facts,
      this.#options.preserves ? this.#source.attributes(from, !this.#options.isRecursive) : new Map(),
      this.#options.preserves,
    );
  }
}

function isChannel({ kind }: FileFacts): boolean {
  return kind !== "file" && kind !== "directory" && kind !== "symlink";
}
