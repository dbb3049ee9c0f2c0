/** Archives as they come: plain, or packed by gzip, zstd or xz. */
import { join } from "node:path";
import type { Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { CommandError } from "../command-error.ts";

/** xz comes whole into memory; larger ones are better given as zstd. */
const XZ_UNPACKED_MAX = 2 ** 31;

/** The archive's bytes, whatever it is packed with; its first bytes tell. @param name  what messages call it */
export async function* unpackedArchive(source: Readable, home: string, name = "archive"): AsyncIterable<Uint8Array> {
  const pieces = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let head = Buffer.alloc(0);
  while (head.length < 6) {
    const { value, done } = await pieces.next();
    if (done === true) break;
    head = Buffer.concat([head, value]);
  }
  const all = rest(head, pieces);
  if (head[0] === 0x1f && head[1] === 0x8b) yield* piped(all, createGunzip(), name);
  else if (head.subarray(0, 4).equals(Buffer.of(0x28, 0xb5, 0x2f, 0xfd))) yield* piped(all, createZstdDecompress(), name);
  else if (head.subarray(0, 6).equals(Buffer.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0))) {
    const packed: Buffer[] = [];
    for await (const piece of all) packed.push(piece);
    // Loaded here alone: most archives are no xz, and package management takes a tenth of a second to load.
    const { nodePackagePorts } = await import("@stratos/host-node/packages");
    const ports = nodePackagePorts(join(home, "downloads"));
    try {
      yield await ports.decompress("xz", Buffer.concat(packed), XZ_UNPACKED_MAX);
    } finally {
      await ports.close();
    }
  } else yield* all;
}

async function* rest(head: Buffer, pieces: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield head;
  for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) yield next.value;
}

async function* piped(source: AsyncIterable<Buffer>, through: NodeJS.ReadWriteStream, name: string): AsyncIterable<Uint8Array> {
  const { Readable: ReadableStream } = await import("node:stream");
  const { pipeline } = await import("node:stream/promises");
  const flow = pipeline(ReadableStream.from(source), through as NodeJS.WritableStream);
  flow.catch(() => {}); // The reader below meets the same error.
  try {
    for await (const piece of through as unknown as AsyncIterable<Buffer>) yield piece;
  } catch (error) {
    throw new CommandError(name, `cannot be unpacked: ${(error as Error).message}`, { cause: error });
  }
}
