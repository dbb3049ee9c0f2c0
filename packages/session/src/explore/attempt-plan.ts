/**
 * What an attempt does to the program, drawn from its number.
 *
 * - Two of three aim: they do one to three things at moments that the undisturbed run had. Kind, then program and call,
 *   then the moment are drawn, each evenly, so that the one write of a file is met as often as the thousand reads of a
 *   loader.
 * - The third strews, all over the run, with a mix of its own, because a bug that one kind of disturbance shows another
 *   may hide (Groce et al., Swarm testing, ISSTA 2012): many short holds and no fault, a long hold in a thousand calls,
 *   only faults.
 */
import { SeededRandom } from "@stratos/base";
import {
  between,
  type Disturbance,
  type DisturbancePlan,
  type DisturbancePoint,
  type DisturbanceRates,
  type FaultKind,
} from "@stratos/kernel/faults";

interface ExploredKinds {
  readonly faults: readonly FaultKind[];
  /** Other schedules, too. */
  readonly schedules: boolean;
}

/** Points by kind, and then by program and call. */
type PointGroups = readonly (readonly (readonly DisturbancePoint[])[])[];

const ALL = 2 ** 32;
const HOLD_RATES: readonly number[] = [0, ALL / 512, ALL / 64, ALL / 16, ALL / 4];
const HOLD_NS_LEAST = 10_000;
const HOLD_NS: readonly number[] = [1e6, 20e6, 2e9];
const TURNS: readonly number[] = [0, 0, 100_000, 2_000_000];
const FAULT_RATES: readonly number[] = [0, ALL / 512, ALL / 64, ALL / 8];
/** Most things that one that aims does. */
const AIMED_MOST = 3;

export function groupPoints(points: readonly DisturbancePoint[], { faults, schedules }: ExploredKinds): PointGroups {
  const kinds: readonly DisturbancePoint["kind"][] = [...(schedules ? (["hold"] as const) : []), ...faults];
  return kinds.flatMap((kind) => {
    const groups = new Map<string, DisturbancePoint[]>();
    for (const point of points) {
      if (point.kind !== kind) continue;
      const key = `${point.call} ${point.program}`;
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [point]);
      else group.push(point);
    }
    return groups.size === 0 ? [] : [[...groups.values()]];
  });
}

/** @param attempt  from 1 */
export function attemptPlan(seed: number, attempt: number, kinds: ExploredKinds, points: PointGroups): DisturbancePlan {
  const random = new SeededRandom(seed * 0x10001 + attempt);
  if (attempt % 3 === 0 || points.length === 0) return { seed: random.u32(), rates: ratesOf(random, kinds) };
  const list: Disturbance[] = [];
  for (let count = 1 + random.below(AIMED_MOST); count > 0; count--) list.push(aimed(random, points));
  return { list };
}

function aimed(random: SeededRandom, points: PointGroups): Disturbance {
  const { tid, n, kind, count } = one(random, one(random, one(random, points)));
  const amount =
    kind === "hold"
      ? between(HOLD_NS_LEAST, one(random, HOLD_NS), random.u32())
      : kind === "short"
        ? between(1, count - 1, random.u32())
        : 0;
  return { tid, at: "call", n, kind, amount };
}

function ratesOf(random: SeededRandom, { faults, schedules }: ExploredKinds): DisturbanceRates {
  const hold = one(random, HOLD_RATES);
  const holdNsMost = one(random, HOLD_NS);
  const turnMost = one(random, TURNS);
  const rates = faults.map((kind) => [kind, one(random, FAULT_RATES)] as const);
  // One that does nothing is the undisturbed run once more.
  const isEmpty = rates.every(([, rate]) => rate === 0) && (!schedules || (hold === 0 && turnMost === 0));
  return {
    hold: !schedules ? 0 : isEmpty ? HOLD_RATES[2]! : hold,
    holdNsMost,
    turnMost: schedules ? turnMost : 0,
    faults: Object.fromEntries(rates.map(([kind, rate]) => [kind, isEmpty && !schedules ? FAULT_RATES[2]! : rate])),
  };
}

function one<T>(random: SeededRandom, list: readonly T[]): T {
  return list[random.below(list.length)]!;
}
