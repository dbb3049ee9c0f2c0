/**
 * Stratos for programs: `import { Sandbox, openImage, openVolume } from "stratos"`, on Node 20 or later.
 *
 * Machines run in processes of the machine's own Node (docs/decisions/0016-machines-of-the-library.md): nothing of the
 * host's process is changed, and its event loop stays free. A process ends when nothing is open in it any more, or when
 * the host's ends.
 */
import {
  Image,
  type ImagePlace,
  type OpenImageOptions,
  openRemoteImage,
  openRemoteVolume,
  openSandbox,
  type OpenVolumeOptions,
  type RemoteHandle,
  RemoteSandbox,
  type SandboxOptions,
  Volume,
  type VolumePlace,
} from "@stratos/sdk/client";
import { EngineProcesses } from "./engine-process.ts";

export * from "@stratos/sdk/api";
export { Image, Volume };

const engines = new EngineProcesses();

/** A machine that runs programs. */
export class Sandbox extends RemoteSandbox {
  private constructor(handle: RemoteHandle, options: SandboxOptions) {
    super(handle, options);
  }

  /**
   * Starts a machine over a clone of an image.
   *
   * @throws StratosError of kind no-image (see `pull`), image, option, mount, in-use or engine; the reason of `signal`
   */
  static async create(options: SandboxOptions = {}): Promise<Sandbox> {
    return new Sandbox(await openSandbox(engines, options), options);
  }
}

/**
 * Opens an image's root for reading.
 *
 * @param image  default: the settings' image, else `debian`
 * @throws StratosError of kind no-image, image, in-use or engine
 */
export function openImage(image?: ImagePlace, options: OpenImageOptions = {}): Promise<Image> {
  return openRemoteImage(engines, image, options);
}

/**
 * Opens an AegisFS volume: a file or block device, or several as `A,B,C`.
 *
 * @throws StratosError of kind volume, in-use or engine
 */
export function openVolume(place: VolumePlace, options: OpenVolumeOptions = {}): Promise<Volume> {
  return openRemoteVolume(engines, place, options);
}
