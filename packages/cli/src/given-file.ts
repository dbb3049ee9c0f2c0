/** A file that the command line names. */
import { readFileSync } from "node:fs";
import { CommandError, hostReason } from "./command-error.ts";

/** @throws CommandError that names it */
export function readGivenFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new CommandError(path, hostReason(error), { cause: error });
  }
}
