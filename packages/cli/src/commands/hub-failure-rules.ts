/** A file of rules of failures. */
import { readFileSync } from "node:fs";
import { parseOwnRules } from "@stratos/hub";
import { CommandError, hostReason } from "../command-error.ts";

/** @throws CommandError that names the rule */
export function readFailureRules(file: string): ReturnType<typeof parseOwnRules> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new CommandError(file, hostReason(error), { cause: error });
  }
  try {
    return parseOwnRules(text);
  } catch (error) {
    throw new CommandError(file, (error as Error).message, { cause: error });
  }
}
