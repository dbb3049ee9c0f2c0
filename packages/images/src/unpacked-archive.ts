/** Archives as they come: plain, or packed by gzip, zstd or xz. */
import type { Compression } from "@stratos/pkg";
import { OperationError } from "@stratos/operation";

/** The archive's bytes, whatever it is packed with; its first bytes tell. @param name  what messages call it */
export async function* unpackedArchive(source: AsyncIterable<Buffer>, name = "archive"): AsyncIterable<Uint8Array> {
  const pieces = source[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < 6) {
    const { value, done } = await pieces.next();
    if (done === true) break;
    head = Buffer.concat([head, value]);
  }
  const all = rest(head, pieces);
  const compression = compressionOf(head);
  if (compression === "none") return yield* all;
  // Loaded here alone: most archives are not packed, and package management takes a tenth of a second to load.
  const { unpackStream } = await import("@stratos/tools-node/packages");
  try {
    yield* unpackStream(compression, all);
  } catch (error) {
    throw new OperationError("image", name, `cannot be unpacked: ${(error as Error).message}`, { cause: error });
  }
}

function compressionOf(head: Buffer): Compression {
  if (head[0] === 0x1f && head[1] === 0x8b) return "gzip";
  if (head.subarray(0, 4).equals(Buffer.of(0x28, 0xb5, 0x2f, 0xfd))) return "zstd";
  return head.subarray(0, 6).equals(Buffer.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0)) ? "xz" : "none";
}

async function* rest(head: Buffer, pieces: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield head;
  for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) yield next.value;
}
