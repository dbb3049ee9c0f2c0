/**
 * A thread that unpacks one `.xz` file after another for {@link UnpackPool}, where the host has no xz(1) or it failed.
 */
import { parentPort } from "node:worker_threads";
import { xzUnpackedSize } from "@stratos/formats";
import xz from "xz-decompress";

export interface UnpackJob {
  id: number;
  bytes: Uint8Array<ArrayBuffer>;
  sizeMax: number;
}
export interface UnpackResult {
  id: number;
  bytes?: Uint8Array;
  error?: string;
}

async function unpackXz(packed: Uint8Array<ArrayBuffer>, sizeMax: number): Promise<Uint8Array> {
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

const port = parentPort;
if (port === null) throw new Error("unpack-worker runs as a worker thread");
port.on("message", (job: UnpackJob) => {
  unpackXz(job.bytes, job.sizeMax).then(
    (bytes) => {
      // A buffer that is larger than the view, or shared with Node's pool, must not be given away.
      const own = bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
      port.postMessage({ id: job.id, bytes: own } satisfies UnpackResult, [own.buffer as ArrayBuffer]);
    },
    (error: unknown) =>
      port.postMessage({
        id: job.id,
        error: error instanceof Error ? error.message : String(error),
      } satisfies UnpackResult),
  );
});
