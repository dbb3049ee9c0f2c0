/** Tasks of kind `command`: a program, run in the task's folder. */
import { spawn } from "node:child_process";
import { mkdirSync, existsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type CommandPayload, readCommandPayload } from "../payloads/command-payload.ts";
import type { Execution, ExecutionResult, Executor } from "./executor.ts";
import { noteProcessGroup } from "./process-groups.ts";

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export const commandExecutor: Executor = {
  kind: "command",
  execute: async (execution): Promise<ExecutionResult> => {
    const payload = readCommandPayload(execution.run.payload);
    if (typeof payload === "string") return { failure: { class: "build", message: payload } };
    for (const [name, text] of Object.entries(payload.files)) {
      const path = join(execution.folder, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
    const failure = await runProgram(execution, payload);
    if (failure !== null) return { failure };
    const missing = payload.artefacts.find((name) => !existsSync(join(execution.folder, name)));
    if (missing !== undefined)
      return { failure: { class: "build", message: `${missing}: the command left no such file` } };
    return {
      result: { status: 0 },
      artefacts: payload.artefacts.map((name) => ({
        name,
        path: join(execution.folder, name),
        role: "output",
        media: "application/octet-stream",
      })),
    };
  },
};

/**
 * Runs a program in the run's folder, in a process group that ends with it.
 *
 * @param onOutput  takes standard output; without it, both streams go to the run's log
 * @returns null when its status was 0
 */
export function runProgram(
  execution: Execution,
  { argv, environment }: Pick<CommandPayload, "argv" | "environment">,
  onOutput: (bytes: Uint8Array) => Promise<void> = (bytes) => execution.log(bytes),
): Promise<NonNullable<ExecutionResult["failure"]> | null> {
  return new Promise((resolve) => {
    // A group of its own, so that what it starts ends with it.
    const child = spawn(argv[0]!, argv.slice(1), {
      cwd: execution.folder,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PATH,
        LC_ALL: "C.UTF-8",
        TZ: "UTC",
        HOME: execution.folder,
        STRATOS_TASK: String(execution.run.task),
        ...environment,
      },
    });
    if (child.pid !== undefined) noteProcessGroup(execution.folder, child.pid);
    const killGroup = (signal: NodeJS.Signals): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, signal);
      } catch {
        // It has ended.
      }
    };
    let killer: NodeJS.Timeout | null = null;
    const stop = (): void => {
      killGroup("SIGTERM");
      killer = setTimeout(() => killGroup("SIGKILL"), execution.graceMs);
    };
    if (execution.signal.aborted) stop();
    else execution.signal.addEventListener("abort", stop, { once: true });
    const drain = async (stream: AsyncIterable<unknown>, take: (bytes: Uint8Array) => Promise<void>): Promise<void> => {
      for await (const piece of stream) await take(piece as Uint8Array);
    };
    const drains = [drain(child.stdout, onOutput), drain(child.stderr, (bytes) => execution.log(bytes))];
    child.once("error", (error) => resolve({ class: "build", message: `${argv[0]!}: ${error.message}` }));
    child.once("exit", () => {
      // What it left running would keep the pipes open.
      if (killer !== null) clearTimeout(killer);
      killGroup("SIGKILL");
    });
    child.once("close", (status, signal) => {
      execution.signal.removeEventListener("abort", stop);
      void Promise.allSettled(drains).then(() => {
        if (signal !== null) resolve({ class: "killed", message: `ended by ${signal}` });
        else resolve(status === 0 ? null : { class: "build", message: `exit status ${status}` });
      });
    });
  });
}
