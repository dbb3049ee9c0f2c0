/**
 * Stratos for programs: `import { Sandbox, openImage, openVolume } from "stratos"`, on Node 20 or later.
 *
 * Machines run in processes of the machine's own Node (docs/decisions/0016-machines-of-the-library.md): nothing of the
 * host's process is changed, and its event loop stays free. A process ends when nothing is open in it any more, or when
 * the host's ends.
 */
import {
  type BoardOptions,
  Image,
  openBoard,
  type OpenImageOptions,
  openRemoteImage,
  openRemoteVolume,
  openSandbox,
  type OpenVolumeOptions,
  RemoteBoard,
  type RemoteHandle,
  RemoteSandbox,
  type SandboxOptions,
  Volume,
} from "@stratos/sdk/client";
import { EngineProcesses } from "./engine-process.ts";

export * from "@stratos/sdk/api";
export { Image, Volume };

const engines = new EngineProcesses();

/** A processor and memory that several sandboxes share, by turns, in a process of their own. */
export class Board extends RemoteBoard {
  private constructor(handle: RemoteHandle) {
    super(handle);
  }

  /** @throws StratosError of kind option or engine; the reason of `signal` */
  static async create(options: BoardOptions = {}): Promise<Board> {
    return new Board(await openBoard(engines, options));
  }
}

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
 * @param name  default: the settings' image, else `debian`
 * @throws StratosError of kind no-image, image, in-use or engine
 */
export function openImage(name?: string, options: OpenImageOptions = {}): Promise<Image> {
  return openRemoteImage(engines, name, options);
}

/**
 * Opens an AegisFS volume: a file or block device, or several as `A,B,C`.
 *
 * @throws StratosError of kind volume, in-use or engine
 */
export function openVolume(path: string, options: OpenVolumeOptions = {}): Promise<Volume> {
  return openRemoteVolume(engines, path, options);
}
