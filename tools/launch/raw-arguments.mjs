/**
 * Arguments and variables are bytes, and Node decodes them as UTF-8: what is not UTF-8 would be lost on the way to the
 * Node that we become. Then the kernel's copies of our command line and environment go along in the environment
 * (`packages/cli/src/started-with.ts` takes them from there).
 */
import { readFileSync } from "node:fs";

export function keepRawArguments() {
  if (process.argv.some(isInexact)) keep("STRATOS_COMMAND_LINE", "cmdline");
  if (Object.values(process.env).some(isInexact)) keep("STRATOS_ENVIRONMENT", "environ");
}

function isInexact(text) {
  return text.includes("\ufffd");
}

function keep(variable, file) {
  try {
    process.env[variable] = readFileSync(`/proc/self/${file}`).toString("base64");
  } catch {
    // A host without /proc: they arrive as Node has decoded them.
  }
}
