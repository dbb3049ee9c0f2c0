/** Writes an image as a pack for web servers: see `@stratos/host-browser/pack` for what that is. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { constants, zstdCompress } from "node:zlib";
import {
  BLOCK_SIZE,
  FEATURE_COMPRESSION,
  mount,
  mountOverlay,
  MOUNT_ERROR_WORDS,
  readSuperblock,
  type Volume,
} from "@stratos/aegisfs";
import type { BlockDevice } from "@stratos/host";
import { CHUNK_BLOCKS, GROUP_BLOCKS_MAX, PACK_FORMAT, pieceHash } from "@stratos/host-browser/pack";
import type { PackDescription, PackGroup, PackIndex, PackLayer } from "@stratos/host-browser/pack";
import { FileBlockDevice, zstdCodec } from "@stratos/host-node";
import { replaceFile } from "@stratos/host-node/files";
import { hostReason } from "@stratos/host-node/home";
import { OperationError } from "@stratos/operation";
import { type ImageEntry, ImageStore } from "../image-store.ts";
import { layerContent } from "../layer-content.ts";
import { writeContent } from "./pack-files.ts";
import { recordReads } from "./recorded-reads.ts";

const compress = promisify(zstdCompress);
/** Of chunks, which are many, and of what each visitor fetches. */
const CHUNK_LEVEL = 9;
const GROUP_LEVEL = 19;
/** Chunks that are compressed at a time. */
const PARALLEL = 4;

export interface PackRequest {
  readonly image: string;
  /** STRATOS_HOME */
  readonly home: string;
  /** Is made where it is missing; what other packs left there stays. */
  readonly folder: string;
  /** Lines for root's shell: what they read is fetched ahead, too. */
  readonly lines: readonly string[];
}

export type PackEvent =
  | { readonly phase: "boot" }
  | { readonly phase: "pieces"; readonly done: number; readonly total: number };

/** @throws OperationError */
export async function writePack(request: PackRequest, onEvent: (event: PackEvent) => void): Promise<PackDescription> {
  const store = new ImageStore(request.home);
  const entry = store.require(request.image);
  const paths = store.layerPaths(entry);
  const devices = paths.map((path) => new FileBlockDevice(path, { readOnly: true }));
  try {
    onEvent({ phase: "boot" });
    const phases = await recordReads(request.image, devices, request.lines);
    return await new PackWriter(request.folder, entry, devices).write(layerContent(paths), phases, onEvent);
  } catch (error) {
    if (error instanceof OperationError || (error as NodeJS.ErrnoException).code === undefined) throw error;
    throw new OperationError("image", request.folder, hostReason(error), { cause: error });
  } finally {
    for (const device of devices) device.close();
  }
}

class PackWriter {
  readonly #folder: string;
  readonly #entry: ImageEntry;
  readonly #devices: readonly BlockDevice[];

  constructor(folder: string, entry: ImageEntry, devices: readonly BlockDevice[]) {
    this.#folder = folder;
    this.#entry = entry;
    this.#devices = devices;
  }

  /** The description comes last, by a rename: until then a server gives what was there before. */
  async write(
    content: string,
    phases: readonly (readonly (readonly number[])[])[],
    onEvent: (event: PackEvent) => void,
  ): Promise<PackDescription> {
    const volumes = this.#devices.map((_, layer) => this.#open(layer));
    const used = volumes.map(usedBlocks);
    const total = used.reduce((sum, chunks) => sum + chunks.size, 0);
    let done = 0;
    const layers: PackLayer[] = [];
    for (const [layer, chunks] of used.entries())
      layers.push(await this.#writeChunks(layer, chunks, () => onEvent({ phase: "pieces", done: ++done, total })));
    const groups: PackGroup[] = [];
    for (const blocks of phases) groups.push(...(await this.#writeGroups(blocks, used)));
    const isCompressed = this.#devices.some((device) => {
      const superblock = readSuperblock(device);
      return typeof superblock !== "string" && (superblock.features & FEATURE_COMPRESSION) !== 0;
    });
    const index: PackIndex = { format: PACK_FORMAT, content, layers, groups, isCompressed };
    const text = new TextEncoder().encode(JSON.stringify(index));
    const packed = await pack(text, GROUP_LEVEL);
    const name = pieceHash(packed);
    writeContent(join(this.#folder, `index-${name}.zst`), packed);
    const { suite, createdAt } = this.#entry.description;
    const description: PackDescription = {
      format: PACK_FORMAT,
      name: this.#entry.name,
      suite,
      createdAt,
      index: name,
      indexBytes: text.length,
      piecesBytes: layers.reduce((sum, { stored }) => sum + stored.reduce((bytes, each) => bytes + each, 0), 0),
      content,
    };
    const lines = `${JSON.stringify(description, null, 2)}\n`;
    replaceFile(join(this.#folder, "image.json"), lines);
    return description;
  }

  /** The volume that a layer is, over those below it. */
  #open(layer: number): Volume {
    const options = { readOnly: true, codecs: [zstdCodec] };
    const device = this.#devices[layer]!;
    const volume = layer === 0 ? mount(device, options) : mountOverlay(this.#devices.slice(0, layer), device, options);
    if (typeof volume === "string") throw new OperationError("image", this.#entry.name, MOUNT_ERROR_WORDS[volume]);
    return volume;
  }

  async #writeChunks(
    layer: number,
    used: ReadonlyMap<number, readonly number[]>,
    onDone: () => void,
  ): Promise<PackLayer> {
    const chunks = [...used.keys()].sort((a, b) => a - b);
    const stored = new Array<number>(chunks.length);
    const hashes = new Array<string>(chunks.length);
    let next = 0;
    const writeSome = async (): Promise<void> => {
      while (next < chunks.length) {
        const at = next++;
        const chunk = chunks[at]!;
        const content = new Uint8Array(CHUNK_BLOCKS * BLOCK_SIZE);
        this.#read(layer, used.get(chunk)!, content, (block) => block - chunk * CHUNK_BLOCKS);
        [hashes[at], stored[at]] = await this.#writePiece(content, CHUNK_LEVEL);
        onDone();
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, writeSome));
    return { bytes: this.#devices[layer]!.size, chunks, stored, hashes: hashes.join("") };
  }

  /** @param read  blocks of each layer. @param used  those that have content */
  async #writeGroups(
    read: readonly (readonly number[])[],
    used: readonly ReadonlyMap<number, readonly number[]>[],
  ): Promise<PackGroup[]> {
    const places = read.flatMap((blocks, layer) =>
      blocks
        .filter((block) => used[layer]!.get(Math.floor(block / CHUNK_BLOCKS))?.includes(block) === true)
        .map((block) => ({ layer, block })),
    );
    const groups: PackGroup[] = [];
    for (let from = 0; from < places.length; from += GROUP_BLOCKS_MAX) {
      const part = places.slice(from, from + GROUP_BLOCKS_MAX);
      const content = new Uint8Array(part.length * BLOCK_SIZE);
      const runs: number[] = [];
      for (const [at, { layer, block }] of part.entries()) {
        this.#read(layer, [block], content, () => at);
        const last = runs.length - 3;
        if (runs[last] === layer && runs[last + 1]! + runs[last + 2]! === block) runs[last + 2]!++;
        else runs.push(layer, block, 1);
      }
      const [hash, stored] = await this.#writePiece(content, GROUP_LEVEL);
      groups.push({ hash, stored, runs });
    }
    return groups;
  }

  /** @param placeOf  where a block goes, in blocks */
  #read(layer: number, blocks: readonly number[], content: Uint8Array, placeOf: (block: number) => number): void {
    for (const block of blocks) {
      const failed = this.#devices[layer]!.read(block * BLOCK_SIZE, content, placeOf(block) * BLOCK_SIZE, BLOCK_SIZE);
      if (failed < 0) throw new OperationError("image", this.#entry.name, `block ${block} cannot be read`);
    }
  }

  /** @returns its name and how many bytes it has */
  async #writePiece(content: Uint8Array, level: number): Promise<[string, number]> {
    const packed = await pack(content, level);
    const hash = pieceHash(packed);
    // Made with what it is for: who stops us before leaves no empty folder.
    mkdirSync(join(this.#folder, "pieces"), { recursive: true });
    writeContent(join(this.#folder, "pieces", `${hash}.zst`), packed);
    return [hash, packed.length];
  }
}

/** The frame says how long its content is: whoever unpacks it asks that first. */
function pack(content: Uint8Array, level: number): Promise<Uint8Array> {
  return compress(content, {
    pledgedSrcSize: content.length,
    params: { [constants.ZSTD_c_compressionLevel]: level },
  });
}

/** Blocks of the volume's own device that it uses, by chunk. */
function usedBlocks({ space, store, superblock }: Volume): Map<number, number[]> {
  const chunks = new Map<number, number[]>();
  for (let block = 0; block < superblock.blocks; block++) {
    if (!space.isAllocated(store.topStart + block)) continue;
    const chunk = Math.floor(block / CHUNK_BLOCKS);
    const blocks = chunks.get(chunk);
    if (blocks === undefined) chunks.set(chunk, [block]);
    else blocks.push(block);
  }
  return chunks;
}
