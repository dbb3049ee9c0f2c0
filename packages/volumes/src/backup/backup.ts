/**
 * Backups: snapshots of a volume as send streams in a store, each whole or as differences from the one before.
 *
 *     backup.json          what there is (BackupManifest); written last, so that it names only what is there
 *     NAME.0001 …          the compressed stream of the snapshot NAME in pieces of up to 64 MiB
 *
 * The snapshot that was backed up last stays in the volume: the next one is sent as differences from it.
 */
import { createHash } from "node:crypto";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { findReceived } from "@stratos/aegisfs";
import { OperationError } from "@stratos/operation";
import { toText } from "../file-tree.ts";
import { compactTime, listSnapshots, requireSnapshot } from "../snapshots.ts";
import { identityText, sendSnapshot } from "../transfers.ts";
import { uuidText } from "../uuid-text.ts";
import type { BackupStore } from "./backup-store.ts";
import type { BackupVolume } from "./backup-volume.ts";

interface BackupPiece {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface BackupEntry {
  /** Name of the snapshot. */
  readonly name: string;
  /** Which snapshot it is: of this volume, this number, this generation. */
  readonly identity: string;
  /** The entry that it holds the differences from; null: it is whole. */
  readonly parent: string | null;
  readonly createdAt: string;
  readonly streamBytes: number;
  readonly pieces: readonly BackupPiece[];
}

interface BackupManifest {
  readonly format: "stratos-backup-1";
  readonly volume: string;
  readonly label: string;
  readonly entries: readonly BackupEntry[];
}

const MANIFEST = "backup.json";
const PREFIX = "backup-";
const PIECE_BYTES = 64 << 20;
/** Of a piece before it is compressed; a hostile one must not fill the memory. */
const UNPACKED_MAX = 2 * PIECE_BYTES;

export type BackupProgress = (bytes: number) => void;

/** @throws OperationError when what is there is no backup */
export async function readManifest(store: BackupStore): Promise<BackupManifest | null> {
  const bytes = await store.get(MANIFEST);
  if (bytes === null) return null;
  let manifest: BackupManifest;
  try {
    manifest = JSON.parse(Buffer.from(bytes).toString("utf8")) as BackupManifest;
  } catch (error) {
    throw new OperationError("volume", store.name, `${MANIFEST} is damaged`, { cause: error });
  }
  if (manifest.format !== "stratos-backup-1" || !Array.isArray(manifest.entries))
    throw new OperationError("volume", store.name, `${MANIFEST} is none of this version`);
  for (const { pieces } of manifest.entries)
    for (const { name } of pieces)
      if (!/^[\w.-]+$/.test(name))
        throw new OperationError("volume", store.name, `${MANIFEST} names '${name}', which is no piece of a backup`);
  return manifest;
}

/** @throws OperationError when there is none */
export async function requireManifest(store: BackupStore): Promise<BackupManifest> {
  const manifest = await readManifest(store);
  if (manifest === null) throw new OperationError("volume", store.name, `there is no backup (no ${MANIFEST})`);
  return manifest;
}

const writeManifest = (store: BackupStore, manifest: BackupManifest): Promise<void> =>
  store.put(MANIFEST, Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));

interface BackupRequest {
  readonly keep: number | null;
  readonly isFull: boolean;
}

/** Takes a snapshot and stores it. */
export async function makeBackup(
  volume: BackupVolume,
  store: BackupStore,
  request: BackupRequest,
  onProgress: BackupProgress,
): Promise<BackupEntry> {
  const unlock = volume.lock();
  try {
    return await addBackup(volume, store, request, onProgress);
  } finally {
    unlock();
  }
}

async function addBackup(
  volume: BackupVolume,
  store: BackupStore,
  request: BackupRequest,
  onProgress: BackupProgress,
): Promise<BackupEntry> {
  const label = `for the backup to ${store.name}`.slice(0, 200);
  const { uuid, volumeLabel, seconds, own } = await volume.read((opened) => ({
    uuid: uuidText(opened.volume.superblock.uuid),
    volumeLabel: toText(opened.volume.superblock.label),
    seconds: opened.volume.seconds,
    own: listSnapshots(opened)
      .filter(({ live }) => !live)
      .map((one) => ({ ...one, identity: identityText(opened.volume.subvolume(one.id)!) })),
  }));
  const before = await readManifest(store);
  if (before !== null && before.volume !== uuid)
    throw new OperationError("volume", store.name, `holds the backup of another volume (${before.volume})`);
  const entries = before?.entries ?? [];
  const unchanging = own.filter(({ writable }) => !writable);
  const parent = request.isFull
    ? undefined
    : entries.findLast(({ identity }) => unchanging.some((one) => one.identity === identity));
  const parentName =
    parent === undefined ? undefined : unchanging.find(({ identity }) => identity === parent.identity)!.name;
  let name = `${PREFIX}${compactTime(seconds)}`;
  for (let again = 2; own.some((one) => one.name === name) || entries.some((one) => one.name === name); again++)
    name = `${PREFIX}${compactTime(seconds)}-${again}`;
  await volume.createSnapshot(name, label);
  try {
    const entry = await volume.read(async (opened): Promise<BackupEntry> => {
      const { pieces, streamBytes } = await storeStream(
        store,
        name,
        sendSnapshot(opened, { snapshot: name, ...(parentName === undefined ? {} : { from: parentName }) }),
        onProgress,
      );
      return {
        name,
        identity: identityText(requireSnapshot(opened, name)),
        parent: parent?.name ?? null,
        createdAt: new Date(seconds * 1000).toISOString(),
        streamBytes,
        pieces,
      };
    });
    // What another host has added meanwhile stays.
    const present = (await readManifest(store))?.entries ?? entries;
    const kept = keptEntries([...present, entry], request.keep);
    await writeManifest(store, { format: "stratos-backup-1", volume: uuid, label: volumeLabel, entries: kept });
    for (const gone of present.filter((one) => !kept.includes(one)))
      for (const piece of gone.pieces) await store.remove(piece.name);
    // The next backup needs this snapshot alone; others of ours go, unless another store still builds on them.
    const over = own.filter((one) => one.name.startsWith(PREFIX) && one.label === label).map((one) => one.name);
    if (over.length > 0) await volume.deleteSnapshots(over);
    return entry;
  } catch (error) {
    await volume.deleteSnapshots([name]);
    throw new OperationError("volume", volume.path, `no backup was made: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** The last ones, and those that they build on. */
export function keptEntries(entries: readonly BackupEntry[], keep: number | null): BackupEntry[] {
  if (keep === null) return [...entries];
  const kept = new Set<string>();
  for (const entry of entries.slice(-keep)) {
    for (
      let at: BackupEntry | undefined = entry;
      at !== undefined && !kept.has(at.name);
      at = entries.find(({ name }) => name === at!.parent)
    )
      kept.add(at.name);
  }
  return entries.filter(({ name }) => kept.has(name));
}

async function storeStream(
  store: BackupStore,
  name: string,
  stream: Iterable<Uint8Array>,
  onProgress: BackupProgress,
): Promise<{ pieces: BackupPiece[]; streamBytes: number }> {
  const pieces: BackupPiece[] = [];
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let streamBytes = 0;
  const flush = async (): Promise<void> => {
    if (waitingBytes === 0) return;
    const packed = zstdCompressSync(Buffer.concat(waiting));
    const piece = {
      name: `${name}.${String(pieces.length + 1).padStart(4, "0")}`,
      bytes: packed.length,
      sha256: sha256(packed),
    };
    await store.put(piece.name, packed);
    pieces.push(piece);
    waiting = [];
    waitingBytes = 0;
  };
  for (const chunk of stream) {
    waiting.push(chunk.slice());
    waitingBytes += chunk.length;
    streamBytes += chunk.length;
    onProgress(streamBytes);
    if (waitingBytes >= PIECE_BYTES) await flush();
  }
  await flush();
  return { pieces, streamBytes };
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function* loadStream(store: BackupStore, entry: BackupEntry): AsyncGenerator<Uint8Array> {
  for (const piece of entry.pieces) {
    const packed = await store.get(piece.name);
    if (packed === null) throw new OperationError("volume", store.name, `${piece.name} is missing`);
    if (packed.length !== piece.bytes || sha256(packed) !== piece.sha256)
      throw new OperationError("volume", store.name, `${piece.name} is damaged`);
    try {
      yield zstdDecompressSync(packed, { maxOutputLength: UNPACKED_MAX });
    } catch (error) {
      throw new OperationError("volume", store.name, `${piece.name} cannot be unpacked: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }
}

/** Reads everything. @returns what is wrong */
export async function verifyBackup(store: BackupStore, onProgress: BackupProgress): Promise<string[]> {
  const { entries } = await requireManifest(store);
  const problems: string[] = [];
  let bytes = 0;
  for (const entry of entries) {
    if (entry.parent !== null && !entries.some(({ name }) => name === entry.parent))
      problems.push(`${entry.name}: what it builds on (${entry.parent}) is not there`);
    try {
      for await (const piece of loadStream(store, entry)) onProgress((bytes += piece.length));
    } catch (error) {
      if (!(error instanceof OperationError)) throw error;
      problems.push(`${entry.name}: ${error.why}`);
    }
  }
  return problems;
}

/**
 * Brings a snapshot, and those that it builds on, into a volume. @param live  and make it the volume's files @returns
 * the snapshot's name there
 */
export async function restoreBackup(
  volume: BackupVolume,
  store: BackupStore,
  wanted: string | null,
  live: boolean,
  onProgress: BackupProgress,
): Promise<string> {
  const { entries } = await requireManifest(store);
  const last = wanted === null ? entries.at(-1) : entries.find(({ name }) => name === wanted);
  if (last === undefined)
    throw new OperationError(
      "volume",
      `${store.name} ${wanted ?? ""}`.trim(),
      "there is no such backup; `stratos fs backup list` shows them",
    );
  const chain: BackupEntry[] = [];
  for (let at: BackupEntry | undefined = last; at !== undefined; at = entries.find(({ name }) => name === at!.parent)) {
    if (chain.includes(at)) throw new OperationError("volume", store.name, "the manifest goes in circles");
    chain.unshift(at);
    if (at.parent !== null && !entries.some(({ name }) => name === at!.parent))
      throw new OperationError("volume", store.name, `what ${at.name} builds on (${at.parent}) is not there`);
  }
  let name = last.name;
  for (const entry of chain) {
    const there = await volume.read((opened) => findReceived(opened.volume, parseIdentity(entry.identity)));
    name = there !== null ? toText(there.name) : await volume.receive(counted(loadStream(store, entry), onProgress));
  }
  if (live) await volume.rollBack(name);
  return name;
}

async function* counted(stream: AsyncIterable<Uint8Array>, onProgress: BackupProgress): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const piece of stream) {
    yield piece;
    onProgress((bytes += piece.length));
  }
}

function parseIdentity(text: string): { uuid: Uint8Array; id: number; generation: number } {
  const match = /^([0-9a-f]{32})-(\d+)-(\d+)$/.exec(text);
  if (match === null) throw new OperationError("volume", MANIFEST, `'${text}' names no snapshot`);
  return { uuid: Buffer.from(match[1]!, "hex"), id: Number(match[2]), generation: Number(match[3]) };
}
