/** What a program names: sandboxes, images, volumes, over the engines of its host. */
import type {
  BoardOptions,
  ImagePlace,
  OpenImageOptions,
  OpenVolumeOptions,
  SandboxOptions,
  VolumePlace,
} from "./api.ts";
import { closeUnlessGone, RemoteHandle } from "./remote-files.ts";
import { type EngineSource, openSandbox, RemoteSandbox } from "./sandbox.ts";
import { type Image, openRemoteImage, openRemoteVolume, type Volume } from "./volume.ts";

let engines: EngineSource;

/** Of the host that the program runs on: called once, by the published entry. @internal */
export function useEngines(source: EngineSource): void {
  engines = source;
}

/**
 * A processor and memory that several sandboxes share, by turns, in a process (in a browser: a worker) of their own:
 * `Sandbox.create({ board })`.
 */
export class Board {
  /** @internal */
  readonly handle: RemoteHandle;

  private constructor(handle: RemoteHandle) {
    this.handle = handle;
  }

  /** @throws StratosError of kind option or engine; the reason of `signal` */
  static async create({ memoryBytes, signal }: BoardOptions = {}): Promise<Board> {
    const { engine, release } = engines.acquire("process");
    try {
      const { value } = await engine.call("create-board", { memoryBytes }, { signal }).answer;
      return new Board(new RemoteHandle("board", engine, value as number, release));
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Ends all that run on it. Calling it again does nothing. */
  async close(): Promise<void> {
    await closeUnlessGone(this.handle);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** A machine that runs programs. */
export class Sandbox extends RemoteSandbox {
  private constructor(handle: RemoteHandle, options: SandboxOptions) {
    super(handle, engines, options);
  }

  /**
   * Starts a machine over a clone of an image.
   *
   * @throws StratosError of kind no-image (see `pull`), image, option, mount, volume, in-use or engine; the reason of
   *   `signal`
   */
  static async create(options: SandboxOptions = {}): Promise<Sandbox> {
    return new Sandbox(await openSandbox(engines, options), options);
  }
}

/**
 * Opens an image's root for reading.
 *
 * @param image  default: the settings' image, else `debian`; none in a browser
 * @throws StratosError of kind no-image, image, option, in-use or engine
 */
export function openImage(image?: ImagePlace, options: OpenImageOptions = {}): Promise<Image> {
  return openRemoteImage(engines, image, options);
}

/** Opens an AegisFS volume. @throws StratosError of kind volume, option, in-use or engine */
export function openVolume(place: VolumePlace, options: OpenVolumeOptions = {}): Promise<Volume> {
  return openRemoteVolume(engines, place, options);
}
