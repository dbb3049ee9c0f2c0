import { fstatSync, readSync, writeSync } from "node:fs";
import { Transaction } from "@stratos/aegisfs";
import { ProgressDisplay, sleepSync } from "@stratos/host-node";
import {
  TreeCopier,
  type CopyCount,
  baseName,
  joinPath,
  toByteString,
  type FileReader,
  type FileTree,
  type FileWriter,
  expandPattern,
  HostTree,
  filtered,
  filteredFilesOf,
  openVolume,
  prepareVolume,
  type OpenedVolume,
  reclaimAll,
  expectResult,
  expectValue,
  findVolumePlace,
  type VolumePlace,
  VolumeTree,
} from "@stratos/volumes";
import type { HeldVolume } from "@stratos/volumes/mount-control";
import { BrokenPipe } from "../broken-pipe.ts";
import { CommandError, UsageError } from "../command-error.ts";

export interface CopyFilesOptions {
  readonly recursive?: true;
  readonly preserve?: true;
  readonly archive?: true;
  readonly json?: true;
}

/**
 * Copies into, out of, between and within volumes. What comes into a volume comes in one transaction: all of it, or
 * nothing. `-` is standard input or output.
 */
export async function copyFiles(texts: readonly string[], options: CopyFilesOptions): Promise<number> {
  if (texts.length < 2) throw new UsageError("cp", "expected what to copy, and where to");
  const targetText = texts.at(-1)!;
  const sources = texts.slice(0, -1).map((text) => ({ text, place: findVolumePlace(text) }));
  const target = findVolumePlace(targetText);
  if (target === null && sources.every(({ place }) => place === null))
    throw new UsageError("cp", "nothing here is in a volume: VOLUME:/PATH names such a place");
  const volumes = new OpenVolumes(target?.volume ?? null);
  const progress = new ProgressDisplay(process.stderr);
  const total: CopyCount = { files: 0, directories: 0, others: 0, bytes: 0 };
  try {
    const host = new HostTree();
    const targetTree = target === null ? host : await volumes.tree(target);
    const targetPath = toByteString(target === null ? targetText : target.path);
    const intoFolder = targetText !== "-" && targetTree.facts(targetPath, true)?.kind === "directory";
    for (const { text, place } of sources) {
      if (text === "-" || targetText === "-") {
        if (intoFolder) throw new UsageError("-", `${targetText} is a directory: say how the file is to be called`);
        total.bytes +=
          text === "-"
            ? copyStream(descriptorReader(0), targetTree.createFile(targetPath))
            : copyStream((await volumes.tree(place!)).openFile(toByteString(place!.path)), descriptorWriter(1));
        total.files++;
        continue;
      }
      const tree: FileTree = place === null ? host : await volumes.tree(place);
      const paths = tree instanceof VolumeTree ? expandPattern(tree, toByteString(place!.path)) : [toByteString(text)];
      if (paths.length + sources.length > 2 && !intoFolder)
        throw new CommandError(targetText, "is no directory, and there are several things to copy");
      const copier = new TreeCopier(tree, targetTree, {
        isRecursive: options.recursive === true || options.archive === true,
        preserves: options.preserve === true || options.archive === true,
        onProgress: (bytes) => {
          if (process.stderr.isTTY) progress.update("Copying", total.bytes + bytes, 0, "bytes");
        },
      });
      for (const path of paths) {
        const destination =
          intoFolder && baseName(path) !== "" && baseName(path) !== "."
            ? joinPath(targetPath, baseName(path))
            : targetPath;
        if (tree === targetTree && `${destination}/`.startsWith(`${path}/`) && path !== destination)
          throw new CommandError(tree.shown(path), "cannot be copied into itself");
        copier.copy(path, destination);
      }
      for (const key of ["files", "directories", "others", "bytes"] as const) total[key] += copier.count[key];
    }
    volumes.commit();
  } catch (error) {
    volumes.abort();
    throw error;
  } finally {
    progress.clear();
    volumes.close();
  }
  if (options.json === true) process.stdout.write(`${JSON.stringify(total, null, 2)}\n`);
  return 0;
}

/** Each volume once: the target is opened for writing, the others are read. */
class OpenVolumes {
  readonly #target: string | null;
  readonly #opened = new Map<string, OpenedVolume>();
  readonly #trees = new Map<string, VolumeTree>();
  /** Of mounted volumes that are read. */
  readonly #held: HeldVolume[] = [];
  #transaction: Transaction | null = null;

  constructor(target: string | null) {
    this.#target = target;
  }

  async tree(place: VolumePlace): Promise<VolumeTree> {
    const name = place.snapshot === null ? place.volume : `${place.volume}@${place.snapshot}`;
    let tree = this.#trees.get(name);
    if (tree !== undefined) return tree;
    let opened = this.#opened.get(place.volume);
    if (opened === undefined) {
      const access = place.volume === this.#target ? "write" : "read";
      const held = await prepareVolume(place.volume, access);
      if (held !== null) this.#held.push(held);
      this.#opened.set(place.volume, (opened = openVolume(place.volume, access)));
    }
    tree = new VolumeTree(
      place.volume === this.#target && place.snapshot === null
        ? filtered(this.#begin(opened).files)
        : filteredFilesOf(opened, place.snapshot),
      name,
    );
    this.#trees.set(name, tree);
    return tree;
  }

  #begin({ path, volume }: OpenedVolume): Transaction {
    this.#transaction ??= expectValue(path, Transaction.begin(volume));
    return this.#transaction;
  }

  commit(): void {
    if (this.#target === null) return;
    if (this.#transaction !== null) expectResult(this.#target, this.#transaction.commit());
    const opened = this.#opened.get(this.#target);
    if (opened !== undefined) reclaimAll(opened);
    opened?.commit();
  }

  abort(): void {
    // What cannot be taken back now is dropped by the next mount.
    if (this.#transaction?.isOpen === true && this.#transaction.abort() === 0)
      this.#opened.get(this.#target!)!.commit();
  }

  close(): void {
    for (const opened of this.#opened.values()) opened.close();
    for (const held of this.#held) held.letGo();
  }
}

function copyStream(reader: FileReader, writer: FileWriter): number {
  const buffer = new Uint8Array(1 << 20);
  let offset = 0;
  try {
    for (let count = 0; (count = reader.read(offset, buffer, buffer.length)) > 0; offset += count)
      writer.write(offset, buffer, count);
  } finally {
    writer.close();
    reader.close();
  }
  return offset;
}

function descriptorReader(fd: number): FileReader {
  return {
    read: (_offset, bytes, length) => {
      for (;;) {
        try {
          return readSync(fd, bytes, 0, length, null);
        } catch (error) {
          const { code } = error as NodeJS.ErrnoException;
          if (code === "EOF") return 0;
          // A terminal or pipe that another program made non-blocking: its writer is slow.
          if (code !== "EAGAIN") throw error;
          sleepSync(10);
        }
      }
    },
    nextData: (offset) => offset,
    close: () => {},
  };
}

function descriptorWriter(fd: number): FileWriter {
  fstatSync(fd);
  return {
    write: (_offset, bytes, length) => {
      for (let done = 0; done < length;) {
        try {
          done += writeSync(fd, bytes, done, length - done);
        } catch (error) {
          const { code } = error as NodeJS.ErrnoException;
          if (code === "EPIPE") throw new BrokenPipe(error);
          if (code !== "EAGAIN") throw error;
          sleepSync(10);
        }
      }
    },
    setSize: () => {},
    close: () => {},
  };
}
