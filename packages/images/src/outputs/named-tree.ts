/**
 * A tree whose damage is told by the name of where it comes from: what is read while something else is being written
 * would else go by the name of that.
 */
import type { Blob, FileEntry, FileTree } from "@stratos/formats";
import { diskError } from "../disk/open-disk.ts";

/** Lists the tree once, when it is first asked for. @param name  as the command line has it */
export function namedTree(tree: FileTree, name: string): FileTree {
  let entries: readonly FileEntry[] | undefined;
  return { entries: () => (entries ??= told(name, () => Array.from(tree.entries(), (entry) => named(entry, name)))) };
}

function named(entry: FileEntry, name: string): FileEntry {
  return entry.content === null ? entry : { ...entry, content: new NamedBlob(entry.content, name) };
}

class NamedBlob implements Blob {
  readonly #blob: Blob;
  readonly #name: string;

  constructor(blob: Blob, name: string) {
    this.#blob = blob;
    this.#name = name;
  }

  get sizeBytes(): number {
    return this.#blob.sizeBytes;
  }

  get digest(): string {
    return told(this.#name, () => this.#blob.digest);
  }

  read(offset: number, into: Uint8Array): number {
    try {
      return this.#blob.read(offset, into);
    } catch (error) {
      throw diskError(this.#name, error);
    }
  }
}

function told<T>(name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw diskError(name, error);
  }
}
