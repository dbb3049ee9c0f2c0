/** A person at a terminal: `script` gives Stratos a pseudo-terminal of the host. */
import assert from "node:assert/strict";
import { launcher, start } from "./stratos.ts";
import { TEST_HOME } from "./test-image.ts";

const STEP_MS = 300_000;

/**
 * A dialogue: each step waits for `expect` in what came since the last step, then sends `send`. @returns all output,
 * and the exit status
 */
export async function dialogue(
  args: readonly string[],
  steps: readonly { expect: string | RegExp; send: string }[],
  environment: Readonly<Record<string, string>> = {},
): Promise<{ output: string; status: number }> {
  const command = ["stty rows 30 cols 100;", "exec", ...[...launcher, ...args].map((word) => `'${word}'`)].join(" ");
  const child = start(["script", "-qec", command, "/dev/null"], {
    env: { STRATOS_HOME: TEST_HOME, TERM: "xterm-256color", ...environment },
  });
  let output = "",
    seen = 0;
  let changed = (): void => {};
  child.stdout!.on("data", (bytes: Buffer) => {
    output += bytes.toString("utf8");
    changed();
  });
  const closed = new Promise<number>((resolve) => child.on("close", (code) => resolve(code ?? -1)));
  try {
    for (const { expect, send } of steps) {
      const deadline = Date.now() + STEP_MS;
      for (;;) {
        const rest = output.slice(seen);
        const at = typeof expect === "string" ? rest.indexOf(expect) : rest.search(expect);
        if (at !== -1) {
          seen += at + (typeof expect === "string" ? expect.length : expect.exec(rest)![0].length);
          break;
        }
        if (Date.now() > deadline)
          throw new assert.AssertionError({ message: `no ${String(expect)} in ${JSON.stringify(rest)}` });
        await new Promise<void>((resolve) => {
          changed = resolve;
          setTimeout(resolve, 250);
        });
      }
      child.stdin!.write(send);
    }
    const status = await Promise.race([
      closed,
      new Promise<number>((resolve) => setTimeout(() => resolve(-2), STEP_MS).unref()),
    ]);
    return { output, status };
  } finally {
    child.kill("SIGKILL");
  }
}
