/**
 * Runs this folder's programs on the Linux of this host and keeps what they print in `expected/`, which the tests
 * compare with. A program must print the same three times in a row, so that nothing that depends on the moment is kept.
 * With `--check` it writes nothing and says what differs from what is kept. Without names it takes all programs. Some
 * observe priorities: it refuses to run under nice(1).
 *
 *     npm run abi:record [-- --check] [PROGRAM ...]
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { getPriority } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { isWhole, refuseUnknown } from "../support/known-names.ts";
import { build, differences, expectedPath, programs, runOnLinux } from "./on-linux.ts";

const { values, positionals } = parseArgs({ options: { check: { type: "boolean" } }, allowPositionals: true });
const check = values.check === true;
refuseUnknown(positionals, programs, isWhole);
if (getPriority() !== 0) {
  console.error(`what is kept is of priority 0, and this process has ${getPriority()}`);
  process.exit(2);
}
mkdirSync(join(import.meta.dirname, "expected"), { recursive: true });
for (const program of positionals.length > 0 ? positionals : programs) {
  const native = build(program, "gcc");
  const output = runOnLinux(native);
  const again = differences(output, runOnLinux(native), "again") + differences(output, runOnLinux(native), "again");
  const kept =
    check && existsSync(expectedPath(program))
      ? differences(readFileSync(expectedPath(program), "latin1"), output, "now")
      : "";
  if (again !== "" || kept !== "") {
    console.error(`${program}: not the same\n${again}${kept}`);
    process.exitCode = 1;
  } else if (!check) writeFileSync(expectedPath(program), output, "latin1");
}
