/**
 * What an attempt does to the program, drawn from its number.
 *
 * - Two of three aim: they do one to three things at moments that the undisturbed run had. Kind, then program and call
 *   (of a hold in the midst of computation: the task), then the moment are drawn, each evenly, so that the one write of
 *   a file is met as often as the thousand reads of a loader, and a thread of a moment as often as the one that waits.
 * - Where the power may fail, which is asked for by name, half of those that aim do that alone: of each program and
 *   call in turn, with each of the things that may be left, so that a dozen attempts are a dozen different ends.
 * - The third strews some dozens of them all over the run, with a mix of its own, because a bug that one kind of
 *   disturbance shows another may hide (Groce et al., Swarm testing, ISSTA 2012).
 */
import { SeededRandom } from "@stratos/base";
import {
  amountOf,
  between,
  type Disturbance,
  type DisturbancePlan,
  type DisturbancePoint,
  type DisturbanceRates,
  type FaultKind,
  POWER_CUT_KINDS,
} from "@stratos/kernel/faults";
import type { AttemptOutcome } from "./attempt.ts";

interface ExploredKinds {
  readonly faults: readonly FaultKind[];
  /** Other schedules, too. */
  readonly schedules: boolean;
}

/** What the undisturbed run had to be disturbed. */
interface Ground {
  /** Moments by kind, and then by program and call. */
  readonly groups: readonly (readonly (readonly DisturbancePoint[])[])[];
  /** Those of a kind. */
  readonly counts: ReadonlyMap<string, number>;
  /** Numbers of the tasks, and how many instructions each has run. */
  readonly tasks: readonly (readonly [tid: number, instructions: number])[];
  readonly instructions: number;
}

const ALL = 2 ** 32;
const HOLD_NS_LEAST = 10_000;
const HOLD_NS: readonly number[] = [40_000, 1e6, 20e6, 2e9];
/** A program that sends again what got lost comes to an end only where not everything does. */
const LOST_MOST = ALL / 2;
/** How many of a kind are strewn. */
const STREWN: readonly number[] = [0, 0, 4, 16, 64, 256];
/** Most things that one that aims does. */
const AIMED_MOST = 3;

export function groundOf(
  { points, tasks, instructions }: Pick<AttemptOutcome, "points" | "tasks" | "instructions">,
  { faults, schedules }: ExploredKinds,
): Ground {
  const kinds: readonly DisturbancePoint["kind"][] = [...(schedules ? (["hold"] as const) : []), ...faults];
  const counts = new Map<string, number>();
  const groups = new Map(kinds.map((kind) => [kind, new Map<string, DisturbancePoint[]>()]));
  for (const point of points) {
    const ofKind = groups.get(point.kind);
    if (ofKind === undefined) continue;
    counts.set(point.kind, (counts.get(point.kind) ?? 0) + 1);
    const key = `${point.call} ${point.program}`;
    const group = ofKind.get(key);
    if (group === undefined) ofKind.set(key, [point]);
    else group.push(point);
  }
  return {
    groups: [...groups.values()].filter(({ size }) => size > 0).map((ofKind) => [...ofKind.values()]),
    counts,
    tasks: schedules ? [...tasks].filter(([, run]) => run > 0) : [],
    instructions,
  };
}

/** @param attempt  from 1 */
export function attemptPlan(seed: number, attempt: number, kinds: ExploredKinds, ground: Ground): DisturbancePlan {
  const random = new SeededRandom(seed * 0x10001 + attempt);
  if (attempt % 3 === 0) return { seed: random.u32(), rates: ratesOf(random, kinds, ground) };
  const powerCuts = ground.groups.find((ofKind) => ofKind[0]![0]!.kind === "power");
  if (powerCuts !== undefined && attempt % 3 === 1)
    return { list: [powerCutOf(random, powerCuts, seed + Math.floor(attempt / 3))] };
  const list: Disturbance[] = [];
  // Where there is one task only, nobody comes before it.
  const hasCuts = ground.tasks.length > 1;
  const ways = ground.groups.length + (hasCuts ? 1 : 0);
  if (ways === 0) return { list };
  for (let count = 1 + random.below(AIMED_MOST); count > 0; count--) {
    const way = random.below(ways);
    list.push(way < ground.groups.length ? atCall(random, ground.groups[way]!) : atInstruction(random, ground));
  }
  return { list };
}

function atCall(random: SeededRandom, groups: readonly (readonly DisturbancePoint[])[]): Disturbance {
  const { tid, n, kind, count } = one(random, one(random, groups));
  const amount = kind === "hold" ? holdNs(random) : amountOf(kind, count, random.u32());
  return { tid, at: "call", n, kind, amount };
}

/** @param index  of the end: each program and call comes once before the first comes again, with another kind */
function powerCutOf(
  random: SeededRandom,
  groups: readonly (readonly DisturbancePoint[])[],
  index: number,
): Disturbance {
  const { tid, n } = one(random, groups[index % groups.length]!);
  const kinds = POWER_CUT_KINDS.length;
  const kind = (index + Math.floor(index / groups.length)) % kinds;
  return { tid, at: "call", n, kind: "power", amount: kinds * random.below(ALL / 4) + kind };
}

function atInstruction(random: SeededRandom, { tasks }: Ground): Disturbance {
  const [tid, instructions] = one(random, tasks);
  return { tid, at: "instruction", n: 1 + random.below(instructions), kind: "hold", amount: holdNs(random) };
}

function holdNs(random: SeededRandom): number {
  return between(HOLD_NS_LEAST, one(random, HOLD_NS), random.u32());
}

function ratesOf(random: SeededRandom, { faults, schedules }: ExploredKinds, ground: Ground): DisturbanceRates {
  const rate = (kind: string, wanted: number): number =>
    Math.min(kind === "loss" ? LOST_MOST : ALL, Math.ceil((ALL * wanted) / Math.max(1, ground.counts.get(kind) ?? 0)));
  const [holds, cuts, holdNsMost] = [one(random, STREWN), one(random, STREWN), one(random, HOLD_NS)];
  const wanted = faults.map((kind) => [kind, one(random, STREWN)] as const);
  // One that does nothing is the undisturbed run once more.
  const isEmpty = wanted.every(([, count]) => count === 0) && (!schedules || (holds === 0 && cuts === 0));
  const some = STREWN[2]!;
  return {
    hold: schedules ? rate("hold", isEmpty ? some : holds) : 0,
    holdNsMost,
    turnMost: schedules && cuts > 0 ? Math.ceil((2 * ground.instructions) / cuts) : 0,
    faults: Object.fromEntries(wanted.map(([kind, count]) => [kind, rate(kind, isEmpty ? some : count)])),
  };
}

function one<T>(random: SeededRandom, list: readonly T[]): T {
  return list[random.below(list.length)]!;
}
