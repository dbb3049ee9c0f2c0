/** Which functions of a profile took its time. */
import { IDLE, type CallFrame, type CpuProfile } from "./cpu-profile.ts";

export interface HotFunction {
  readonly function: string;
  /** `packages/hub/src/feed.ts:12`; empty: of V8 itself. */
  readonly where: string;
  /** In itself. */
  readonly selfMs: number;
  /** With what it called; once where it called itself. */
  readonly totalMs: number;
}

export interface ProfileTimes {
  readonly spanMs: number;
  /** All but idling. */
  readonly busyMs: number;
  readonly functions: readonly HotFunction[];
}

export function nameOf({ functionName }: CallFrame): string {
  return functionName === "" ? "(anonymous)" : functionName;
}

export function whereOf({ url, lineNumber }: CallFrame): string {
  return url === "" || lineNumber < 0 ? url : `${url}:${lineNumber + 1}`;
}

/** Milliseconds that each node ran itself, in their order. */
export function selfTimes({ nodes, samples, timeDeltas, startTime, endTime }: CpuProfile): Float64Array {
  const placeOf = placesOf(nodes);
  const selfMs = new Float64Array(nodes.length);
  // A sample is what runs until the next one.
  let atUs = startTime;
  let ran = -1;
  samples.forEach((id, sample) => {
    const nowUs = atUs + timeDeltas[sample]!;
    if (ran >= 0) selfMs[ran]! += Math.max(nowUs - atUs, 0) / 1_000;
    atUs = nowUs;
    ran = placeOf.get(id) ?? -1;
  });
  if (ran >= 0) selfMs[ran]! += Math.max(endTime - atUs, 0) / 1_000;
  return selfMs;
}

export function placesOf(nodes: CpuProfile["nodes"]): Map<number, number> {
  return new Map(nodes.map(({ id }, place) => [id, place]));
}

/** Not in any order. Functions are told apart by name and place. */
export function profileTimes(profile: CpuProfile): ProfileTimes {
  const { nodes, startTime, endTime } = profile;
  const placeOf = placesOf(nodes);
  const selfMs = selfTimes(profile);
  const keys = new Map<string, number>();
  const found: { function: string; where: string; selfMs: number; totalMs: number }[] = [];
  const keyOf = nodes.map(({ callFrame }) => {
    const name = nameOf(callFrame);
    const where = whereOf(callFrame);
    const key = `${name}\0${where}`;
    let place = keys.get(key);
    if (place === undefined) {
      keys.set(key, (place = found.length));
      found.push({ function: name, where, selfMs: 0, totalMs: 0 });
    }
    return place;
  });
  // A stack of our own: a profile may be as deep as the program's stack was. Each node once, whatever its children say.
  const open = new Uint32Array(found.length);
  const sum = Float64Array.from(selfMs);
  const isVisited = new Uint8Array(nodes.length);
  const walk: [place: number, next: number][] = [];
  const enter = (place: number): void => {
    isVisited[place] = 1;
    open[keyOf[place]!]!++;
    walk.push([place, 0]);
  };
  const roots = nodes.map((_, place) => place);
  for (const root of roots) {
    if (isVisited[root] === 1) continue;
    enter(root);
    while (walk.length > 0) {
      const top = walk.at(-1)!;
      const [place, next] = top;
      const child = nodes[place]!.children?.[next];
      if (child !== undefined) {
        top[1]++;
        const at = placeOf.get(child);
        if (at !== undefined && isVisited[at] === 0) enter(at);
        continue;
      }
      walk.pop();
      const key = keyOf[place]!;
      open[key]!--;
      found[key]!.selfMs += selfMs[place]!;
      if (open[key] === 0) found[key]!.totalMs += sum[place]!;
      const parent = walk.at(-1);
      if (parent !== undefined) sum[parent[0]]! += sum[place]!;
    }
  }
  const idleMs = found.reduce((idle, one) => idle + (one.where === "" && one.function === IDLE ? one.selfMs : 0), 0);
  const spanMs = Math.max((endTime - startTime) / 1_000, 0);
  return {
    spanMs,
    busyMs: Math.max(selfMs.reduce((all, each) => all + each, 0) - idleMs, 0),
    functions: found.filter((one) => one.where !== "" || !["(root)", IDLE].includes(one.function)),
  };
}

export type HotOrder = "self" | "total";

/** The hottest first. */
export function hottest({ functions }: ProfileTimes, by: HotOrder, limit: number): HotFunction[] {
  const time = (one: HotFunction): number => (by === "self" ? one.selfMs : one.totalMs);
  return functions
    .filter((one) => time(one) > 0)
    .toSorted((a, b) => time(b) - time(a) || (a.function < b.function ? -1 : 1))
    .slice(0, limit);
}

export interface ComparedFunction {
  readonly function: string;
  readonly where: string;
  /** Milliseconds of each second that was looked. */
  readonly now: number;
  readonly before: number;
}

/** What differs most comes first. By name and file: lines move between versions. */
export function compareTimes(now: ProfileTimes, before: ProfileTimes, by: HotOrder, limit: number): ComparedFunction[] {
  const compared = new Map<string, { function: string; where: string; now: number; before: number }>();
  const add = (times: ProfileTimes, side: "now" | "before"): void => {
    for (const one of times.functions) {
      const where = one.where.replace(/:\d+$/, "");
      const key = `${one.function}\0${where}`;
      let entry = compared.get(key);
      if (entry === undefined) compared.set(key, (entry = { function: one.function, where, now: 0, before: 0 }));
      if (times.spanMs > 0) entry[side] += ((by === "self" ? one.selfMs : one.totalMs) * 1_000) / times.spanMs;
    }
  };
  add(now, "now");
  add(before, "before");
  const change = (one: ComparedFunction): number => Math.abs(one.now - one.before);
  return [...compared.values()]
    .filter((one) => change(one) > 0)
    .toSorted((a, b) => change(b) - change(a) || (a.function < b.function ? -1 : 1))
    .slice(0, limit);
}
