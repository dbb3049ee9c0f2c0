import type { OpenFile } from "../vfs/open-file.ts";
import type { SocketMemory } from "./socket-memory.ts";

/** Files on their way in messages, as who sends and takes them knows them (unix/in-flight-files.ts). */
export interface FilesInFlight {
  /** What waits in Unix sockets of the whole machine. */
  readonly memory: SocketMemory;
  readonly total: number;
  add(files: readonly OpenFile[]): void;
  remove(files: readonly OpenFile[]): void;
  /** A socket did: those that only messages hold are looked for, if there may be any, and emptied. */
  lostReference(socket: OpenFile): void;
}
