/**
 * Time of a recorded machine with a network while all its tasks sleep. It is the host's, or a timeout would be over
 * before the answer is there that it is for; and it is part of the recording, since an event that comes in the midst of
 * a sleep says by its moment how long that was.
 *
 *     asleep at 40 ── event at 55 ── … ── asleep at 60 ─────────────────── timer at 90
 *            └─ the host's time ─┘              └─ nothing has come in time ──┘
 *
 * Nothing that comes in a sleep has the moment of its end: a replay knows by that whether the sleep was cut short.
 */
import type { Moment, RecordedEvent } from "./recording-format.ts";

/** What this knows of a machine (Machine). */
interface SleepingMachine {
  readonly sleepsUntilNs: number | null;
  passTo(ns: number): void;
}

interface Arrivals {
  readonly hasNews: boolean;
  /** Something more may come of itself: it is waited for. */
  readonly isOpen: boolean;
  readonly moment: Moment;
}

export class SleepingTime {
  readonly #nowMs: () => number;
  /** The sleep that is under way. */
  #from: Moment | null = null;
  #startMs = 0;
  /** Milliseconds to go on sleeping. */
  restMs = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** While recording, before a turn. @returns the moment of what has come; null: it is for a later turn */
  pass(machine: SleepingMachine, { hasNews, isOpen, moment }: Arrivals): Moment | null {
    const until = machine.sleepsUntilNs;
    this.restMs = 0;
    if (until === null) {
      this.#from = null;
      return moment;
    }
    const now = this.#nowMs();
    if (this.#from?.instructions !== moment.instructions || this.#from.ns !== moment.ns) {
      this.#from = moment;
      this.#startMs = now;
    }
    const elapsedNs = Math.max(1, Math.floor((now - this.#startMs) * 1e6));
    const ns = Math.min(Math.floor(moment.ns) + elapsedNs, Math.ceil(until) - 1);
    if (hasNews && ns > moment.ns) {
      machine.passTo(ns);
      return { ...moment, ns };
    }
    if (!hasNews && (isOpen || until === Infinity)) {
      this.restMs = Math.max(0, (until - moment.ns - elapsedNs) / 1e6);
      if (this.restMs > 0) return null;
    }
    if (until !== Infinity) machine.passTo(until);
    return null;
  }

  /** While replaying, before a turn. @returns the moment of what is let in */
  passToEvent(machine: SleepingMachine, event: RecordedEvent | undefined, moment: Moment): Moment {
    const until = machine.sleepsUntilNs;
    if (until === null) return moment;
    if (event !== undefined && isWithinSleep(event, moment, until)) {
      machine.passTo(event.ns);
      return { ...moment, ns: event.ns };
    }
    // None has the moment of a sleep's end.
    if (until !== Infinity) machine.passTo(until);
    return { ...moment, ns: -1 };
  }
}

/** Has the event come while a machine slept? */
export function isWithinSleep(event: RecordedEvent | undefined, from: Moment, untilNs: number): boolean {
  if (event === undefined || event.instructions !== from.instructions) return false;
  return event.ns > from.ns && event.ns < untilNs;
}
