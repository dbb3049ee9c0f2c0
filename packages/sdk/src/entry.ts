/** What a program names: sandboxes, images, volumes, over the engines of its host. */
import {
  StratosError,
  type BlobLike,
  type BoardOptions,
  type ConnectOptions,
  type HomeOptions,
  type ImagePlace,
  type OpenBoard,
  type OpenImageOptions,
  type OpenRecordingOptions,
  type OpenVolumeOptions,
  type ProgramOptions,
  type RecordingFile,
  type ResumeOptions,
  type SandboxOptions,
  type SystemView,
  type VolumePlace,
} from "./api.ts";
import {
  BOARD,
  checkOptions,
  checkPlace,
  checkText,
  CONNECT,
  LIST,
  OPEN_IMAGE,
  OPEN_RECORDING,
  OPEN_VOLUME,
  REMOVE,
  RESUME,
  SANDBOX,
} from "./check-options.ts";
import {
  connectSystem,
  listSystems,
  type OpenedSystem,
  removeSystem,
  resumeSystem,
  startSystem,
  unnamedCheckpoint,
} from "./named-sandbox.ts";
import { onEngine, openSandbox } from "./open-sandbox.ts";
import { openRemoteRecording, type RunRecording } from "./recording.ts";
import { closeUnlessGone, RemoteHandle } from "./remote-files.ts";
import { type EngineSource, RemoteSandbox } from "./sandbox.ts";
import { type Image, openRemoteImage, openRemoteVolume, type Volume } from "./volume.ts";

let engines: EngineSource;

/** Of the host that the program runs on: called once, by the published entry. @internal */
export function useEngines(source: EngineSource): void {
  engines = source;
}

/**
 * A processor and memory that several sandboxes share, by turns, in a thread or process of their own:
 * `Sandbox.create({ board })`.
 */
export class Board implements OpenBoard {
  /** @internal */
  readonly handle: RemoteHandle;

  private constructor(handle: RemoteHandle) {
    this.handle = handle;
  }

  /** @throws StratosError of kind option or engine; the reason of `signal` */
  static async create(options: BoardOptions = {}): Promise<Board> {
    checkOptions(options, BOARD);
    const { memoryBytes, home, codeCache, isolation, signal } = options;
    return onEngine(engines.acquire(isolation), async (engine, release) => {
      const { value } = await engine.call("create-board", { memoryBytes, home, codeCache }, { signal }).answer;
      return new Board(new RemoteHandle("board", engine, value as number, release));
    });
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
  private constructor(
    handle: RemoteHandle,
    defaults: ProgramOptions,
    { system = null, mayHold = false }: { readonly system?: OpenedSystem | null; readonly mayHold?: boolean } = {},
  ) {
    super(handle, engines, defaults, system);
    this.mayHold = mayHold;
  }

  static #of(system: OpenedSystem, defaults: ProgramOptions): Sandbox {
    return new Sandbox(system.handle, defaults, { system });
  }

  /**
   * Starts a machine over a clone of an image.
   *
   * @throws StratosError of kind no-image (see `pull`), image, option, mount, volume, in-use or engine; of kind system
   *   when there is one of the `name`; the reason of `signal`
   */
  static async create(options: SandboxOptions = {}): Promise<Sandbox> {
    const { name } = options ?? {};
    if (name === undefined) {
      const handle = await openSandbox(engines, options);
      return new Sandbox(handle, options, { mayHold: options.keepsPrograms === true });
    }
    checkOptions(options, SANDBOX);
    if (options.record !== undefined)
      throw new StratosError("option", "record: not of a named system", { option: "record" });
    const findImage = async (): Promise<string> => {
      const image = await openRemoteImage(engines, options.image, options);
      await image.close();
      return image.info.name;
    };
    return Sandbox.#of(await startSystem(engines.systems, { ...options, name }, findImage), options);
  }

  /**
   * A named system of this user that runs: of `create`, or of the command line (`stratos run -d --name`). Several
   * programs and terminals may be connected to one; one that is starting is waited for.
   *
   * @throws StratosError of kind no-system; system: it has ended, or is lost; file: others may look into the systems'
   *   folder; engine; option: a page has none
   */
  static async connect(name: string, options: ConnectOptions = {}): Promise<Sandbox> {
    checkText(name, "name");
    checkOptions(options, CONNECT);
    return Sandbox.#of(await connectSystem(engines.systems, name, options), options);
  }

  /** All named systems of this user, in the order of their names, with those that have ended. */
  static async list(options: HomeOptions = {}): Promise<SystemView[]> {
    checkOptions(options, LIST);
    return listSystems(engines.systems, options);
  }

  /**
   * Goes on with what was saved (`box.checkpoint`, `stratos checkpoint`): a named system as a new one, a sandbox
   * without a name as such; or with a named system that is paused.
   *
   * @param place  the file, as a URL or a path with a `/` in it (`./box.checkpoint`); or a name
   * @throws StratosError as for `connect`; state: the file is damaged, another version's, or of another image
   */
  static async resume(place: string | URL, options: ResumeOptions = {}): Promise<Sandbox> {
    checkPlace(place, "place");
    checkOptions(options, RESUME);
    const checkpoint = unnamedCheckpoint(engines.systems, place);
    if (checkpoint !== null) return Sandbox.#resumeUnnamed(checkpoint, options);
    return Sandbox.#of(await resumeSystem(engines.systems, place, options), options);
  }

  static async #resumeUnnamed(checkpoint: string, options: ResumeOptions): Promise<Sandbox> {
    const { name, identity = "same", ...given } = options;
    if (name !== undefined)
      throw new StratosError("option", "name: the checkpoint is of a sandbox without one", { option: "name" });
    if (identity !== "fresh" && identity !== "same")
      throw new StratosError("option", 'identity: "fresh" or "same" is expected', { option: "identity" });
    const handle = await openSandbox(engines, given, { checkpoint, identity });
    return new Sandbox(handle, given, { mayHold: given.keepsPrograms === true });
  }

  /**
   * Removes a named system, with its snapshots and what its program has written.
   *
   * @throws StratosError of kind no-system; system: it runs, and `force` was not given
   */
  static async remove(name: string, options: HomeOptions & { readonly force?: boolean } = {}): Promise<void> {
    checkText(name, "name");
    checkOptions(options, REMOVE);
    return removeSystem(engines.systems, name, options);
  }
}

/**
 * Opens an image's root for reading.
 *
 * @param image  default: the settings' image, else `debian`; none in a browser
 * @throws StratosError of kind no-image, image, option, in-use or engine
 */
export async function openImage(image?: ImagePlace, options: OpenImageOptions = {}): Promise<Image> {
  if (image !== undefined) checkPlace(image, "image");
  checkOptions(options, OPEN_IMAGE);
  return openRemoteImage(engines, image, options);
}

/** Opens an AegisFS volume. @throws StratosError of kind volume, option, in-use or engine */
export async function openVolume(place: VolumePlace, options: OpenVolumeOptions = {}): Promise<Volume> {
  checkPlace(place, "place");
  checkOptions(options, OPEN_VOLUME);
  return openRemoteVolume(engines, place, options);
}

/**
 * Opens what a program was recorded in (`Sandbox.create({ record })`, `stratos run --record`), at its beginning.
 *
 * @param file  Node: its path. Browsers: the file itself, as a `Blob` or a handle
 * @throws StratosError of kind recording: it is none, is damaged, or its run goes on; no-image; option; engine
 */
export async function openRecording(
  file: RecordingFile | BlobLike,
  options: OpenRecordingOptions = {},
): Promise<RunRecording> {
  checkPlace(file, "file");
  checkOptions(options, OPEN_RECORDING);
  return openRemoteRecording(engines, file, options);
}
