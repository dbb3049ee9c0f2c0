/** All scripts of this folder. */
import type { ProgramCase } from "../support/compare.ts";
import { COREUTILS_CASES } from "./coreutils.ts";
import { LANGUAGE_CASES } from "./languages.ts";
import { SHELL_CASES } from "./shell.ts";
import { TOOL_CASES } from "./tools.ts";

export const PROGRAM_CASES: readonly ProgramCase[] = [
  ...COREUTILS_CASES,
  ...SHELL_CASES,
  ...TOOL_CASES,
  ...LANGUAGE_CASES,
];
