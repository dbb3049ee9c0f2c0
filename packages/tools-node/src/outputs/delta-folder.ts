/** Static deltas of OSTree as files: made into a repository or one file, and applied from there. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import {
  applyPart,
  deltaPath,
  FormatError,
  makeDelta,
  parseDelta,
  partPacking,
  type MadeDelta,
  type OstreeCommit,
  type OstreeReader,
  type OstreeRepository,
  type StaticDelta,
} from "@stratos/formats";
import { findProgram } from "@stratos/host-node/home";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { UnpackPool } from "../packages/unpack-pool.ts";
import type { RepositoryFolder } from "./repository-folder.ts";

const PACKED_MAX = 1 << 30,
  UNPACKED_MAX = 1 << 30;

interface DeltaFileOptions {
  /** seconds since 1970 */
  readonly time: number;
  /** all in this one file, rather than beside the repository's objects */
  readonly file?: string;
}

/** Packed by xz(1), where the host has it: no other packing is known to clients. */
export function writeDelta(
  store: RepositoryFolder,
  reader: OstreeReader,
  { from, to }: { from: OstreeCommit | null; to: OstreeCommit },
  options: DeltaFileOptions,
  output: (path: string, bytes: Uint8Array) => void,
): MadeDelta {
  const xz = findProgram("xz", process.env["PATH"] ?? ""),
    signatures = store.read(`objects/${to.checksum.slice(0, 2)}/${to.checksum.slice(2)}.commitmeta`);
  const delta = makeDelta(
    reader,
    from,
    to,
    {
      time: options.time,
      isInline: options.file !== undefined,
      ...(xz === undefined ? {} : { xz: (bytes: Uint8Array) => packed(xz, bytes) }),
      ...(signatures === undefined ? {} : { signatures }),
    },
    nodeCodecs(),
  );
  if (options.file !== undefined) output(options.file, delta.superblock);
  else {
    const place = (name: string): string => deltaPath(from?.checksum ?? null, to.checksum, name);
    delta.parts.forEach(({ bytes }, index) => store.write(place(String(index)), [bytes]));
    // Who sees the superblock finds the parts.
    store.write(place("superblock"), [delta.superblock]);
  }
  return delta;
}

function packed(program: string, bytes: Uint8Array): Uint8Array {
  const { status, stdout, error } = spawnSync(program, ["-c", "-6", "-T1"], { input: bytes, maxBuffer: PACKED_MAX });
  if (error !== undefined || status !== 0) throw new FormatError("xz: has failed", { cause: error });
  return stdout;
}

/** @param path  a superblock, or the one file of a delta; parts are looked for beside it */
export function readDelta(path: string): { delta: StaticDelta; part(index: number): Uint8Array } {
  const delta = parseDelta(readFileSync(path), nodeCodecs());
  return { delta, part: (index) => delta.parts[index]!.inline ?? partFile(path, index) };
}

function partFile(path: string, index: number): Uint8Array {
  try {
    return readFileSync(join(dirname(path), String(index)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT")
      throw new FormatError(`part ${index} of ${basename(path)} is not beside it`, { cause: error });
    throw error;
  }
}

/**
 * Puts what a delta makes into a repository, its commit last. @throws FormatError when something is missing or has been
 * changed
 */
export async function applyDelta(
  path: string,
  reader: OstreeReader,
  repository: OstreeRepository,
): Promise<StaticDelta> {
  const { delta, part } = readDelta(path),
    codecs = nodeCodecs(),
    pool = new UnpackPool();
  if (delta.from !== null && !repository.has(delta.from, "commit"))
    throw new FormatError(`the delta is from ${delta.from}, which is not here`);
  const fallback = delta.fallbacks.find(({ checksum }) => !repository.has(checksum, "file"));
  if (fallback !== undefined)
    throw new FormatError(
      `the file ${fallback.checksum} of ${fallback.sizeBytes} bytes is no part of the delta, and not here`,
    );
  try {
    for (const [index, entry] of delta.parts.entries()) {
      if (entry.objects.every(({ kind, checksum }) => repository.has(checksum, kind))) continue;
      const bytes = part(index),
        packing = partPacking(entry, bytes, codecs);
      let payload: Uint8Array;
      try {
        payload = await pool.decompress(packing, bytes.subarray(1), UNPACKED_MAX);
      } catch (error) {
        throw new FormatError(`the part ${entry.checksum} cannot be unpacked: ${(error as Error).message}`, {
          cause: error,
        });
      }
      applyPart(entry, payload, reader, repository);
    }
  } finally {
    await pool.close();
  }
  repository.complete(delta.to, delta.commit, delta.signatures, reader);
  return delta;
}
