/**
 * Unpacks as a stream, for what is too large to be held: gzip and zstd by Node's own libraries, xz by xz(1), or its
 * WebAssembly form where there is no such program.
 */
import { spawn } from "node:child_process";
import { Readable, type Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createZstdDecompress } from "node:zlib";
import type { Unpack } from "@stratos/pkg";
import xz from "xz-decompress";
import { findProgram, killChild } from "@stratos/host-node/home";

/** What is fed at a time of packed bytes that are held. */
const PIECE_BYTES = 1 << 20;

export const unpackStream: Unpack = (compression, packed) => {
  const source = packed instanceof Uint8Array ? piecesOf(packed) : packed;
  switch (compression) {
    case "none":
      return source;
    case "gzip":
      return through(source, createGunzip());
    case "zstd":
      return through(source, createZstdDecompress());
    case "xz": {
      const program = findProgram("xz", process.env["PATH"] ?? "");
      return program === undefined ? throughWasm(source) : throughProgram(source, program);
    }
  }
};

async function* piecesOf(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES);
}

async function* through(source: AsyncIterable<Uint8Array>, transform: Duplex): AsyncIterable<Uint8Array> {
  const flow = pipeline(Readable.from(source), transform);
  flow.catch(() => {}); // The reader below meets the same error.
  try {
    for await (const piece of transform) yield piece as Uint8Array;
  } finally {
    transform.destroy();
  }
}

async function* throughWasm(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const web = Readable.toWeb(Readable.from(source)) as ReadableStream<Uint8Array<ArrayBuffer>>;
  yield* new xz.XzReadableStream(web) as unknown as AsyncIterable<Uint8Array>;
}

async function* throughProgram(source: AsyncIterable<Uint8Array>, program: string): AsyncIterable<Uint8Array> {
  const child = spawn(program, ["-dcq"], { stdio: ["pipe", "pipe", "pipe"] });
  const told: Buffer[] = [];
  child.stderr.on("data", (piece: Buffer) => void told.push(piece));
  const status = new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
  status.catch(() => {}); // Awaited below, when all has been read.
  // A program that gives up early has broken the pipe; its status says so.
  pipeline(Readable.from(source), child.stdin).catch(() => {});
  try {
    for await (const piece of child.stdout) yield piece as Uint8Array;
    if ((await status) !== 0)
      throw new Error(
        Buffer.concat(told)
          .toString("latin1")
          .trim()
          .replace(/^.*?xz: (\(stdin\): )?/, "") || "damaged",
      );
  } finally {
    if (child.exitCode === null && child.signalCode === null) killChild(child, "SIGKILL");
  }
}
