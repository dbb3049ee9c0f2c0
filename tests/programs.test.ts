/**
 * Goal: Debian's own programs do in Stratos what they do on Linux. Method: each script runs under `stratos run` and,
 * from the same root, under qemu-user; output, errors and exit status must be equal. Scripts print nothing that depends
 * on time, process numbers or the host.
 */
import { compareWithJudge } from "./support/compare.ts";
import { COREUTILS_CASES } from "./programs/coreutils.ts";
import { LANGUAGE_CASES } from "./programs/languages.ts";
import { SHELL_CASES } from "./programs/shell.ts";
import { TOOL_CASES } from "./programs/tools.ts";

compareWithJudge([...COREUTILS_CASES, ...SHELL_CASES, ...TOOL_CASES, ...LANGUAGE_CASES]);
