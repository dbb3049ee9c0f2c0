/** The file of a recording, which is read a piece at a time as the replay goes. */
import { closeSync, existsSync, fstatSync, openSync, readFileSync } from "node:fs";
import { failedAt, readFully } from "@stratos/host-node/files";
import { OperationError } from "@stratos/operation";
import type { RecordingSource } from "@stratos/session";
import { partialRecording } from "../run/run-recording.ts";

export interface RecordingFile extends RecordingSource {
  close(): void;
}

/**
 * @param path  of a file; a pipe is read whole
 * @throws OperationError of kind recording when the run was killed that it is of, and what the host says of the file
 */
export function openRecordingFile(path: string): RecordingFile {
  const fd = openGiven(path);
  let isOpen = true;
  const close = (): void => {
    if (isOpen) closeSync(fd);
    isOpen = false;
  };
  try {
    const stat = fstatSync(fd);
    if (stat.isFile()) return { size: stat.size, read: (position, into) => readFully(fd, into, position), close };
    const bytes = readFileSync(fd);
    const read = (position: number, into: Uint8Array): number => bytes.copy(into, 0, position, position + into.length);
    return { size: bytes.length, read, close };
  } catch (error) {
    close();
    throw failedAt(path, error);
  }
}

function openGiven(path: string): number {
  try {
    return openSync(path, "r");
  } catch (error) {
    const partial = partialRecording(path);
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || !existsSync(partial)) throw failedAt(path, error);
    throw new OperationError(
      "recording",
      path,
      `is not there: its run was killed, or goes on; ${partial} can be repeated as far as it goes`,
      { cause: error },
    );
  }
}
