/**
 * How control groups share the processor (Linux Documentation/admin-guide/cgroup-v2.rst, "CPU"): tasks wait in one
 * queue, by virtual runtime. A group that wants the processor stands in the group above with its weight, as a task of
 * nice 0 does with 100; so virtual runtime of a task goes faster by all that wants its part of each group, divided by
 * what the group has of the one above.
 */
import type { ControlGroup } from "./control-group.ts";

/** Of a task, and of a group to which nobody gave another. */
export const WEIGHT_DEFAULT = 100;

/** A task, or a group of the one given, wants the processor, or no longer. @param change  its weight, or less that */
export function countLoad(group: ControlGroup | null, change: number): void {
  for (let at = group; at !== null && change !== 0; at = at.parent)
    if (at.processor !== null) change = at.processor.countLoad(change);
}

/** How much faster virtual runtime of a task in the group goes, which is not counted among those that wait. */
export function shareFactor(group: ControlGroup): number {
  let factor = 1;
  let weight = WEIGHT_DEFAULT;
  for (let at: ControlGroup | null = group; at !== null; at = at.parent) {
    const { processor } = at;
    if (processor === null) continue;
    factor *= processor.factor(weight);
    weight = processor.newcomersWeight;
  }
  return factor;
}

/** A task of the group has had the processor for so long. */
export function chargeGroups(group: ControlGroup, elapsedNs: number, nowNs: number): void {
  for (let at: ControlGroup | null = group; at !== null; at = at.parent) at.processor?.charge(elapsedNs, nowNs);
}
