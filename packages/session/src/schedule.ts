/**
 * Orders of events by number: with one, tasks are held up after some of their system calls, and in the midst of
 * computation, as the number says, so that others come before them. A run stays a function of its seed, its input and
 * this number.
 */
import { Disturber } from "@stratos/kernel/faults";

const ALL = 2 ** 32;
/** Of system calls one in so many is followed by a hold. */
const HELD_CALL = 16;
/** Longest hold: some of the turns that a task has. Most are much shorter. */
const HOLD_NS_MOST = 1_280_000;
/** Most instructions of a task from one hold in the midst of computation to the next. */
const TURN_MOST = 1_000_000;

/** @param schedule  a u32. @returns null for 0: the order is what the machine's own rules make it */
export function scheduleDisturber(schedule: number): Disturber | null {
  if (schedule === 0) return null;
  const rates = { hold: ALL / HELD_CALL, holdNsMost: HOLD_NS_MOST, turnMost: TURN_MOST, faults: {} };
  return new Disturber({ seed: schedule, rates, isEndless: true });
}
