/** `stratos hub` and `stratos worker` as programs of a test. */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { launcher } from "../support/stratos.ts";

export interface Program {
  readonly child: ChildProcess;
  /** The first line that it printed. */
  readonly address: string;
  stderr(): string;
}

/** Starts `stratos` and waits for its first line. */
export async function startProgram(
  args: readonly string[],
  { environment, first = "stdout" }: { environment: NodeJS.ProcessEnv; first?: "stdout" | "stderr" },
): Promise<Program> {
  const [node, ...rest] = launcher;
  const child = spawn(node!, [...rest, ...args], { env: environment, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  child.stderr!.on("data", (bytes: Buffer) => void (text += bytes.toString()));
  const ended = once(child, "exit").then(() => assert.fail(`stratos ${args.join(" ")} ended: ${text}`));
  ended.catch(() => {});
  const [line] = (await Promise.race([once(child[first]!, "data"), ended])) as [Buffer];
  return { child, address: line.toString().trim(), stderr: () => text };
}

export async function endProgram(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, "exit");
}
