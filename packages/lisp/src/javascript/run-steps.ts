/** A session's work in parts, each run when the one before has ended; one may have to wait for JavaScript. */
import type { Bridge } from "./bridge.ts";
import { LeftForEvents } from "./outcome.ts";

/** Each part, as a function that runs it; it is given the part's value. */
export type Steps<T> = Generator<() => unknown, T, unknown>;

export function runSteps<T>(steps: Steps<T>): T {
  for (let next = steps.next(); ;) {
    if (next.done === true) return next.value;
    let value: unknown;
    try {
      value = next.value();
    } catch (error) {
      next = steps.throw(error);
      continue;
    }
    next = steps.next(value);
  }
}

/** The same where programs may wait for promises: the event loop runs meanwhile. */
export async function runStepsWaiting<T>(steps: Steps<T>, bridge: Bridge): Promise<T> {
  for (let next = steps.next(); ;) {
    if (next.done === true) return next.value;
    let value: unknown;
    try {
      value = await runWaiting(next.value, bridge);
    } catch (error) {
      next = steps.throw(error);
      continue;
    }
    next = steps.next(value);
  }
}

async function runWaiting(start: () => unknown, bridge: Bridge): Promise<unknown> {
  for (let go = start; ; go = () => bridge.enter()) {
    bridge.canWait = true;
    try {
      return go();
    } catch (error) {
      if (!(error instanceof LeftForEvents)) throw error;
    } finally {
      bridge.canWait = false;
    }
    await bridge.somethingComes();
  }
}
