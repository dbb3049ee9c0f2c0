import type { OpenFile } from "../vfs/open-file.ts";

/** What execve(2) has found, `#!` followed. */
export interface OpenedProgram {
  readonly file: OpenFile;
  /** Its first bytes. */
  readonly header: Uint8Array;
  readonly argv: string[];
}
