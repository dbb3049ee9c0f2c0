import { createReadStream } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { ProgressDisplay, stratosHome } from "@stratos/host-node";
import { nodePackagePorts } from "@stratos/host-node/packages";
import { CommandError } from "../command-error.ts";
import { GUEST_ARCHITECTURE } from "../defaults.ts";
import { ImageStore } from "../image/image-store.ts";
import { createVolume } from "../image/image-volume.ts";
import { readInstalledPackages } from "../image/installed-packages.ts";
import { ArchiveExtractor } from "../image/volume-archive.ts";
import { VolumeWriter } from "../image/volume-writer.ts";

/** xz comes whole into memory; larger ones are better given as zstd. */
const XZ_UNPACKED_MAX = 2 ** 31;

export async function importImage(name: string, file: string): Promise<number> {
  const home = stratosHome();
  const draft = new ImageStore(home).createDraft();
  const progress = new ProgressDisplay(process.stderr);
  try {
    const opened = createVolume(draft.layerPath(0), name);
    let packages;
    try {
      const extractor = new ArchiveExtractor(new VolumeWriter(opened.volume.root));
      let bytes = 0;
      for await (const piece of unpackedArchive(file === "-" ? process.stdin : createReadStream(file, { highWaterMark: 1 << 20 }), home)) {
        extractor.push(piece);
        bytes += piece.length;
        progress.update("Importing", bytes, 0, "bytes");
      }
      extractor.finish();
      packages = readInstalledPackages(opened.volume.root);
    } finally {
      opened.close();
    }
    draft.publish(name, { format: 1, architecture: GUEST_ARCHITECTURE, suite: null, createdAt: new Date().toISOString(), packages, layers: 1, origin: "import" });
  } finally {
    progress.clear();
    draft.discard();
  }
  return 0;
}

/** The archive's bytes, whatever it is packed with; its first bytes tell. */
export async function* unpackedArchive(source: Readable, home: string): AsyncIterable<Uint8Array> {
  const pieces = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let head = Buffer.alloc(0);
  while (head.length < 6) {
    const { value, done } = await pieces.next();
    if (done === true) break;
    head = Buffer.concat([head, value]);
  }
  const all = rest(head, pieces);
  if (head[0] === 0x1f && head[1] === 0x8b) yield* piped(all, createGunzip());
  else if (head.subarray(0, 4).equals(Buffer.of(0x28, 0xb5, 0x2f, 0xfd))) yield* piped(all, createZstdDecompress());
  else if (head.subarray(0, 6).equals(Buffer.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0))) {
    const packed: Buffer[] = [];
    for await (const piece of all) packed.push(piece);
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

async function* piped(source: AsyncIterable<Buffer>, through: NodeJS.ReadWriteStream): AsyncIterable<Uint8Array> {
  const { Readable: ReadableStream } = await import("node:stream");
  const { pipeline } = await import("node:stream/promises");
  const flow = pipeline(ReadableStream.from(source), through as NodeJS.WritableStream);
  flow.catch(() => {}); // The reader below meets the same error.
  try {
    for await (const piece of through as unknown as AsyncIterable<Buffer>) yield piece;
  } catch (error) {
    throw new CommandError("archive", `cannot be unpacked: ${(error as Error).message}`, { cause: error });
  }
}
