/**
 * Ports for tests: a web in a map, a store in a map, Node's own decompression. Faults are injected by replacing parts.
 */
import { createHash } from "node:crypto";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { FetchError, UnpackLimitError, type FileStore, type PackagePorts, type PartialFile } from "../ports.ts";

export interface TestPorts extends PackagePorts {
  /** URL → bytes */
  web: Map<string, Uint8Array>;
  /** path → bytes */
  files: Map<string, Uint8Array>;
  /** URLs in the order in which they were opened, with the offset when there was one */
  opened: string[];
  now: number;
}

export function testPorts(): TestPorts {
  const web = new Map<string, Uint8Array>(),
    files = new Map<string, Uint8Array>();
  const opened: string[] = [];
  const ports: TestPorts = {
    web,
    files,
    opened,
    now: 1_800_000_000,
    fetcher: {
      async open(url, { offset }) {
        opened.push(offset > 0 ? `${url}@${offset}` : url);
        const bytes = web.get(url);
        if (bytes === undefined) throw new FetchError(`${url}: 404 Not Found`, { isPermanent: true });
        return {
          offset,
          sizeBytes: bytes.length,
          body: (async function* () {
            yield bytes.subarray(offset);
          })(),
        };
      },
    },
    store: mapStore(files),
    async decompress(compression, bytes, sizeMax) {
      const unpacked =
        compression === "gzip" ? gunzipSync(bytes) : compression === "zstd" ? zstdDecompressSync(bytes) : bytes;
      if (compression === "xz") throw new Error(`cannot unpack ${compression}`);
      if (unpacked.length > sizeMax) throw new UnpackLimitError(sizeMax);
      return new Uint8Array(unpacked);
    },
    async *unpack(compression, packed) {
      const whole = packed instanceof Uint8Array ? packed : await gathered(packed),
        unpacked = await ports.decompress(compression, whole, Infinity);
      // In pieces that end within headers and files.
      for (let at = 0; at < unpacked.length; at += 1000) yield unpacked.subarray(at, at + 1000);
    },
    hasher(algorithm) {
      const hash = createHash(algorithm);
      return {
        update: (bytes) => {
          hash.update(bytes);
        },
        hex: () => hash.digest("hex"),
      };
    },
    latin1: (bytes) => Buffer.from(bytes).toString("latin1"),
    nowSeconds: () => ports.now,
    sleep: async () => {},
  };
  return ports;
}

function mapStore(files: Map<string, Uint8Array>): FileStore {
  return {
    async read(path) {
      return files.get(path);
    },
    async write(path, bytes) {
      files.set(path, bytes);
    },
    async remove(path) {
      files.delete(path);
    },
    random(path) {
      const bytes = files.get(path);
      return bytes === undefined
        ? undefined
        : {
            sizeBytes: bytes.length,
            read: (offset, length) => new Uint8Array(bytes.subarray(offset, offset + length)),
            close() {},
          };
    },
    async partial(path): Promise<PartialFile> {
      const own = `${path}.part`;
      if (!files.has(own)) files.set(own, new Uint8Array(0));
      return {
        get sizeBytes() {
          return files.get(own)!.length;
        },
        async read() {
          return files.get(own)!;
        },
        async append(bytes) {
          files.set(own, Buffer.concat([files.get(own)!, bytes]));
        },
        async clear() {
          files.set(own, new Uint8Array(0));
        },
        async commit() {
          files.set(path, files.get(own)!);
          files.delete(own);
        },
        async close() {},
      };
    },
  };
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** All pieces of a stream. */
export async function gathered(pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece.slice());
  return Buffer.concat(all);
}
