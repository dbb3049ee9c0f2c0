/** A file of rules of failures. */
import { parseOwnRules } from "@stratos/hub";
import { CommandError } from "../command-error.ts";
import { readGivenFile } from "../given-file.ts";

/** @throws CommandError that names the rule */
export function readFailureRules(file: string): ReturnType<typeof parseOwnRules> {
  const text = readGivenFile(file).toString("utf8");
  try {
    return parseOwnRules(text);
  } catch (error) {
    throw new CommandError(file, (error as Error).message, { cause: error });
  }
}
