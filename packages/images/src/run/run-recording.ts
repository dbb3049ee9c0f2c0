/** The file that a run is recorded in. */
import { closeSync, fstatSync, openSync, rmSync, writeSync } from "node:fs";
import type { SocketProvider } from "@stratos/host";
import { failedAt } from "@stratos/host-node/files";
import { type HostFolder, type ProgramRequest, Recorder, type TerminalShape } from "@stratos/session";
import { ImageStore } from "../image-store.ts";

interface RecordedRun extends TerminalShape {
  /** STRATOS_HOME */
  readonly home: string;
  readonly image: string;
  /** As it was asked for. */
  readonly user: string;
  readonly seed: number;
  readonly memoryBytes: number;
  readonly harts: number;
  /** Its clock at the start, where it has that of the host. */
  readonly startMs?: number;
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
    readonly nowMs: () => number;
  },
): { readonly recorder: Recorder; close(): void } {
  const { createdAt, layers } = new ImageStore(home).require(run.image).description;
  const fd = openSync(path, "w");
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
    const recorder = new Recorder(header, { ...outside, write: (line) => writeLine(fd, path, line) });
    return { recorder, close: () => closeSync(fd) };
  } catch (error) {
    // A full disk takes the name but not the first line.
    const isEmptyFile = fstatSync(fd).isFile() && fstatSync(fd).size === 0;
    closeSync(fd);
    if (isEmptyFile) rmSync(path, { force: true });
    throw error;
  }
}

function writeLine(fd: number, path: string, line: Uint8Array): void {
  try {
    writeSync(fd, line);
  } catch (error) {
    throw failedAt(path, error);
  }
}
