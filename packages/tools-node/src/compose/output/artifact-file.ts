/** Files of a compose's folder: written beside their place, hashed on the way, and renamed when they are whole. */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { finished } from "node:stream/promises";
import { constants, createGzip, createZstdCompress } from "node:zlib";
import { OutputError, type Artifact, type OutputConfig } from "@stratos/compose";
import { draftOf, failedAt } from "@stratos/host-node/files";

/** How archives and layers may be packed. @throws OutputError for what is a file system's own */
export function archiveCompression(compression: OutputConfig["compression"]): "none" | "gzip" | "zstd" | undefined {
  if (compression === "lz4") throw new OutputError("compression: lz4 packs EROFS alone");
  return compression;
}

export interface FileOptions {
  readonly compression: "none" | "gzip" | "zstd";
  readonly level?: number | undefined;
  readonly mediaType: string;
  readonly signal?: AbortSignal | undefined;
}

/** @param pieces  each is only valid until the next is asked for */
export async function writeArtifact(
  folder: string,
  path: string,
  pieces: Iterable<Uint8Array>,
  options: FileOptions,
): Promise<Artifact> {
  const target = join(folder, path);
  await mkdir(dirname(target), { recursive: true });
  const temporary = draftOf(target);
  const hash = createHash("sha256");
  let sizeBytes = 0;
  const file = createWriteStream(temporary);
  const done = finished(file);
  done.catch(() => {});
  const put = async (bytes: Uint8Array): Promise<void> => {
    hash.update(bytes);
    sizeBytes += bytes.length;
    // Whoever gives a piece may use its memory again, so it must have been written.
    await new Promise<void>(
      (resolve, reject) => void file.write(bytes, (error) => (error ? reject(error) : resolve())),
    );
  };
  try {
    const packer =
      options.compression === "none"
        ? undefined
        : options.compression === "gzip"
          ? createGzip({ level: options.level ?? 6, chunkSize: CHUNK_BYTES })
          : createZstdCompress({
              chunkSize: CHUNK_BYTES,
              params: { [constants.ZSTD_c_compressionLevel]: options.level ?? 3, [constants.ZSTD_c_checksumFlag]: 1 },
            });
    if (packer === undefined) {
      for (const piece of pieces) {
        options.signal?.throwIfAborted();
        await put(piece);
      }
    } else {
      const feeding = (async () => {
        for (const piece of pieces) {
          options.signal?.throwIfAborted();
          await new Promise<void>(
            (resolve, reject) => void packer.write(piece, (error) => (error ? reject(error) : resolve())),
          );
        }
        packer.end();
      })();
      feeding.catch((error: unknown) => packer.destroy(error as Error));
      for await (const packed of packer as AsyncIterable<Uint8Array>) await put(packed);
      await feeding;
    }
    file.end();
    await done;
    await rename(temporary, target);
    return { path, sizeBytes, sha256: hash.digest("hex"), mediaType: options.mediaType, isFile: true };
  } catch (error) {
    file.destroy();
    await done.catch(() => {});
    await rm(temporary, { force: true });
    throw failedAt(target, error);
  }
}

const CHUNK_BYTES = 1 << 18;

/** Whether a file is what was written. */
export async function hasArtifact(folder: string, artifact: Artifact): Promise<boolean> {
  const path = join(folder, artifact.path);
  try {
    if ((await stat(path)).size !== artifact.sizeBytes) return false;
    return (await hashArtifact(folder, artifact.path, "sha256")) === artifact.sha256;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

/** A small file, such as metadata. */
export function publishText(folder: string, path: string, text: string): Promise<Artifact> {
  return writeArtifact(folder, path, [Buffer.from(text, "utf8")], {
    compression: "none",
    mediaType: path.endsWith(".json") ? "application/json" : "text/plain",
  });
}

export async function hashArtifact(folder: string, path: string, algorithm: "sha256" | "sha512"): Promise<string> {
  const hash = createHash(algorithm);
  for await (const piece of createReadStream(join(folder, path), { highWaterMark: CHUNK_BYTES }))
    hash.update(piece as Uint8Array);
  return hash.digest("hex");
}
