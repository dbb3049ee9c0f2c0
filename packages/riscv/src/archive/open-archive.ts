import type { ArchivePieces, WasmModule } from "@stratos/host";
import type { ArchiveIndex } from "./archive-index.ts";

/** An archive that was opened, for all regions of the same file. */
export interface OpenArchive {
  readonly pieces: ArchivePieces;
  readonly index: ArchiveIndex;
  /** By offset of an entry, the newest module that has it. */
  readonly moduleOf: ReadonlyMap<number, number>;
  /** undefined: not loaded yet; null: can't be. */
  readonly modules: (WasmModule | null | undefined)[];
}

/** What a region has of its archive. */
export interface RegionArchive {
  readonly archive: OpenArchive;
  /** By module. */
  readonly isInstalled: boolean[];
}
