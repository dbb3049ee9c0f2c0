/** What a recording says was done to its programs; somebody may have written it by hand. */
import { type Disturbance, DISTURBANCES_MAX, Disturber, FAULT_KINDS } from "@stratos/kernel/faults";
import { scheduleDisturber } from "../schedule.ts";
import { type RecordingHeader, RecordingError } from "./recording-format.ts";

/** @returns null: nothing was done. @throws RecordingError */
export function disturberOf({
  disturbances,
  schedule,
}: Pick<RecordingHeader, "disturbances" | "schedule">): Disturber | null {
  if (schedule !== undefined) {
    const isRight = Number.isInteger(schedule) && schedule >= 0 && schedule <= 0xffff_ffff;
    if (!isRight || disturbances !== undefined) throw new RecordingError({ kind: "damaged", line: 1 });
    return scheduleDisturber(schedule);
  }
  if (disturbances === undefined) return null;
  const list: unknown = disturbances;
  if (!Array.isArray(list) || list.length > DISTURBANCES_MAX || !list.every(isDisturbance))
    throw new RecordingError({ kind: "damaged", line: 1 });
  return new Disturber({ list });
}

/** Does it end with a power cut? Then its volume syncs what programs sync. */
export function losesPower({ disturbances }: Pick<RecordingHeader, "disturbances">): boolean {
  return (
    Array.isArray(disturbances) && disturbances.some((each: Partial<Disturbance> | null) => each?.kind === "power")
  );
}

const KINDS: ReadonlySet<unknown> = new Set(["hold", ...FAULT_KINDS]);

function isDisturbance(value: unknown): value is Disturbance {
  if (typeof value !== "object" || value === null) return false;
  const { tid, at, n, kind, amount } = value as Readonly<Record<string, unknown>>;
  const isWhole = [tid, n, amount].every((number) => Number.isSafeInteger(number));
  const isPositive = (tid as number) >= 0 && (n as number) >= 0 && ((amount as number) >= 0 || kind === "clock");
  return isWhole && isPositive && KINDS.has(kind) && (at === "call" || (at === "instruction" && kind === "hold"));
}
