import type { Area } from "../mm/area.ts";
import type { Task } from "../task/task.ts";

/**
 * Shows a process's areas, or parts of large ones, from an address on, as far as the call's work allows: a process may
 * have 65,530 areas, and a million pages in each.
 *
 * @returns the address to go on at; −1 when all are seen
 */
export function visitAreas(task: Task, from: number, visit: (area: Area, start: number, end: number) => void): number {
  const { areas, table } = task.space;
  const { work } = task.kernel;
  // Whoever reads a text goes on by itself.
  const { mayPause } = work;
  work.mayPause = true;
  let area = areas.endingAfter(from);
  while (area !== undefined) {
    const start = Math.max(from, area.start);
    work.charge(1);
    from = table.measure(start, area.end, work);
    visit(area, start, from);
    if (work.isUsed) break;
    area = areas.endingAfter(from);
  }
  work.mayPause = mayPause;
  return area === undefined ? -1 : from;
}
