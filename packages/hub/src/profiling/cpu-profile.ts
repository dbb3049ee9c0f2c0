/**
 * A CPU profile as V8's inspector gives it, and Chrome, speedscope and others read it (`.cpuprofile`). Source: the
 * Chrome DevTools Protocol, domain Profiler, type Profile.
 */

export interface CallFrame {
  readonly functionName: string;
  readonly scriptId: string;
  readonly url: string;
  /** From 0; −1: not known. */
  readonly lineNumber: number;
  readonly columnNumber: number;
}

export interface ProfileNode {
  readonly id: number;
  readonly callFrame: CallFrame;
  readonly hitCount?: number;
  readonly children?: readonly number[];
}

export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  /** Microseconds of one clock. */
  readonly startTime: number;
  readonly endTime: number;
  /** Of the node that ran at each sample, and how long after the sample before, in microseconds. */
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Of V8's own, what is no work. */
export const IDLE = "(idle)";

/** Nodes of a profile that anybody may have made; a whole day of samples has fewer. */
const NODES_MAX = 5_000_000;

/** @throws Error in words for what is no such profile */
export function parseCpuProfile(text: string): CpuProfile {
  let value: Partial<CpuProfile> | null;
  try {
    value = JSON.parse(text) as Partial<CpuProfile> | null;
  } catch (error) {
    throw new Error(`no profile: ${(error as Error).message}`, { cause: error });
  }
  const { nodes, samples, timeDeltas, startTime, endTime } = value ?? {};
  const areNumbers = (list: unknown): list is number[] => Array.isArray(list) && list.every(Number.isFinite);
  if (!Array.isArray(nodes) || nodes.length === 0 || nodes.length > NODES_MAX || !nodes.every(isNode))
    throw new Error("no profile: it has no nodes");
  if (!areNumbers(samples) || !areNumbers(timeDeltas) || samples.length !== timeDeltas.length)
    throw new Error("no profile: its samples and times do not fit each other");
  if (!Number.isFinite(startTime) || !Number.isFinite(endTime) || endTime! < startTime!)
    throw new Error("no profile: it has no span");
  return value as CpuProfile;
}

function isNode(value: unknown): value is ProfileNode {
  const { id, callFrame, children } = (value ?? {}) as Partial<ProfileNode>;
  return (
    Number.isSafeInteger(id) &&
    typeof callFrame?.functionName === "string" &&
    typeof callFrame.url === "string" &&
    Number.isSafeInteger(callFrame.lineNumber) &&
    (children === undefined || (Array.isArray(children) && children.every(Number.isSafeInteger)))
  );
}
