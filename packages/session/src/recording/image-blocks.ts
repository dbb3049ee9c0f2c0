/**
 * What a recorded run has read of its image lies in the recording (recording-pieces.ts), so that it is repeated where
 * the image is not: the blocks of each layer that were read, with those of files that were read in part.
 */
import { EIO, EROFS } from "@stratos/abi";
import type { BlockDevice } from "@stratos/host";
import type { Volume } from "@stratos/aegisfs";
import { namesInMemory } from "@stratos/kernel";
import type { MachineSession } from "../machine-session.ts";
import { readVolumeFile } from "../volume-file.ts";
import type { RecordedBlocks } from "./recording-format.ts";
import type { RecordingWriter } from "./recording-writer.ts";

const BLOCK_BYTES = 4096;
/** Of one entry, which then fits a piece. */
const BLOCKS_AT_ONCE = 240;

/** What was read of a layer, by whomever. */
class LayerReads {
  /** The one that was opened last. */
  device: BlockDevice;
  readonly sizeBytes: number;
  /** A bit for each block that was read. */
  readonly #blocks: Uint8Array;
  /** How many of them are set. */
  count = 0;

  constructor(device: BlockDevice) {
    this.device = device;
    this.sizeBytes = device.size;
    this.#blocks = new Uint8Array(Math.ceil(device.size / BLOCK_BYTES / 8));
  }

  note(offset: number, length: number): void {
    const end = Math.ceil((offset + length) / BLOCK_BYTES);
    for (let block = Math.floor(offset / BLOCK_BYTES); block < end; block++) {
      const bit = 1 << (block & 7);
      if ((this.#blocks[block >>> 3]! & bit) !== 0) continue;
      this.#blocks[block >>> 3]! |= bit;
      this.count++;
    }
  }

  /** Those that were read, in order. */
  *noted(): Generator<number, void> {
    for (let index = 0; index < this.#blocks.length; index++) {
      const bits = this.#blocks[index]!;
      for (let bit = 0; bits >>> bit !== 0; bit++) if (((bits >>> bit) & 1) !== 0) yield index * 8 + bit;
    }
  }

  /** @throws Error  the host cannot read them any more */
  data(blocks: readonly number[]): Uint8Array {
    const data = new Uint8Array(blocks.length * BLOCK_BYTES);
    for (const [index, block] of blocks.entries())
      if (this.device.read(block * BLOCK_BYTES, data, index * BLOCK_BYTES, BLOCK_BYTES) < 0)
        throw new Error(`the image's block ${block} cannot be read`);
    return data;
  }
}

/** A disk that nobody writes. */
abstract class ReadOnlyDevice implements BlockDevice {
  readonly readOnly = true;
  abstract readonly size: number;
  abstract read(offset: number, bytes: Uint8Array, at: number, length: number): number;

  write(): number {
    return -EROFS;
  }

  flush(): number {
    return 0;
  }

  resize(): number {
    return -EROFS;
  }

  discard(): void {}
}

class WatchedDevice extends ReadOnlyDevice {
  readonly size: number;
  readonly #device: BlockDevice;
  readonly #reads: LayerReads;

  constructor(device: BlockDevice, reads: LayerReads) {
    super();
    this.size = device.size;
    this.#device = device;
    this.#reads = reads;
  }

  read(offset: number, bytes: Uint8Array, at: number, length: number): number {
    this.#reads.note(offset, length);
    return this.#device.read(offset, bytes, at, length);
  }
}

/** Which blocks of an image's layers are read, by a run and by those that share pages with it. */
export class ImageReads {
  #layers: readonly LayerReads[] = [];

  /** @param devices  of the layers, from the bottom up. @returns what the run has in their place */
  watch(devices: readonly BlockDevice[]): BlockDevice[] {
    if (this.#layers.length === 0) this.#layers = devices.map((device) => new LayerReads(device));
    return devices.map((device, layer) => {
      const reads = this.#layers[layer]!;
      reads.device = device;
      return new WatchedDevice(device, reads);
    });
  }

  /**
   * Behind the end of a recording. Files that were read in part go into it whole: who looks at the run wants their
   * symbols.
   *
   * @param volume  of the session, whose layers are still open
   * @throws what the writer's sink does; Error when the image cannot be read
   */
  addTo(writer: RecordingWriter, { machine: { kernel } }: MachineSession, volume: Volume): void {
    for (const name of namesInMemory(kernel)) readVolumeFile(volume.root, name);
    const count = this.#layers.reduce((sum, layer) => sum + Math.ceil(layer.count / BLOCKS_AT_ONCE), 0);
    writer.addImage(this.#parts(), count);
  }

  *#parts(): Generator<RecordedBlocks, void> {
    for (const [layer, reads] of this.#layers.entries()) {
      let blocks: number[] = [];
      const part = (): RecordedBlocks => ({
        ...{ kind: "blocks", layer, layerBytes: reads.sizeBytes, blocks, data: reads.data(blocks) },
      });
      for (const block of reads.noted()) {
        blocks.push(block);
        if (blocks.length < BLOCKS_AT_ONCE) continue;
        yield part();
        blocks = [];
      }
      if (blocks.length > 0) yield part();
    }
  }
}

/** A layer of an image as a recording has it. */
export class RecordedLayer extends ReadOnlyDevice {
  readonly size: number;
  readonly #blocks: ReadonlyMap<number, Uint8Array>;
  readonly #onMissed: () => void;

  /** @param onMissed  something is asked for that the run did not read, and answered with EIO */
  constructor(size: number, blocks: ReadonlyMap<number, Uint8Array>, onMissed: () => void) {
    super();
    this.size = size;
    this.#blocks = blocks;
    this.#onMissed = onMissed;
  }

  read(offset: number, bytes: Uint8Array, at: number, length: number): number {
    for (let done = 0; done < length;) {
      const from = (offset + done) % BLOCK_BYTES;
      const count = Math.min(BLOCK_BYTES - from, length - done);
      const block = this.#blocks.get(Math.floor((offset + done) / BLOCK_BYTES));
      if (block === undefined) {
        this.#onMissed();
        return -EIO;
      }
      bytes.set(block.subarray(from, from + count), at + done);
      done += count;
    }
    return 0;
  }
}

/**
 * The layers of the image that a recording has in it, from the bottom up; none: it has no image in it.
 *
 * @throws RecordingError
 */
export function recordedLayers(parts: Iterable<RecordedBlocks>, onMissed: () => void): RecordedLayer[] {
  const layers: { size: number; blocks: Map<number, Uint8Array> }[] = [];
  for (const { layer, layerBytes, blocks, data } of parts) {
    const known = (layers[layer] ??= { size: layerBytes, blocks: new Map() });
    for (const [index, block] of blocks.entries())
      known.blocks.set(block, data.subarray(index * BLOCK_BYTES, (index + 1) * BLOCK_BYTES));
  }
  // Who reads nothing of a layer cannot have mounted it.
  return Array.from(layers, (known) => known ?? { size: 0, blocks: new Map<number, Uint8Array>() }).map(
    ({ size, blocks }) => new RecordedLayer(size, blocks, onMissed),
  );
}
