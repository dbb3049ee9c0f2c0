/** What an engine needs of a page's worker. */
import type { Volume } from "@stratos/aegisfs";
import type { BlockDevice, Clock, MachinePorts, SocketProvider } from "@stratos/host";
import {
  blobDevice,
  browserClock,
  browserPorts,
  type ClosingDevice,
  MissingImageError,
  OpfsBlockDevice,
  openBlobImage,
  openVolumeOn,
  openWebImage,
  REFUSED_PORTS,
  type SyncAccessHandle,
} from "@stratos/host-browser";
import type {
  CloneUse,
  EngineHost,
  OpenedImage,
  OpenedRoot,
  OpenImageRequest,
  OpenVolumeRequest,
  RecordingFiles,
} from "@stratos/sdk";
import {
  type BlobLike,
  type FileHandleLike,
  type ImageInfo,
  type Mount,
  type PortMapping,
  StratosError,
} from "@stratos/sdk/api";
import type { HostFolder } from "@stratos/session";
import { BrowserRecordings } from "./browser-recordings.ts";

/** The handle of a file, in a worker; only files of the origin's own can be opened so. */
interface WorkerFileHandle extends FileHandleLike {
  createSyncAccessHandle(): Promise<SyncAccessHandle>;
}

/** Who reads an image changes nothing: room for the engine's own records. */
const READ_BYTES = 1 << 22;

export class BrowserEngineHost implements EngineHost {
  readonly clock: Clock = browserClock;
  readonly recordings: RecordingFiles;
  readonly #zstdUrl: string;
  /** By number, until they are opened, or the call that names them has ended. */
  readonly #attached = new Map<number, object>();

  /** @param zstdUrl  where zstd.wasm is served */
  constructor(zstdUrl: string) {
    this.#zstdUrl = zstdUrl;
    this.recordings = new BrowserRecordings({ zstdUrl, take: (numbers) => this.#take(numbers) });
  }

  get ports(): MachinePorts {
    return browserPorts();
  }

  /** Objects of the page, named by later requests. */
  attach(number: number, object: object): void {
    this.#attached.set(number, object);
  }

  dropAttached(numbers: readonly number[]): void {
    for (const number of numbers) this.#attached.delete(number);
  }

  #take<T>(numbers: readonly number[]): T[] {
    return numbers.map((number) => {
      const object = this.#attached.get(number);
      this.#attached.delete(number);
      return object as T;
    });
  }

  async openImage({ image, pull }: OpenImageRequest, use: CloneUse | "read"): Promise<OpenedImage> {
    if (image === undefined)
      throw new StratosError("option", "image: a URL or the layers are expected", { option: "image" });
    if (pull !== undefined && pull !== false)
      throw new StratosError("option", "pull: a page cannot make images", { option: "pull" });
    const name = typeof image === "string" ? image : "layers";
    const options = {
      ...(use === "read"
        ? { changesBytes: READ_BYTES, readOnly: true }
        : { changesBytes: use.cloneBytes, changes: use.changes, ...watchOf(use) }),
      zstdUrl: this.#zstdUrl,
    };
    try {
      const opened =
        typeof image === "string"
          ? await openWebImage(image, options)
          : await openBlobImage(this.#take<BlobLike>(image), options);
      const { volume, changes } = opened;
      const clone = changes === null ? { changes } : { changes, fork: () => opened.fork() };
      return { ...clone, volume, close: () => {}, layers: opened.layers.length, info: infoOf(name, opened) };
    } catch (error) {
      const kind = error instanceof MissingImageError ? "no-image" : "image";
      throw new StratosError(kind, (error as Error).message, { image: name }, { cause: error });
    }
  }

  async openVolume({ path, readOnly = false, passphrase }: OpenVolumeRequest): Promise<OpenedRoot> {
    if (typeof path === "string")
      throw new StratosError("option", "path: handles of files are expected", { option: "path" });
    const files = this.#take<FileHandleLike | BlobLike>(path);
    const name = files.map((file) => ("name" in file ? file.name : "blob")).join(",");
    const devices: ClosingDevice[] = [];
    try {
      for (const file of files) devices.push(await deviceOf(file, name, readOnly));
      return await openVolumeOn(devices, {
        readOnly,
        zstdUrl: this.#zstdUrl,
        ...(passphrase === undefined ? {} : { passphrase }),
      });
    } catch (error) {
      for (const device of devices) device.close();
      if (error instanceof StratosError) throw error;
      throw new StratosError("volume", `${name}: ${(error as Error).message}`, { path: name }, { cause: error });
    }
  }

  openNetwork(_ports: readonly PortMapping[]): SocketProvider {
    throw new StratosError("option", REFUSED_PORTS.sockets, { option: "network" });
  }

  hostFolders(mounts: readonly Mount[]): HostFolder[] {
    const [first] = mounts;
    if (first !== undefined) throw new StratosError("mount", REFUSED_PORTS.folders, { place: first.host });
    return [];
  }
}

function watchOf({ reads }: CloneUse): { watch?: (layers: readonly BlockDevice[]) => readonly BlockDevice[] } {
  return reads === undefined ? {} : { watch: (layers) => reads.watch(layers) };
}

async function deviceOf(file: FileHandleLike | BlobLike, name: string, readOnly: boolean): Promise<ClosingDevice> {
  if (readOnly) return blobDevice("kind" in file ? await file.getFile() : file);
  const fail = (kind: "volume" | "in-use", why: string, cause?: unknown): StratosError =>
    new StratosError(kind, `${name}: ${why}`, { path: name }, { cause });
  if (!("kind" in file)) throw fail("volume", "what is no file of the origin can be read only (`readOnly`)");
  try {
    return new OpfsBlockDevice(await (file as WorkerFileHandle).createSyncAccessHandle());
  } catch (error) {
    if ((error as Error).name === "NoModificationAllowedError") throw fail("in-use", "it is open elsewhere", error);
    throw fail("volume", "it is no file of the origin's own, and can be read only (`readOnly`)", error);
  }
}

/** What the image's description says, as far as it has one. */
function infoOf(
  name: string,
  { description, sizeBytes }: { readonly volume: Volume; readonly description: object; readonly sizeBytes: number },
): ImageInfo {
  const { architecture = "riscv64", suite = null, createdAt = "", packages = [] } = description as Partial<ImageInfo>;
  return { name, architecture, suite, createdAt, packages, sizeBytes };
}
