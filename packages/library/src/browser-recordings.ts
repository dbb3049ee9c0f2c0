/**
 * Recordings as files of a page: one is made in a file of the origin's own, and read from any. There is no
 * FILE.partial: the file is the recording as far as it goes, and what was in it stays until something was recorded.
 */
import { FlushedBlockDevice, MemoryBlockDevice, type BlockDevice, type CompressionCodec } from "@stratos/host";
import {
  BlobReader,
  browserPorts,
  cloneLayers,
  loadZstd,
  openBlobImage,
  openWebImage,
  type SyncAccessHandle,
  writeAll,
} from "@stratos/host-browser";
import {
  openedRecording,
  type OpenedRecording,
  type OpenRecordingRequest,
  type Place,
  type RecordingDraft,
  type RecordingFiles,
  type ReservedRecording,
} from "@stratos/sdk";
import { type BlobLike, type FileHandleLike, StratosError } from "@stratos/sdk/api";
import {
  losesPower,
  openRecordedTimeline,
  openRecording,
  recordedLayers,
  type RecordedClone,
  type Recording,
  RecordingError,
  ReplayError,
} from "@stratos/session";

/** The handle of a file of the origin's own, in a worker. */
interface OwnFileHandle extends FileHandleLike {
  createSyncAccessHandle(): Promise<SyncAccessHandle>;
}

interface PageRecordings {
  /** Where zstd.wasm is served. */
  readonly zstdUrl: string;
  /** What a request names. */
  take(numbers: readonly number[]): object[];
}

export class BrowserRecordings implements RecordingFiles {
  readonly #page: PageRecordings;

  constructor(page: PageRecordings) {
    this.#page = page;
  }

  async reserve(place: Place): Promise<ReservedRecording> {
    const given = this.#taken(place);
    if (given === null || !("kind" in given)) throw wrong("record", "a file of the origin's own (a handle)");
    const codec = await loadZstd(this.#page.zstdUrl);
    const file = await ownFile(given as OwnFileHandle);
    return new ReservedFile(given.name, file, codec);
  }

  async open({ path, image }: OpenRecordingRequest): Promise<OpenedRecording> {
    const given = this.#taken(path);
    if (given === null) throw wrong("file", "the file itself (a Blob, or a handle)");
    const name = "name" in given ? given.name : "recording";
    const told = (error: unknown): unknown => toldFailure(name, error);
    try {
      const codec = await loadZstd(this.#page.zstdUrl);
      const recording = openRecording(new BlobReader("kind" in given ? await given.getFile() : given), codec);
      const layers = await this.#layersOf(recording, image);
      const cloneImage = (): RecordedClone => cloned(name, recording, layers, codec);
      return await openedRecording(async (output) => {
        const timeline = await openRecordedTimeline(recording, cloneImage, { ports: browserPorts(), output });
        return { recording, timeline, close: () => timeline.close() };
      }, told);
    } catch (error) {
      throw told(error);
    }
  }

  #taken(place: Place): FileHandleLike | (BlobLike & { readonly name?: string }) | null {
    const [given] = typeof place === "string" ? [] : this.#page.take(place);
    return (given ?? null) as FileHandleLike | BlobLike | null;
  }

  async #layersOf(recording: Recording, image: Place | undefined): Promise<readonly BlockDevice[]> {
    const recorded = recordedLayers(recording.imageParts(), () => {});
    if (recorded.length > 0) return recorded;
    if (image === undefined)
      throw new UnfitImageError("it has no image in it, as one that was cut short: `image` says which it was");
    const options = { changesBytes: 1 << 22, readOnly: true, zstdUrl: this.#page.zstdUrl };
    const blobs = typeof image === "string" ? null : (this.#page.take(image) as BlobLike[]);
    const opened = blobs === null ? await openWebImage(image as string, options) : await openBlobImage(blobs, options);
    const { createdAt = "" } = opened.description as { readonly createdAt?: string };
    const { header } = recording;
    if (opened.layers.length !== header.imageLayers || (blobs === null && createdAt !== header.imageCreatedAt))
      throw new UnfitImageError("the image is not the one that was recorded");
    return opened.layers;
  }
}

class UnfitImageError extends Error {}

/** As it was when it was recorded. */
function cloned(
  name: string,
  recording: Recording,
  layers: readonly BlockDevice[],
  codec: CompressionCodec,
): RecordedClone {
  const { header } = recording;
  // One that ends with a power cut was recorded on a clone that keeps what is synced.
  const isDurable = losesPower(header);
  const changes = new (isDurable ? FlushedBlockDevice : MemoryBlockDevice)(header.memoryBytes);
  return { ...cloneLayers(name, layers, { changes, codecs: [codec], isDurable }), close: () => {} };
}

async function ownFile(handle: OwnFileHandle): Promise<SyncAccessHandle> {
  const { name } = handle;
  try {
    return await handle.createSyncAccessHandle();
  } catch (error) {
    if ((error as Error).name === "NoModificationAllowedError")
      throw new StratosError("in-use", `${name}: it is open elsewhere`, { path: name }, { cause: error });
    throw wrong("record", "a file of the origin's own", error);
  }
}

class ReservedFile implements ReservedRecording, RecordingDraft {
  readonly codec: CompressionCodec;
  readonly #name: string;
  readonly #file: SyncAccessHandle;
  /** The first piece, which waits for another one: until then nothing was recorded. */
  #head: Uint8Array | null = null;
  #size = 0;
  #isOpen = true;

  constructor(name: string, file: SyncAccessHandle, codec: CompressionCodec) {
    this.#name = name;
    this.#file = file;
    this.codec = codec;
  }

  create(): RecordingDraft {
    return this;
  }

  write(bytes: Uint8Array): void {
    if (this.#size === 0 && this.#head === null) {
      this.#head = bytes.slice();
      return;
    }
    this.#begin();
    this.#put(bytes);
  }

  #begin(): void {
    const head = this.#head;
    if (head === null) return;
    this.#head = null;
    this.#told(() => this.#file.truncate(0));
    this.#put(head);
  }

  #put(bytes: Uint8Array): void {
    this.#told(() => writeAll(this.#file, bytes, this.#size));
    this.#size += bytes.length;
  }

  close(): void {
    this.#begin();
    this.#told(() => this.#file.flush());
    this.release();
  }

  discard(): void {
    this.release();
  }

  release(): void {
    if (this.#isOpen) this.#file.close();
    this.#isOpen = false;
  }

  #told(act: () => void): void {
    try {
      act();
    } catch (error) {
      const isFull = (error as Error).name === "QuotaExceededError";
      const why = isFull ? "the browser gives the origin no more room" : (error as Error).message;
      const data = { path: this.#name, code: isFull ? "ENOSPC" : "EIO" };
      throw new StratosError("file", `${this.#name}: ${why}`, data, { cause: error });
    }
  }
}

function toldFailure(name: string, error: unknown): unknown {
  const failed = (why: string): StratosError =>
    new StratosError("recording", `${name}: ${why}`, { path: name }, { cause: error });
  if (error instanceof RecordingError || error instanceof UnfitImageError) return failed(error.message);
  if (error instanceof ReplayError) return failed(`the replay went another way: ${error.message}`);
  return error;
}

function wrong(option: string, expected: string, cause?: unknown): StratosError<"option"> {
  return new StratosError("option", `${option}: ${expected} is expected`, { option }, { cause });
}
