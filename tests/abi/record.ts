/**
 * Runs this folder's programs on the Linux of this host and keeps what they print in `expected/`, which the tests
 * compare with. A program must print the same three times in a row, so that nothing that depends on the moment is kept.
 * With `--check` it writes nothing and says what differs from what is kept.
 *
 * npm run abi:record [-- --check]
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build, differences, expectedPath, programs, runOnLinux } from "./on-linux.ts";

const check = process.argv.includes("--check");
const folder = mkdtempSync(join(tmpdir(), "stratos-abi-"));
try {
  mkdirSync(join(import.meta.dirname, "expected"), { recursive: true });
  for (const program of programs) {
    const native = build(program, folder, "gcc", []);
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
} finally {
  rmSync(folder, { recursive: true, force: true });
}
