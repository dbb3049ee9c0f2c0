/**
 * Passphrases of this command: from the environment, a file or the terminal, asked for once. A command that runs in the
 * process that serves the volume has those that its caller was given.
 */
import { readFileSync } from "node:fs";
import { environmentPassphrase } from "@stratos/tools-node/volumes";
import { OperationError } from "@stratos/operation";
import { callContext } from "./call-context.ts";
import { promptPassphrase } from "./passphrase-prompt.ts";

/** The present passphrase of a volume. @throws OperationError when there is none */
export function presentPassphrase(path: string): Uint8Array {
  const present = (callContext.present ??=
    (callContext.caller === null ? environmentPassphrase() : null) ?? promptPassphrase(`Passphrase of ${path}: `));
  if (present === null)
    throw new OperationError(
      "volume",
      path,
      "a passphrase is needed: STRATOS_PASSPHRASE_FILE names a file with it, or give it on a terminal",
    );
  return present;
}

/** A new one, from the first line of a file, or twice from the terminal. @throws OperationError when there is none */
export function freshPassphrase(path: string, file: string | undefined): Uint8Array {
  if (callContext.fresh !== null) return callContext.fresh;
  if (file !== undefined) {
    const text = readFileSync(file);
    const end = text.indexOf(10);
    const given = end < 0 ? text : text.subarray(0, end);
    if (given.length === 0) throw new OperationError("volume", file, "its first line, the new passphrase, is empty");
    return (callContext.fresh = given);
  }
  const typed = promptPassphrase(`New passphrase of ${path}: `);
  if (typed === null || typed.length === 0)
    throw new OperationError(
      "volume",
      path,
      "a new passphrase is needed: --new-file names a file with it, or give it on a terminal",
    );
  const again = promptPassphrase("The same again: ");
  if (again === null || Buffer.compare(typed, again) !== 0)
    throw new OperationError("volume", path, "the two passphrases differ");
  return (callContext.fresh = typed);
}
