/**
 * Variables of our own environment. Node decodes them as the arguments (`session/raw-arguments.ts`): what is not
 * UTF-8 is U+FFFD in them, and would reach a program as another value.
 */
import { InvalidArgumentError } from "commander";
import { byteString, isUtf8, utf8ToByteString } from "@stratos/base";
import { startedWith } from "./started-with.ts";

/** @param advice  what to do instead @throws InvalidArgumentError for a value that is not UTF-8 */
export function givenVariable(name: string, advice = ""): string | undefined {
  const value = process.env[name];
  if (value === undefined || !value.includes("\ufffd")) return value;
  if (!isExact(startedWith("STRATOS_ENVIRONMENT", "environ"), name))
    throw new InvalidArgumentError(`the value of ${name} is not UTF-8${advice}`);
  return value;
}

/** @param all  what /proc/self/environ holds: each setting with a zero byte after it; null where there is none */
export function isExact(all: Uint8Array | null, name: string): boolean {
  if (all === null) return true;
  const start = `${utf8ToByteString(name)}=`;
  const setting = byteString(all)
    .split("\0")
    .find((bytes) => bytes.startsWith(start));
  return setting === undefined || isUtf8(setting);
}
