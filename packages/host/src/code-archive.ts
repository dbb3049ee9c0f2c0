/**
 * Where translations are kept from run to run: archives of numbered pieces, each checked when it is read. Only what
 * this user's own runs have written comes back; what is damaged, or of another engine, is as if it were not there.
 */
export interface CodeArchive {
  /** The archive of what `name` names; null when there is none that is sound. */
  open(name: ArchiveName): ArchivePieces | null;
  /**
   * Puts an archive in the place of the one before. @returns false when it can't be written, or has more than
   * ARCHIVE_PIECES_MAX pieces
   */
  write(name: ArchiveName, pieces: readonly Uint8Array[]): boolean;
  /**
   * Hands over what a run has learned, to be translated and kept later, by another process. What can't be handed over
   * is lost.
   */
  submit(profile: Uint8Array): void;
}

export const ARCHIVE_PIECES_MAX = 1024;

/** What an archive belongs to: the beginning of a file, which tells files apart as a rule, and what else matters. */
export interface ArchiveName {
  readonly head: Uint8Array;
  readonly detail: string;
}

export interface ArchivePieces {
  readonly count: number;
  /** null: the piece isn't what was written. */
  read(index: number): Uint8Array | null;
}
