/**
 * A new database of PGlite as an archive, with the hub's tables: making one (initdb and the migrations) takes five
 * seconds of processor time, unpacking 0.3. `npm run build` puts the archive beside the bundle; without it a database
 * begins by initdb.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { zstdDecompressSync } from "node:zlib";
import { TarReader, TarType } from "@stratos/formats";

/** Its name in `dist/`. */
export const PGLITE_IMAGE = "pglite-data.tar.zst";

/** Room for all of it at once: pieces would be copied together, which takes longer than unpacking. */
const TAR_BYTES = 16 << 20;

/** Files that are brought to the disk at once. */
const WRITERS = 32;

/** @returns the archive as tar; null: there is none, as by default in a program without a bundle */
export function readPgliteImage(
  path: string = fileURLToPath(new URL(PGLITE_IMAGE, import.meta.url)),
): Uint8Array<ArrayBuffer> | null {
  return existsSync(path) ? zstdDecompressSync(readFileSync(path), { chunkSize: TAR_BYTES }) : null;
}

/** Makes `folder` from the archive; it appears when all of it is on the disk. */
export async function unpackPgliteImage(tar: Uint8Array, folder: string): Promise<void> {
  const draft = draftOf(folder);
  const files: { readonly path: string; readonly pieces: Uint8Array[] }[] = [];
  const reader = new TarReader({
    entry: ({ path, type }) => {
      const place = join(draft, path);
      if (type === TarType.directory) mkdirSync(place, { recursive: true, mode: 0o700 });
      else files.push({ path: place, pieces: [] });
    },
    data: (bytes) => void files.at(-1)!.pieces.push(bytes),
    end: () => {},
  });
  const error = reader.push(tar) ?? reader.finish();
  if (error !== undefined) throw new Error(`${PGLITE_IMAGE} is damaged: ${error}`);
  for (const place of new Set(files.map(({ path }) => dirname(path))))
    mkdirSync(place, { recursive: true, mode: 0o700 });
  const left = [...files];
  await Promise.all(
    Array.from({ length: WRITERS }, async () => {
      for (let next = left.pop(); next !== undefined; next = left.pop()) await writeFlushed(next.path, next.pieces);
    }),
  );
  renameSync(draft, folder);
}

/** A folder whose making was cut off is in the way of nobody. */
export function draftOf(folder: string): string {
  const draft = `${folder}.new`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o700 });
  return draft;
}

async function writeFlushed(path: string, pieces: readonly Uint8Array[]): Promise<void> {
  const file = await open(path, "w", 0o600);
  try {
    for (const piece of pieces) await file.write(piece);
    await file.sync();
  } finally {
    await file.close();
  }
}
