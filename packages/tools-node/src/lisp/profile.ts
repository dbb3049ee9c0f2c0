/**
 * Where a program of AstraLisp spends its time: V8 looks each millisecond at what runs, and names the functions of
 * WebAssembly as the compiler named them, after the program's procedures. All other frames are the host's: they are
 * told as one of `[host]`, `[garbage]` (JavaScript's own), and `[compile]` where no procedure has begun.
 */
import { Session, type Profiler } from "node:inspector";

/** Frames from the outermost inwards; a procedure that calls itself at once is one frame. */
export interface Stack {
  readonly frames: readonly string[];
  ms: number;
}

const SAMPLING_US = 1000;
const COMPILE = "[compile]",
  HOST = "[host]",
  GARBAGE = "[garbage]";

/** @returns what `run` gives, and the stacks that were seen, the most frequent first */
export async function profiled<T>(run: () => Promise<T>): Promise<{ readonly result: T; readonly stacks: Stack[] }> {
  const session = new Session();
  session.connect();
  try {
    session.post("Profiler.enable");
    session.post("Profiler.setSamplingInterval", { interval: SAMPLING_US });
    session.post("Profiler.start");
    const result = await run();
    // A session of the same thread answers before `post` returns.
    let profile: Profiler.Profile | null = null;
    session.post("Profiler.stop", (_error, answer) => void (profile = answer.profile));
    return { result, stacks: profile === null ? [] : stacksOf(profile) };
  } finally {
    session.disconnect();
  }
}

/** What a procedure does after a call that was unwound is a function of its own (back-wasm/emit-function.ts). */
const AFTER_CALL = /\/after$/;
/** Between JavaScript and the program: V8's own steps, the base loop, the call of the host. */
function isPassage(name: string): boolean {
  return name === "run" || name === "host" || name.startsWith("js-to-wasm:") || name.startsWith("wasm-to-js:");
}

/** The samples of a profile of V8 as stacks of procedures. */
export function stacksOf({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): Stack[] {
  const parents = new Map<number, number>();
  for (const { id, children } of nodes) for (const child of children ?? []) parents.set(child, id);
  const functions = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const known = new Map<number, readonly string[] | null>();
  const framesOf = (id: number): readonly string[] | null => {
    const calls: { readonly functionName: string; readonly url: string }[] = [];
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) calls.push(functions.get(at)!);
    calls.reverse();
    if (calls.at(-1)!.functionName === "(idle)") return null;
    const frames: string[] = [];
    for (const { functionName, url } of calls) {
      const isLisp = url.startsWith("wasm:");
      if (isLisp ? isPassage(functionName) : frames.length === 0) continue;
      const name = isLisp
        ? functionName.replace(AFTER_CALL, "")
        : functionName === "(garbage collector)"
          ? GARBAGE
          : HOST;
      if (name !== frames.at(-1)) frames.push(name);
    }
    if (frames.length > 0) return frames;
    return [calls.at(-1)!.functionName === "(garbage collector)" ? GARBAGE : COMPILE];
  };
  const stacks = new Map<string, Stack>();
  for (const [index, id] of samples.entries()) {
    let frames = known.get(id);
    if (frames === undefined) known.set(id, (frames = framesOf(id)));
    if (frames === null) continue;
    const key = frames.join("\n");
    const stack = stacks.get(key);
    // What a sample stands for is the time until the next one.
    const ms = Math.max(0, timeDeltas[index + 1] ?? 0) / 1000;
    if (stack === undefined) stacks.set(key, { frames, ms });
    else stack.ms += ms;
  }
  return [...stacks.values()].filter(({ ms }) => ms > 0).sort((a, b) => b.ms - a.ms);
}
