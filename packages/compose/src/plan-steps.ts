/**
 * The phases of a compose as a graph. Of each image, `VARIANT/ARCHITECTURE`:
 *
 *     init ─▶ gather ─▶ build ─┬▶ output NAME, for each output but those of OSTree ─┐
 *                              └▶ ostree ────────────────────────────────────────────┴▶ cleanup
 *
 * `phases.PHASE` of the treefile leaves phases out, limits their time, and has them wait for others.
 */
import { extendedTarget } from "./check-outputs.ts";
import { PHASES, type PhaseConfig, type PhaseName } from "./treefile/schema-build.ts";
import { parseCondition, type CONDITION_NAMES } from "./treefile/condition.ts";
import { compilePattern } from "./treefile/pattern.ts";
import type { ImageTarget, Treefile } from "./treefile/treefile.ts";
import type { Json } from "./treefile/json.ts";
import { customOf } from "./metadata/composeinfo.ts";
import { lockKey } from "./gather/lock.ts";
import { GraphError, orderNodes } from "./phase/graph.ts";
import type { Step } from "./phase/run-graph.ts";

/** What each phase does; the graph says when. */
export interface PhaseWork {
  init(signal: AbortSignal): Promise<void>;
  gather(target: ImageTarget, signal: AbortSignal): Promise<void>;
  build(target: ImageTarget, signal: AbortSignal): Promise<void>;
  output(target: ImageTarget, name: string, signal: AbortSignal): Promise<void>;
  cleanup(signal: AbortSignal): Promise<void>;
}

export interface StepOptions {
  /** phases to leave out, by name or pattern of the step's whole name */
  readonly skipPhases?: readonly string[];
  /** for phases that the treefile gives no time */
  readonly timeoutSeconds?: number | undefined;
}

/** @throws GraphError  a name of a phase to wait for, or to leave out, that is none */
export function planSteps(targets: readonly ImageTarget[], work: PhaseWork, options: StepOptions = {}): Step[] {
  const skips = (options.skipPhases ?? []).map((pattern) => ({ pattern, matches: compilePattern(pattern) }));
  const steps: Step[] = [];
  const add = (
    phase: PhaseName,
    id: string,
    target: ImageTarget | undefined,
    after: readonly string[],
    run: (signal: AbortSignal) => Promise<void>,
    extra: Partial<Step> & { condition?: string | undefined } = {},
  ): void => {
    const { condition, ...fields } = extra;
    const config: PhaseConfig = target?.config.phases?.[phase] ?? {};
    const named = skips.find(({ matches }) => matches(phase) || matches(id));
    const failing = [config.when, condition].find(
      (one) => one !== undefined && target !== undefined && !parseCondition(one)(scopeOf(target)),
    );
    const skipReason =
      named !== undefined
        ? `--skip-phase ${named.pattern}`
        : config.skip === true
          ? `phases.${phase}.skip`
          : failing !== undefined
            ? `not ${failing}`
            : undefined;
    const others =
      target === undefined ? [] : (config.after ?? []).flatMap((name) => resolveAfter(name, target, targets));
    steps.push({
      id,
      after: [...new Set([...after, ...others])].filter((one) => one !== id),
      run,
      skipReason,
      onSkip: config["on-skip"] ?? "skip",
      timeoutSeconds: config.timeout ?? options.timeoutSeconds,
      ...fields,
    });
  };
  add("init", "init", undefined, [], (signal) => work.init(signal));
  for (const target of targets) {
    const key = lockKey(target);
    add("gather", `gather ${key}`, target, ["init"], (signal) => work.gather(target, signal));
    add("build", `build ${key}`, target, [`gather ${key}`], (signal) => work.build(target, signal));
    for (const { phase, id, name, when } of outputSteps(target))
      add(
        phase,
        id,
        target,
        [`build ${key}`, ...extendedBuild(target, name, targets)],
        (signal) => work.output(target, name, signal),
        { condition: when },
      );
  }
  add(
    "cleanup",
    "cleanup",
    undefined,
    steps.map(({ id }) => id),
    (signal) => work.cleanup(signal),
    { isFinal: true },
  );
  for (const { pattern, matches } of skips) {
    if (!steps.some(({ id }) => matches(id)) && !PHASES.some((phase) => matches(phase)))
      throw new GraphError(`there is no phase ${pattern} to leave out; there is ${PHASES.join(", ")}`);
  }
  return steps;
}

/** @throws TreefileError  phases wait for each other in a circle; at one that the treefile has wait */
export function checkPhases(treefile: Treefile, targets: readonly ImageTarget[]): void {
  try {
    orderNodes(planSteps(targets, NO_WORK));
  } catch (error) {
    if (!(error instanceof GraphError) || error.circle.length === 0) throw error;
    for (const target of targets) {
      const waiting = PHASES.find(
        (phase) =>
          target.config.phases?.[phase]?.after !== undefined &&
          error.circle.some((id) => `${id} `.startsWith(`${phase} ${lockKey(target)} `)),
      );
      if (waiting !== undefined) throw treefile.problem(target, ["phases", waiting, "after"], error.message);
    }
    throw error;
  }
}

/** An extension is what its image has beyond another, which must be there. */
function extendedBuild(target: ImageTarget, name: string, targets: readonly ImageTarget[]): string[] {
  const over = target.config.outputs![name]!.extension?.over,
    other = over === undefined ? undefined : extendedTarget(targets, target, over);
  return other === undefined ? [] : [`build ${lockKey(other)}`];
}

const nothing = async (): Promise<void> => {};
/** For who wants to know the order alone. */
export const NO_WORK: PhaseWork = { init: nothing, gather: nothing, build: nothing, output: nothing, cleanup: nothing };

function outputSteps(
  target: ImageTarget,
): { phase: "ostree" | "output"; id: string; name: string; when: string | undefined }[] {
  return Object.entries(target.config.outputs ?? {}).map(([name, output]) => {
    const phase = output.format === "ostree" ? "ostree" : "output";
    return { phase, id: `${phase} ${lockKey(target)} ${name}`, name, when: output.when };
  });
}

/** Steps that `phases.X.after` names: PHASE of the same image, VARIANT/PHASE of another of the same architecture. */
function resolveAfter(name: string, target: ImageTarget, targets: readonly ImageTarget[]): string[] {
  const slash = name.indexOf("/");
  const variant = slash < 0 ? target.variant : name.slice(0, slash),
    phase = slash < 0 ? name : name.slice(slash + 1);
  if (phase === "init" || phase === "cleanup") return [phase];
  const other = targets.find((one) => one.variant === variant && one.architecture === target.architecture);
  // Not among those that were chosen: that there is one the treefile has been asked already.
  if (other === undefined) return [];
  if (phase === "ostree" || phase === "output")
    return outputSteps(other)
      .filter((one) => one.phase === phase)
      .map(({ id }) => id);
  return [`${phase} ${lockKey(other)}`];
}

/** What conditions may ask for. */
function scopeOf(target: ImageTarget): Readonly<Record<(typeof CONDITION_NAMES)[number], Json>> {
  const { name, version = "0", suite = "trixie", base = "minbase" } = target.config;
  return {
    name,
    version,
    suite,
    base,
    variant: target.variant,
    architecture: target.architecture,
    arch: target.architecture,
    custom: customOf(target),
  };
}
