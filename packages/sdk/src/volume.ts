import type {
  ImageInfo,
  ImagePlace,
  OpenedVolume,
  OpenImageOptions,
  OpenVolumeOptions,
  SignalOption,
  VolumeOpening,
  VolumePlace,
} from "./api.ts";
import { checkOptions, FILE } from "./check-options.ts";
import { abortReason, type EngineClient } from "./engine-client.ts";
import { RemoteFiles, RemoteHandle } from "./remote-files.ts";

export interface CommonEngine {
  /** One that all volumes and images are open in which are no sandbox's. */
  common(): { engine: EngineClient; release(): void };
}

/** Files that are open, those of a volume or of an image. */
class OpenFiles {
  readonly fs: RemoteFiles;
  protected readonly handle: RemoteHandle;

  constructor(handle: RemoteHandle) {
    this.fs = new RemoteFiles(handle);
    this.handle = handle;
  }

  /** Makes what was changed durable, and lets go. Calling it again does nothing. @throws StratosError of kind volume */
  close(): Promise<void> {
    return this.handle.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** An AegisFS volume that is open. */
export class Volume extends OpenFiles implements OpenedVolume {
  readonly #opening: VolumeOpening;

  constructor(handle: RemoteHandle, opening: VolumeOpening) {
    super(handle);
    this.#opening = opening;
  }

  /** Makes what was changed durable. @throws StratosError of kind volume */
  async sync(options: SignalOption = {}): Promise<void> {
    checkOptions(options, FILE);
    const { signal } = options;
    const { engine, target } = this.handle.use();
    await engine.call("sync", { target }, { signal }).answer;
  }

  /** @internal Closes it here, for who opens it anew. @throws StratosError of kind closed or volume */
  async handOver(): Promise<VolumeOpening> {
    this.handle.use();
    await this.handle.close();
    return this.#opening;
  }
}

/** An image's root, to be read. */
export class Image extends OpenFiles {
  readonly info: ImageInfo;

  constructor(handle: RemoteHandle, info: ImageInfo) {
    super(handle);
    this.info = info;
  }
}

export async function openRemoteVolume(
  engines: CommonEngine,
  place: VolumePlace,
  options: OpenVolumeOptions,
): Promise<Volume> {
  const { engine, release } = engines.common();
  try {
    const { readOnly, passphrase, signal } = options;
    if (signal?.aborted === true) throw abortReason(signal);
    const path = engine.place(place, "path");
    const { value } = await engine.call("open-volume", { path, readOnly, passphrase }, { signal }).answer;
    return new Volume(new RemoteHandle("volume", engine, value as number, release), { place, ...options });
  } catch (error) {
    release();
    throw error;
  }
}

export async function openRemoteImage(
  engines: CommonEngine,
  place: ImagePlace | undefined,
  options: OpenImageOptions,
): Promise<Image> {
  const { engine, release } = engines.common();
  try {
    const { home, pull, signal, onProgress } = options;
    if (signal?.aborted === true) throw abortReason(signal);
    const image = place === undefined ? undefined : engine.place(place, "image");
    const { value } = await engine.call(
      "open-image",
      { home, image, pull },
      { signal, ...(onProgress === undefined ? {} : { onProgress }) },
    ).answer;
    const { target, info } = value as { target: number; info: ImageInfo };
    return new Image(new RemoteHandle("image", engine, target, release), info);
  } catch (error) {
    release();
    throw error;
  }
}
