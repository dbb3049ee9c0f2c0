/** A thread that unpacks one compressed file after another for {@link UnpackPool}. */
import { spawnSync } from "node:child_process";
import { parentPort } from "node:worker_threads";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { xzUnpackedSize } from "@stratos/formats";
import type { Compression } from "@stratos/pkg";
import xz from "xz-decompress";

export interface UnpackJob { id: number; compression: Compression; bytes: Uint8Array<ArrayBuffer>; sizeMax: number }
export interface UnpackResult { id: number; bytes?: Uint8Array; error?: string }

async function unpack(job: UnpackJob): Promise<Uint8Array> {
  switch (job.compression) {
    case "none": return job.bytes;
    case "gzip": return gunzipSync(job.bytes, { maxOutputLength: job.sizeMax });
    case "zstd": return zstdDecompressSync(job.bytes, { maxOutputLength: job.sizeMax });
    case "xz": return unpackXz(job.bytes, job.sizeMax);
  }
}

/** From here on a process of xz(1) costs less than what it saves: liblzma needs half of the time that its WebAssembly form does. */
const XZ_PROGRAM_BYTES_MIN = 256 << 10;
let hasXzProgram: boolean | undefined;

async function unpackXz(packed: Uint8Array<ArrayBuffer>, sizeMax: number): Promise<Uint8Array> {
  if (packed.length >= XZ_PROGRAM_BYTES_MIN) {
    hasXzProgram ??= spawnSync("xz", ["--version"], { stdio: "ignore" }).status === 0;
    if (hasXzProgram) return unpackWithProgram(packed, sizeMax);
  }
  // The index tells the size, so that one buffer is enough; when it does not, the buffer grows.
  let out = new Uint8Array(Math.min(xzUnpackedSize(packed) ?? packed.length * 4, sizeMax));
  let fill = 0;
  const source = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(packed);
      controller.close();
    },
  });
  for await (const part of new xz.XzReadableStream(source)) {
    if (fill + part.length > sizeMax) throw new Error(`unpacks to more than ${sizeMax} bytes`);
    if (fill + part.length > out.length) {
      const larger = new Uint8Array(Math.min(Math.max(out.length * 2, fill + part.length), sizeMax));
      larger.set(out);
      out = larger;
    }
    out.set(part, fill);
    fill += part.length;
  }
  return out.subarray(0, fill);
}

function unpackWithProgram(packed: Uint8Array, sizeMax: number): Uint8Array {
  const { status, stdout, stderr, error } = spawnSync("xz", ["-dcq"], { input: packed, maxBuffer: Math.min(sizeMax + 1, XZ_OUTPUT_MAX) });
  if (error !== undefined && (error as NodeJS.ErrnoException).code !== "ENOBUFS") throw error;
  if (stdout.length > sizeMax || error !== undefined) throw new Error(`unpacks to more than ${Math.min(sizeMax, XZ_OUTPUT_MAX)} bytes`);
  if (status !== 0) throw new Error(stderr.toString("utf8").trim().replace(/^xz: \(stdin\): /, "") || `xz ended with status ${status}`);
  return stdout;
}

/** What one buffer holds. */
const XZ_OUTPUT_MAX = 2 ** 32;

const port = parentPort;
if (port === null) throw new Error("unpack-worker runs as a worker thread");
port.on("message", (job: UnpackJob) => {
  unpack(job).then(
    (bytes) => {
      // A buffer that is larger than the view, or shared with Node's pool, must not be given away.
      const own = bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
      port.postMessage({ id: job.id, bytes: own } satisfies UnpackResult, [own.buffer as ArrayBuffer]);
    },
    (error: unknown) => port.postMessage({ id: job.id, error: error instanceof Error ? error.message : String(error) } satisfies UnpackResult),
  );
});
