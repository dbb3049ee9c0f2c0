/**
 * Arguments are bytes, and Node decodes them as UTF-8: what is not UTF-8 would be lost on the way to the Node that we
 * become. Then the kernel's copy of our command line goes along in the environment
 * (`packages/cli/src/session/raw-arguments.ts` takes it from there).
 */
import { readFileSync } from "node:fs";

export function keepRawArguments() {
  if (!process.argv.some((argument) => argument.includes("\ufffd"))) return;
  try {
    process.env.STRATOS_COMMAND_LINE = readFileSync("/proc/self/cmdline").toString("base64");
  } catch {
    // A host without /proc: the arguments arrive as Node has decoded them.
  }
}
