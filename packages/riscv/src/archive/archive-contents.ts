/**
 * An archive while it is added to: its modules, oldest first. What a newer module replaces whole goes; of what is too
 * much the oldest that the last run hasn't used.
 */
import type { ArchivePieces } from "@stratos/host";
import { ArchiveIndex, type KeptUnit, moduleCountOf, modulePieces, MODULES_MAX, writeIndex } from "./archive-index.ts";

const ARCHIVE_BYTES_MAX = 96 << 20;

export interface KeptModule {
  readonly bytes: Uint8Array;
  readonly code: Uint8Array;
  readonly units: readonly KeptUnit[];
}

export class ArchiveContents {
  /** Where two have the same entry, the later one's unit is used. */
  #modules: KeptModule[];
  readonly #bytesMax: number;

  /** @param pieces  null, or damaged ones: what is sound of them */
  constructor(pieces: ArchivePieces | null, bytesMax = ARCHIVE_BYTES_MAX) {
    this.#modules = pieces === null ? [] : readModules(pieces);
    this.#bytesMax = bytesMax;
  }

  get units(): readonly KeptUnit[] {
    return this.#modules.flatMap(({ units }) => units);
  }

  /** @param isUsed  of what is there: did the run that `added` comes from execute it? */
  add(added: readonly KeptModule[], isUsed: (unit: KeptUnit) => boolean): void {
    const modules = new Set(withoutReplaced([...this.#modules, ...added]));
    const old = this.#modules.filter((module) => modules.has(module));
    const unused = old.filter(({ units }) => !units.some(isUsed));
    let size = [...modules].reduce((sum, module) => sum + sizeOf(module), 0);
    for (const module of [...unused, ...old, ...added]) {
      if (modules.size <= MODULES_MAX && size <= this.#bytesMax) break;
      if (modules.delete(module)) size -= sizeOf(module);
    }
    this.#modules = [...modules];
  }

  pieces(): Uint8Array[] {
    const index = writeIndex(this.#modules.map(({ units }) => units));
    return [index, ...this.#modules.flatMap(({ bytes, code }) => [bytes, code])];
  }
}

function readModules(pieces: ArchivePieces): KeptModule[] {
  const first = pieces.read(0);
  const index = first === null ? null : ArchiveIndex.read(first);
  if (index === null || index.moduleCount !== moduleCountOf(pieces.count)) return [];
  const modules: KeptModule[] = [];
  for (let number = 0; number < index.moduleCount; number++) {
    const places = modulePieces(number);
    const bytes = pieces.read(places.bytes);
    const code = pieces.read(places.code);
    // What is damaged is left away with its units.
    if (bytes === null || code === null) continue;
    modules.push({ bytes, code, units: index.units[number]!.map((position) => index.unit(position)) });
  }
  return modules;
}

/** Without modules none of whose units is found any more. */
function withoutReplaced(modules: readonly KeptModule[]): KeptModule[] {
  const newest = new Map<number, KeptModule>();
  for (const module of modules)
    for (const { entries } of module.units)
      for (let i = 0; i < entries.length; i++) if (entries[i]! >= 0) newest.set(entries[i]!, module);
  const alive = new Set(newest.values());
  return modules.filter((module) => alive.has(module));
}

function sizeOf({ bytes, code }: KeptModule): number {
  return bytes.length + code.length;
}
