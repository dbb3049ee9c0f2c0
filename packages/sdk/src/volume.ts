import type { ImageInfo, OpenImageOptions, OpenVolumeOptions } from "./api.ts";
import { RemoteFiles, RemoteHandle } from "./remote-files.ts";
import type { EngineSource } from "./sandbox.ts";

/** An AegisFS volume that is open; an image is one that is not changed. */
export class Volume extends RemoteFiles {
  readonly #handle: RemoteHandle;

  constructor(handle: RemoteHandle) {
    super(handle);
    this.#handle = handle;
  }

  /** Makes what was changed durable. @throws StratosError of kind volume */
  async sync(): Promise<void> {
    const { engine, target } = this.#handle.use();
    await engine.call("sync", { target }).answer;
  }

  /** Makes what was changed durable, and lets go. Calling it again does nothing. @throws StratosError of kind volume */
  close(): Promise<void> {
    return this.#handle.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** An image's root, to be read. */
export class Image extends Volume {
  readonly info: ImageInfo;

  constructor(handle: RemoteHandle, info: ImageInfo) {
    super(handle);
    this.info = info;
  }
}

export async function openRemoteVolume(
  engines: EngineSource,
  path: string,
  options: OpenVolumeOptions,
): Promise<Volume> {
  const { engine, release } = engines.acquire("shared");
  try {
    const { readOnly, passphrase, signal } = options;
    const { value } = await engine.call("open-volume", { path, readOnly, passphrase }, { signal }).answer;
    return new Volume(new RemoteHandle("volume", engine, value as number, release));
  } catch (error) {
    release();
    throw error;
  }
}

export async function openRemoteImage(
  engines: EngineSource,
  name: string | undefined,
  options: OpenImageOptions,
): Promise<Image> {
  const { engine, release } = engines.acquire("shared");
  try {
    const { home, pull, signal, onProgress } = options;
    const { value } = await engine.call(
      "open-image",
      { home, image: name, pull },
      { signal, ...(onProgress === undefined ? {} : { onProgress }) },
    ).answer;
    const { target, info } = value as { target: number; info: ImageInfo };
    return new Image(new RemoteHandle("image", engine, target, release), info);
  } catch (error) {
    release();
    throw error;
  }
}
