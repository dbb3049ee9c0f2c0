/** What an engine needs of the computer that it is on. */
import type { Volume } from "@stratos/aegisfs";
import type {
  Clock,
  CodeArchive,
  CompressionCodec,
  MachinePorts,
  MemoryBlockDevice,
  SocketProvider,
} from "@stratos/host";
import type { GuestUser, HostFolder, ImageReads, MachineSession, Recording, Timeline } from "@stratos/session";
import type { ImageInfo, ImageProgress, Mount, PortMapping, RecordingPosition } from "./api.ts";
import type { OpenImageRequest, OpenRecordingRequest, OpenVolumeRequest, Place } from "./protocol.ts";
import type { TlsHost } from "./tls-gateway.ts";
import type { ForkedImage } from "./sandbox-machine.ts";

/** Work that takes long: what it has reached, and whether it is still wanted. */
export interface Work {
  onProgress(progress: ImageProgress): void;
  /** @throws when the caller has cancelled it */
  check(): void;
}

export interface OpenedRoot {
  readonly volume: Volume;
  /** What was not synced is lost. */
  close(): void;
}

/** A clone to run in: how much may be changed, and what a saved machine had changed already. */
export interface CloneUse {
  readonly cloneBytes: number;
  readonly changes: MemoryBlockDevice | null;
  /** Notes what is read of the image. */
  readonly reads?: ImageReads;
}

/** A machine that its host keeps by itself, for a sandbox to go on from. */
export interface KeepableMachine {
  /**
   * What `Sandbox.create` takes as `state`, but for files that stay where they are (OpenedImage.outlivesSandbox).
   * Between the pieces nothing of it may run.
   *
   * @param streams  that programs hold of the host's beside those of the channel, by name
   * @throws StateError, SessionError
   */
  saveInPieces(streams: ReadonlyMap<string, object>): Generator<void, Uint8Array>;
}

/** Failures are StratosErrors. */
export interface EngineHost {
  readonly ports: MachinePorts;
  readonly clock: Clock;
  /** Where translations are kept from run to run; absent, or undefined: nowhere. */
  codeArchive?(home: string | undefined): CodeArchive | undefined;
  /** A clone of the image to run in, whose changes stay in memory; or, for reading, the image itself. */
  openImage(request: OpenImageRequest, use: CloneUse | "read", work: Work): Promise<OpenedImage>;
  openVolume(request: OpenVolumeRequest): OpenedRoot | Promise<OpenedRoot>;
  openNetwork(ports: readonly PortMapping[]): SocketProvider;
  /** Ends programs' TLS where secrets are to be put in. Absent: what programs encrypt stays theirs. */
  readonly tls?: TlsHost;
  hostFolders(mounts: readonly Mount[]): HostFolder[];
  /** Where checkpoints are kept; absent: the host has no files for them. */
  readonly checkpoints?: CheckpointFiles;
  /** Where runs are recorded; absent: the host has no place for them. */
  readonly recordings?: RecordingFiles;
  /** Memory for a saved sandbox, all zero; absent: of the ordinary heap. */
  savedBytes?(length: number): Uint8Array;
  /** Services of the host go on in a machine that does: `machineMade` begins them, and says `endServices` then. */
  readonly keepsServices?: boolean;
  /** A sandbox's machine was made and has run nothing yet: the host may serve its programs. Absent: it does not. */
  machineMade?(session: MachineSession, keeping: KeepableMachine): void;
  /** What makes displays for programs of machines; absent: the host has none. */
  displays?(): Promise<OpenDisplay>;
  /** A call that named these has ended: what nobody has opened of them never will be. Absent: nothing is attached. */
  dropAttached?(numbers: readonly number[]): void;
}

/**
 * In a machine that has run nothing yet, or that goes on: then the display does, too.
 *
 * @throws SessionError
 */
export type OpenDisplay = (session: MachineSession, user: GuestUser) => MachineDisplay;

/** For the programs of a machine, and for viewers from outside. */
export interface MachineDisplay {
  /** What programs need to find it. */
  readonly environment: Readonly<Record<string, string>>;
  /** All programs that it shows would go on where the machine is saved now. */
  readonly isAtRest: boolean;
  /** @param mayAct  false: it only looks */
  connect(
    viewer: { send(message: string | Uint8Array): void; close(): void },
    mayAct: boolean,
  ): { take(text: string, isHeard?: boolean): void; leave(): void };
  close(): void;
}

/** Files of the host that hold checkpoints. Failures are StratosErrors. */
export interface CheckpointFiles {
  readonly codec: CompressionCodec;
  read(path: string): Uint8Array;
  /**
   * Makes the file, which appears under its name when it is whole and durable. It asks for the next piece from the
   * event loop.
   *
   * @returns bytes written
   */
  write(path: string, pieces: Iterable<Uint8Array>): Promise<number>;
}

/** Files of the host that hold recordings. Failures are StratosErrors. */
export interface RecordingFiles {
  /** Before there is anything to be recorded. */
  reserve(place: Place): Promise<ReservedRecording>;
  /** At its beginning. */
  open(request: OpenRecordingRequest): Promise<OpenedRecording>;
}

/** A file that will hold a recording. */
export interface ReservedRecording {
  readonly codec: CompressionCodec;
  /** Once. */
  create(): RecordingDraft;
  /** Of one that was never created, or is closed. */
  release(): void;
}

export interface RecordingDraft {
  write(bytes: Uint8Array): void;
  /** @param isWhole  it gets its name */
  close(isWhole: boolean): void;
  /** What was there before is there. */
  discard(): void;
}

export interface OpenedRecording {
  readonly recording: Recording;
  readonly timeline: Timeline;
  /** What was written until the farthest place, in order, up to where the timeline stands and beyond. */
  readonly output: readonly { readonly stream: 1 | 2; readonly bytes: Uint8Array }[];
  /** @returns false: it ends before; then it stands at its end. @throws StratosError */
  seek(to: RecordingPosition): Promise<boolean>;
  close(): void;
}

export interface OpenedImage extends OpenedRoot {
  /** Equal for images of equal content only; absent: nobody knows. */
  readonly identity?: string;
  /** Names the content of the image's layers, on every computer alike; absent: nobody knows. */
  readonly content?: () => string;
  readonly info: ImageInfo;
  /** How many layers it has; absent: nobody records what runs on it. */
  readonly layers?: number;
  /** Where the changes of a clone are; null: it is no clone. */
  readonly changes: MemoryBlockDevice | null;
  /** It is nobody's clone, and stays: nothing is added to remember how its files were at the beginning. */
  readonly outlivesSandbox?: boolean;
  /** One with the same changes, as far as they were committed. Absent: no machine on it can be forked. */
  fork?(): ForkedImage;
}
