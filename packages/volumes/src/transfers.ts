/** Sending and receiving snapshots as streams of bytes. */
import { createHash } from "node:crypto";
import { EIO } from "@stratos/abi";
import {
  discardTransfer,
  identityOf,
  partialTransfers,
  ReceiveStream,
  SendStream,
  type Subvolume,
} from "@stratos/aegisfs";
import type { Digest } from "@stratos/base";
import { OperationError } from "@stratos/operation";
import { toByteString, toText } from "./file-tree.ts";
import type { OpenedVolume } from "./open-volume.ts";
import { checkSnapshotName, reclaimAll, requireWhole, snapshotSpaces } from "./snapshots.ts";
import { forgetTransfers } from "./transfer-records.ts";
import { expectResult, expectValue } from "./volume-error.ts";

/** Where a transfer goes on: a key of the tree as three numbers, `12.50331648.0`. */
type ResumeToken = readonly [number, number, number];

export function parseResumeToken(text: string): ResumeToken {
  const words = text.split(".").map(Number);
  if (!/^\d+\.\d+\.\d+$/.test(text) || words.some((word) => word > 0xffffffff))
    throw new OperationError("option", "--resume", `'${text}' is no token; \`stratos fs receive --status\` shows it`);
  return [words[0]!, words[1]!, words[2]!];
}

interface SendRequest {
  readonly snapshot: string;
  readonly from?: string;
  readonly resume?: ResumeToken;
}

/** The stream in pieces, each valid until the next is asked for. @throws OperationError */
export function* sendSnapshot(opened: OpenedVolume, request: SendRequest): Generator<Uint8Array> {
  const source = requireWhole(opened, request.snapshot);
  const parent = request.from === undefined ? undefined : requireWhole(opened, request.from);
  const stream = SendStream.open(source, {
    digest: nodeDigest(),
    ...(parent === undefined ? {} : { parent }),
    ...(request.resume === undefined ? {} : { resume: request.resume }),
  });
  if (typeof stream === "number") {
    if (parent?.id === source.id) throw new OperationError("option", "--from", "names the snapshot that is to be sent");
    throw new OperationError(
      "volume",
      `${opened.path}@${request.snapshot}`,
      "read-only snapshots are sent: a writable one may change meanwhile (and so may the one given with --from)",
    );
  }
  for (let chunk = stream.next(); chunk !== null; chunk = stream.next()) {
    yield expectValue(`${opened.path}@${request.snapshot}`, chunk);
  }
}

/** Takes a stream in pieces. */
export class SnapshotReceiver {
  readonly #opened: OpenedVolume;
  readonly #stream: ReceiveStream;

  constructor(opened: OpenedVolume, name?: string) {
    if (name !== undefined) checkSnapshotName(name);
    this.#opened = opened;
    this.#stream = new ReceiveStream(opened.volume, {
      digest: nodeDigest(),
      ...(name === undefined ? {} : { name: toByteString(name) }),
    });
  }

  get dataBytes(): number {
    return this.#stream.dataBytes;
  }

  push(bytes: Uint8Array): void {
    this.#expect(this.#stream.push(bytes));
  }

  /** @returns the new snapshot */
  finish(): Subvolume {
    this.#expect(this.#stream.finish());
    return this.#stream.received!;
  }

  #expect(result: string | number | null): void {
    if (result === null) return;
    const { path, volume } = this.#opened;
    if (typeof result === "number" || volume.failure !== null)
      expectResult(path, typeof result === "number" ? result : -EIO);
    // What was taken back gives its space back now.
    reclaimAll(this.#opened);
    throw new OperationError("volume", path, `the stream is refused: ${result}`);
  }
}

interface PartialTransferEntry {
  readonly name: string;
  readonly sourceVolume: string;
  readonly sourceSnapshot: number;
  readonly resume: string;
}

export function listPartialTransfers({ volume }: OpenedVolume): PartialTransferEntry[] {
  return partialTransfers(volume).map(({ subvolume, source, from }) => ({
    name: toText(volume.subvolume(subvolume)!.name),
    sourceVolume: Buffer.from(source.uuid).toString("hex"),
    sourceSnapshot: source.id,
    resume: from.join("."),
  }));
}

/** Takes back what unfinished transfers left. @returns names of the snapshots that it deleted, or would delete */
export function discardPartialTransfers(
  opened: OpenedVolume,
  dryRun: boolean,
): { readonly snapshots: string[]; readonly freedBytes: number } {
  const { path, volume } = opened;
  const left = volume
    .subvolumeIds()
    .map((id) => volume.subvolume(id))
    .filter((one) => one !== null)
    .filter(({ isIncomplete }) => isIncomplete);
  const snapshots = left.map(({ name }) => toText(name));
  if (dryRun)
    return {
      snapshots,
      freedBytes: snapshotSpaces(opened, snapshots).reduce((sum, { exclusiveBytes }) => sum + exclusiveBytes, 0),
    };
  const before = volume.space.freeBlocks;
  for (const { id, name } of left) expectResult(`${path}@${toText(name)}`, discardTransfer(volume, id));
  forgetTransfers(opened);
  reclaimAll(opened);
  return { snapshots, freedBytes: Math.max(0, volume.space.freeBlocks - before) * 4096 };
}

/** Hexadecimal name of a snapshot that no other has: volume, number and generation. */
export function identityText(snapshot: Subvolume): string {
  const { uuid, id, generation } = identityOf(snapshot);
  return `${Buffer.from(uuid).toString("hex")}-${id}-${generation}`;
}

/** Node's SHA-256, several times faster than the engine's. */
function nodeDigest(): Digest {
  const hash = createHash("sha256");
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest() };
}
