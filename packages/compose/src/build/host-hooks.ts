/**
 * Programs that a treefile wants run on the host itself, at points of a compose. Whoever may write such a treefile may
 * do with the host what its user may, so nothing is run unless that user has said so for this one command.
 */
import { ScriptError, type HostProgram } from "../ports.ts";
import type { Json } from "../treefile/json.ts";
import { HOST_POINTS, type HostHook, type HostPoint } from "../treefile/schema-content.ts";
import type { ImageTarget, Treefile } from "../treefile/treefile.ts";

/** `run`: the user allows them; `refuse`: an image that has some is an error; `skip`: none is run, and that is told. */
export type HostHookMode = "run" | "refuse" | "skip";

const SECONDS_DEFAULT = 600;

interface HostHookRun {
  readonly treefile: Treefile;
  readonly target: ImageTarget;
  readonly point: HostPoint;
  readonly epochSeconds: number;
  /** of the compose, from the folder that it goes into */
  readonly artifacts: readonly string[];
  readonly signal: AbortSignal;
  readonly onLine: (line: string) => void;
}

/** All of an image's programs, in order. */
export function hostHooksOf({ config }: ImageTarget): { point: HostPoint; hook: HostHook }[] {
  return HOST_POINTS.flatMap((point) => (config["host-hooks"]?.[point] ?? []).map((hook) => ({ point, hook })));
}

/** @throws TreefileError  the user has not allowed them */
export function checkHostHooks(treefile: Treefile, targets: readonly ImageTarget[]): void {
  for (const target of targets) {
    const [first] = hostHooksOf(target);
    if (first !== undefined)
      throw treefile.problem(
        target,
        ["host-hooks", first.point],
        `${first.hook.command[0]} would be run on this host, outside of any image, which only happens with ` +
          "--allow-host-hooks",
      );
  }
}

/** @throws TreefileError  at the program that failed, with its last words */
export async function runHostHooks(
  run: HostHookRun,
  runProgram: (program: HostProgram) => Promise<void>,
): Promise<void> {
  const { treefile, target, point, epochSeconds, artifacts, signal, onLine } = run,
    key = ["host-hooks", point];
  for (const hook of target.config["host-hooks"]?.[point] ?? []) {
    const { command, directory = ".", environment = {}, timeout = SECONDS_DEFAULT } = hook;
    try {
      await runProgram({
        command,
        directory,
        environment: {
          STRATOS_POINT: point,
          STRATOS_NAME: target.config.name,
          STRATOS_VERSION: target.config.version ?? "0",
          STRATOS_VARIANT: target.variant,
          STRATOS_ARCHITECTURE: target.architecture,
          STRATOS_ARTIFACTS: artifacts.join("\n"),
          SOURCE_DATE_EPOCH: String(epochSeconds),
          ...environment,
        },
        timeoutSeconds: timeout,
        signal,
        onLine,
      });
    } catch (error) {
      if (!(error instanceof ScriptError)) throw error;
      throw treefile.listProblem(target, key, hook as unknown as Json, error.message);
    }
  }
}
