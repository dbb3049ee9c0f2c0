/** Tasks of kind `command`: a program, run in the task's folder. */
import { spawn } from "node:child_process";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { hostReason } from "@stratos/host-node/home";
import { type CommandPayload, readCommandPayload } from "../payloads/command-payload.ts";
import type { Execution, ExecutionResult, Executor } from "./executor.ts";
import { endStrays, noteProcessGroup, RUN_VARIABLE } from "./process-groups.ts";

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
    for (const name of payload.artefacts) {
      const found = statSync(join(execution.folder, name), { throwIfNoEntry: false });
      if (found?.isFile() === true) continue;
      // A pipe or a device would be read for ever.
      const what = found === undefined ? "the command left no such file" : "what the command left is no file";
      return { failure: { class: "build", message: `${name}: ${what}` } };
    }
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

/** So long after its end a program's pipes may say nothing before they are closed. */
const QUIET_MS = 5_000;

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
    let child: ReturnType<typeof spawnInGroup>;
    try {
      child = spawnInGroup(argv, execution.folder, {
        PATH,
        LC_ALL: "C.UTF-8",
        TZ: "UTC",
        HOME: execution.folder,
        STRATOS_TASK: String(execution.run.task),
        ...environment,
        [RUN_VARIABLE]: execution.folder,
      });
    } catch (error) {
      // What is no name of a program, or too much to say to one (E2BIG), is not by another try.
      return resolve({ class: "build", message: `${argv[0]!}: ${hostReason(error)}` });
    }
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
    let quiet: NodeJS.Timeout | null = null;
    let hasExited = false;
    let taking = 0;
    /** Whoever is neither in the group nor found keeps the pipes open; nobody waits for what it says. */
    const watchPipes = (): void => {
      if (quiet !== null) clearTimeout(quiet);
      quiet = null;
      if (hasExited && taking === 0)
        quiet = setTimeout(() => {
          child.stdout.destroy();
          child.stderr.destroy();
        }, QUIET_MS);
    };
    const drain = async (stream: AsyncIterable<unknown>, take: (bytes: Uint8Array) => Promise<void>): Promise<void> => {
      for await (const piece of stream) {
        taking++;
        watchPipes();
        await take(piece as Uint8Array).finally(() => taking--);
        watchPipes();
      }
    };
    // One that is cut off has said what it said.
    const drains = [drain(child.stdout, onOutput), drain(child.stderr, (bytes) => execution.log(bytes))].map((one) =>
      one.catch(() => {}),
    );
    child.once("error", (error) => resolve({ class: "build", message: `${argv[0]!}: ${hostReason(error)}` }));
    child.once("exit", () => {
      // What it left running would keep the pipes open.
      if (killer !== null) clearTimeout(killer);
      killGroup("SIGKILL");
      endStrays((folder) => folder === execution.folder);
      hasExited = true;
      watchPipes();
    });
    child.once("close", (status, signal) => {
      if (quiet !== null) clearTimeout(quiet);
      execution.signal.removeEventListener("abort", stop);
      void Promise.all(drains).then(() => {
        if (signal !== null) resolve({ class: "killed", message: `ended by ${signal}` });
        else resolve(status === 0 ? null : { class: "build", message: `exit status ${status}` });
      });
    });
  });
}

/** A group of its own, so that what it starts ends with it. @throws Error of execve(2), where it is not an event */
function spawnInGroup(argv: readonly string[], folder: string, environment: NodeJS.ProcessEnv) {
  return spawn(argv[0]!, argv.slice(1), {
    cwd: folder,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: environment,
  });
}
