import type { ArchiveName, ArchivePieces, CodeArchive } from "../code-archive.ts";

/** Archives in memory. What runs hand over waits in `profiles`, for whoever made this to have it translated. */
export class MemoryCodeArchive implements CodeArchive {
  readonly profiles: Uint8Array[] = [];
  /** By name; tests may damage them. */
  readonly files = new Map<string, Uint8Array[]>();

  open(name: ArchiveName): ArchivePieces | null {
    const pieces = this.files.get(keyOf(name));
    return pieces === undefined ? null : { count: pieces.length, read: (index) => pieces[index] ?? null };
  }

  write(name: ArchiveName, pieces: readonly Uint8Array[]): boolean {
    this.files.set(
      keyOf(name),
      pieces.map((piece) => piece.slice()),
    );
    return true;
  }

  submit(profile: Uint8Array): void {
    this.profiles.push(profile);
  }
}

function keyOf({ head, detail }: ArchiveName): string {
  return `${head.join()} ${detail}`;
}
