/**
 * Hooks: executables that are called before and after stages, with what is known as JSON on standard input. Each has a
 * time limit; one that fails is a failure of its own kind.
 */
import { spawn } from "node:child_process";
import type { HookJob, HookRunner } from "@stratos/builder";

export interface Hook {
  /** `pre-Build`, `post-Check` … */
  readonly point: string;
  readonly command: readonly string[];
  readonly timeoutSeconds: number;
}

export class Hooks implements HookRunner {
  readonly #hooks: readonly Hook[];

  constructor(hooks: readonly Hook[]) {
    this.#hooks = hooks;
  }

  async run(job: HookJob): Promise<string | undefined> {
    for (const hook of this.#hooks) {
      if (hook.point.toLowerCase() !== `${job.when}-${job.stage}`.toLowerCase()) continue;
      const failure = await runHook(hook, job);
      if (failure !== undefined) return failure;
    }
    return undefined;
  }
}

function runHook({ point, command, timeoutSeconds }: Hook, job: HookJob): Promise<string | undefined> {
  const name = `hook ${point} (${command.join(" ")})`;
  return new Promise((resolve) => {
    const child = spawn(command[0]!, command.slice(1), { stdio: ["pipe", "pipe", "pipe"], detached: true });
    let isLate = false;
    // What a hook has started ends with it: it leads a group of its own.
    const end = (): void => {
      try {
        process.kill(-child.pid!, "SIGKILL");
      } catch {
        /* It has ended. */
      }
    };
    const timer = setTimeout(() => {
      isLate = true;
      end();
    }, timeoutSeconds * 1000);
    job.signal.addEventListener("abort", end, { once: true });
    const finish = (failure: string | undefined): void => {
      clearTimeout(timer);
      job.signal.removeEventListener("abort", end);
      resolve(failure);
    };
    child.on("error", (error) => finish(`${name} cannot be run: ${error.message}`));
    child.on("close", (status, signal) =>
      finish(
        isLate
          ? `${name} took longer than ${timeoutSeconds} s`
          : status === 0
            ? undefined
            : `${name} ended with ${status === null ? signal : `status ${status}`}`,
      ),
    );
    for (const stream of [child.stdout, child.stderr]) stream.on("data", job.onOutput);
    child.stdin.on("error", () => {});
    child.stdin.end(`${JSON.stringify(job.context)}\n`);
  });
}
