/**
 * Our own arguments, of which Node has made text: what is not UTF-8 is U+FFFD in it, and would name another file than
 * the one that was meant, or make one of another name.
 */
import { exactText, isUtf8 } from "@stratos/base";
import { UsageError } from "../command-error.ts";
import { rawArguments } from "./raw-arguments.ts";

/** Their words are places in volumes and files of the host, of which they take the bytes (`toByteString`). */
const FILE_COMMANDS = new Set(["ls", "cat", "cp", "mkdir", "rm", "mv", "ln"]);
/** What follows their options is a program's: they ask for its bytes by themselves. */
const PROGRAM_COMMANDS = new Set(["run", "trace", "check", "explore", "replay", "lisp", "fs txn", "image warm-start"]);

/** @throws UsageError for a word that is not UTF-8, and that the command would take for another one */
export function givenArguments(words: readonly string[]): readonly string[] {
  if (!words.some((word) => word.includes("\ufffd"))) return words;
  const raw = rawArguments(words);
  if (words[0] === "fs" && FILE_COMMANDS.has(words[1] ?? "")) return raw.map(exactText);
  const isForProgram = PROGRAM_COMMANDS.has(words[0]!) || PROGRAM_COMMANDS.has(words.slice(0, 2).join(" "));
  const end = isForProgram ? words.indexOf("--") : words.length;
  const index = raw.findIndex((bytes, at) => at < end && !isUtf8(bytes));
  if (index < 0) return words;
  throw new UsageError(
    words[index]!,
    "is not UTF-8, as names here have to be; a link with another name, or a folder that it lies in, can stand for it",
  );
}
