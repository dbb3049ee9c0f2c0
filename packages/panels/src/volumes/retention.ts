/** What a schedule keeps once it has run for long: for its picture. */
import type { SnapshotSchedule } from "@stratos/volumes/listed";

export const NO_SCHEDULE: SnapshotSchedule = { hourly: 0, daily: 0, weekly: 0, monthly: 0 };
/** How many of each can be asked for. */
export const PERIOD_MAX = { hourly: 72, daily: 60, weekly: 52, monthly: 60 } as const;
export const PERIOD_HOURS = { hourly: 1, daily: 24, weekly: 168, monthly: 720 } as const;

/**
 * @returns how many hours old its snapshots are, ascending: of each period the newest one, for as many as it says; what
 *   several periods keep is one snapshot. A month has 30 days here.
 */
export function keptHours(schedule: SnapshotSchedule): number[] {
  const shortest = (Object.keys(PERIOD_HOURS) as (keyof SnapshotSchedule)[]).find((period) => schedule[period] > 0);
  if (shortest === undefined) return [];
  const step = PERIOD_HOURS[shortest];
  const ages = new Set<number>();
  for (const [period, hours] of Object.entries(PERIOD_HOURS) as [keyof SnapshotSchedule, number][])
    for (let index = 0; index < schedule[period]; index++) ages.add(Math.floor((index * hours) / step) * step);
  return [...ages].sort((a, b) => a - b);
}
