/**
 * The file that a run is recorded in. It has its name when the run has ended; until then, and for ever when the
 * recorder is killed, it is FILE.partial, which can be repeated as far as it goes.
 */
import { closeSync, openSync, realpathSync, renameSync, rmSync, statSync } from "node:fs";
import type { Volume } from "@stratos/aegisfs";
import type { EventLoop, SocketProvider } from "@stratos/host";
import { zstdCodec } from "@stratos/host-node";
import { failedAt, writeFully } from "@stratos/host-node/files";
import { type HostFolder, type ImageReads, type ProgramRequest, Recorder, type TerminalShape } from "@stratos/session";
import { ImageStore } from "../image-store.ts";

interface RecordedRun extends TerminalShape {
  /** STRATOS_HOME */
  readonly home: string;
  readonly image: string;
  /** As it was asked for. */
  readonly user: string;
  readonly seed: number;
  /** Absent: 0. */
  readonly schedule?: number;
  readonly memoryBytes: number;
  readonly harts: number;
  /** Its clock at the start, where it has that of the host. */
  readonly startMs?: number;
}

interface RunRecording {
  readonly recorder: Recorder;
  /** The run is over: the file gets its name, if the end was written. */
  close(): void;
}

/** What a recording is called until it is whole. */
export function partialRecording(path: string): string {
  return `${path}.partial`;
}

/** @throws OperationError of kind no-image, and what the host says of the file */
export function openRecording(
  path: string,
  { home, ...run }: RecordedRun,
  {
    program,
    argv,
    environment,
    workingDirectory,
    ...outside
  }: Omit<ProgramRequest, "user"> & {
    readonly folders: readonly HostFolder[];
    readonly network: SocketProvider | null;
    readonly loop: EventLoop;
    readonly image: { readonly reads: ImageReads; readonly volume: Volume };
  },
): RunRecording {
  const { createdAt, layers } = new ImageStore(home).require(run.image).description;
  const file = openDraft(path);
  const header = {
    ...run,
    program,
    argv,
    environment,
    workingDirectory,
    imageCreatedAt: createdAt,
    imageLayers: layers,
  };
  try {
    const recorder = new Recorder(header, { ...outside, codec: zstdCodec, write: (bytes) => file.write(bytes) });
    return {
      recorder,
      close: () => {
        const isEnded = recorder.isEnded;
        recorder.stop();
        if (isEnded || recorder.hasBegun) return file.close(isEnded);
        // The program could not be started: there is nothing to repeat.
        file.discard();
      },
    };
  } catch (error) {
    // A full disk takes the name but not the first piece.
    file.discard();
    throw error;
  }
}

/** The file of a recording until it has its name. */
export interface DraftFile {
  write(bytes: Uint8Array): void;
  /** @param isWhole  it gets its name */
  close(isWhole: boolean): void;
  /** What was there before is there. */
  discard(): void;
}

/** A device or a pipe is written as it stands. */
export function openDraft(path: string): DraftFile {
  const before = statSync(path, { throwIfNoEntry: false });
  const isDrafted = before === undefined || before.isFile();
  // A link stays one, and who may read the file stays as it was.
  const place = isDrafted && before !== undefined ? realpathSync(path) : path;
  const draft = isDrafted ? partialRecording(place) : place;
  const told = <T>(act: () => T): T => {
    try {
      return act();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).path === draft) (error as NodeJS.ErrnoException).path = path;
      throw failedAt(path, error);
    }
  };
  const fd = told(() => openSync(draft, "w", (before?.mode ?? 0o666) & 0o777));
  return {
    write: (bytes) => told(() => writeFully(fd, bytes)),
    close: (isWhole) => {
      closeSync(fd);
      if (isDrafted && isWhole) told(() => renameSync(draft, place));
    },
    discard: () => {
      closeSync(fd);
      if (isDrafted) rmSync(draft, { force: true });
    },
  };
}
