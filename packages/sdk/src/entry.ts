/** What a program names: sandboxes, images, volumes, over the engines of its host. */
import type { ImagePlace, OpenImageOptions, OpenVolumeOptions, SandboxOptions, VolumePlace } from "./api.ts";
import type { RemoteHandle } from "./remote-files.ts";
import { type EngineSource, openSandbox, RemoteSandbox } from "./sandbox.ts";
import { type Image, openRemoteImage, openRemoteVolume, type Volume } from "./volume.ts";

let engines: EngineSource;

/** Of the host that the program runs on: called once, by the published entry. @internal */
export function useEngines(source: EngineSource): void {
  engines = source;
}

/** A machine that runs programs. */
export class Sandbox extends RemoteSandbox {
  private constructor(handle: RemoteHandle, options: SandboxOptions) {
    super(handle, options);
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
