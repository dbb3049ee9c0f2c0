/**
 * The bytes of our own arguments. Node decodes them as UTF-8, which loses what is not UTF-8, such as file names in
 * Latin-1; the kernel still has them.
 */
import { byteString, byteStringToUtf8, utf8ToByteString } from "@stratos/base";
import { startedWith } from "../started-with.ts";

/** `args`, which are the last ones of our command line, as byte strings. */
export function rawArguments(args: readonly string[]): string[] {
  if (args.length === 0) return [];
  return matchTail(startedWith("STRATOS_COMMAND_LINE", "cmdline"), args) ?? args.map(utf8ToByteString);
}

/** @param commandLine  what /proc/self/cmdline holds: each argument with a zero byte after it */
export function matchTail(commandLine: Uint8Array | null, args: readonly string[]): string[] | null {
  if (commandLine === null) return null;
  const all = byteString(commandLine).split("\0");
  if (all.pop() !== "" || all.length < args.length) return null;
  const tail = all.slice(all.length - args.length);
  return tail.every(
    (bytes, index) =>
      byteStringToUtf8(bytes) === args[index] || Buffer.from(bytes, "latin1").toString("utf8") === args[index],
  )
    ? tail
    : null;
}
