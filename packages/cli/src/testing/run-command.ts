/**
 * Runs a command line in this process, for tests: what it prints is caught, what others print meanwhile (the test
 * runner) passes.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { rmSync } from "node:fs";
import { runCli } from "../run-cli.ts";
import { testFolder } from "./test-folder.ts";

export interface CommandResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

// What commands write down of the volumes of tests is nobody's business.
if (process.env["STRATOS_HOME"] === undefined) {
  const home = testFolder("stratos-home");
  process.env["STRATOS_HOME"] = home;
  process.on("exit", () => rmSync(home, { recursive: true, force: true }));
}

const inCommand = new AsyncLocalStorage<true>();

export async function runCommand(...args: readonly string[]): Promise<CommandResult> {
  const written = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  const originals = { stdout: process.stdout.write, stderr: process.stderr.write };
  for (const name of ["stdout", "stderr"] as const) {
    process[name].write = ((bytes: string | Uint8Array, ...rest: unknown[]): boolean => {
      if (inCommand.getStore() !== true)
        return Reflect.apply(originals[name], process[name], [bytes, ...rest]) as boolean;
      written[name].push(Buffer.from(bytes as string));
      for (const callback of rest) if (typeof callback === "function") process.nextTick(callback as () => void);
      return true;
    }) as typeof process.stdout.write;
  }
  try {
    const status = await inCommand.run(true, () => runCli(args));
    return {
      status,
      stdout: Buffer.concat(written.stdout).toString("utf8"),
      stderr: Buffer.concat(written.stderr).toString("utf8"),
    };
  } finally {
    for (const name of ["stdout", "stderr"] as const) process[name].write = originals[name];
  }
}
