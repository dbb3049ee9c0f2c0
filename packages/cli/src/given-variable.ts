/**
 * Variables of our own environment. Node decodes them as the arguments (`session/raw-arguments.ts`): what is not
 * UTF-8 is U+FFFD in them, and would reach a program as another value.
 */
import { InvalidArgumentError } from "commander";
import { byteString, isUtf8, utf8ToByteString } from "@stratos/base";
import { UsageError } from "./command-error.ts";
import { startedWith } from "./started-with.ts";

/** @param advice  what to do instead @throws InvalidArgumentError for a value that is not UTF-8 */
export function givenVariable(name: string, advice = ""): string | undefined {
  const value = process.env[name];
  if (value === undefined || !value.includes("\ufffd")) return value;
  if (!isExact(startedWith("STRATOS_ENVIRONMENT", "environ"), name))
    throw new InvalidArgumentError(`the value of ${name} is not UTF-8${advice}`);
  return value;
}

/** All that is kept would be in another folder. @throws UsageError for a place of ours that is not UTF-8 */
export function checkGivenPlaces(): void {
  const home = ["STRATOS_HOME", "XDG_DATA_HOME", "HOME"].find((each) => (process.env[each] ?? "") !== "") ?? "HOME";
  const environment = (): Uint8Array | null => startedWith("STRATOS_ENVIRONMENT", "environ");
  const isOther = (each: string): boolean =>
    process.env[each]?.includes("\ufffd") === true && !isExact(environment(), each);
  const name = [home, "TMPDIR"].find(isOther);
  if (name !== undefined)
    throw new UsageError(name, "is not UTF-8, as names here have to be; a link with another name can stand for it");
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
