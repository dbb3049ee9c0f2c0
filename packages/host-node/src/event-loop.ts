import { DELAY_MS_MAX, type EventLoop } from "@stratos/host";

/** Node's timers count whole milliseconds from the beginning of a turn of the loop, so they come up to so much late. */
const TIMER_LATE_MS = 1;
/** The thread stands still for so long at a time, so that events of the host wait no longer. */
const STILL_MS = 0.25;
/** What an operating system takes to wake a thread. That much before the end the loop only turns. */
const WAKE_MS = 0.1;

/** What nobody wakes. */
const cell = new Int32Array(new SharedArrayBuffer(4));

interface NearCall {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** Of all loops of the thread: calls that are due in the next moments, and how many have something to do at once. */
const near = new Set<NearCall>();
let soon = 0;
let isTurning = false;

/**
 * Node's own, whose timers are coarse: the last millisecond or two of a wait the thread stands still, where nothing
 * else is to be done, so that a program which sleeps for a tenth of a millisecond, or until the next picture, sleeps as
 * long as it does on Linux.
 */
export class NodeEventLoop implements EventLoop {
  callSoon(callback: () => void): void {
    soon++;
    setImmediate(() => {
      soon--;
      callback();
    });
  }

  callLater(delayMs: number, callback: () => void): () => void {
    const call = { dueMs: performance.now() + delayMs, callback };
    if (delayMs <= 2 * TIMER_LATE_MS) {
      comesNear(call);
      return () => void near.delete(call);
    }
    const timer = setTimeout(() => comesNear(call), Math.floor(delayMs - TIMER_LATE_MS));
    return () => {
      clearTimeout(timer);
      near.delete(call);
    };
  }

  hold(): () => void {
    const timer = setInterval(() => {}, DELAY_MS_MAX);
    return () => clearInterval(timer);
  }

  nowMs(): number {
    return performance.now();
  }
}

function comesNear(call: NearCall): void {
  near.add(call);
  beginTurning();
}

function beginTurning(): void {
  if (isTurning) return;
  isTurning = true;
  setImmediate(turn);
}

/** Makes the calls that are due, in their order; the others are waited for a little. */
function turn(): void {
  const nowMs = performance.now();
  let restMs = Infinity;
  let due: NearCall[] | null = null;
  for (const call of near) {
    if (call.dueMs <= nowMs) (due ??= []).push(call);
    else restMs = Math.min(restMs, call.dueMs - nowMs);
  }
  isTurning = near.size > (due?.length ?? 0);
  if (isTurning) setImmediate(turn);
  if (due === null) {
    if (isTurning && soon === 0 && restMs > WAKE_MS) Atomics.wait(cell, 0, 0, Math.min(restMs - WAKE_MS, STILL_MS));
    return;
  }
  if (due.length > 1) due.sort((one, other) => one.dueMs - other.dueMs);
  try {
    // One that a call before has taken back is gone.
    for (const call of due) if (near.delete(call)) call.callback();
  } finally {
    // One that throws leaves the others for the next turn.
    if (near.size > 0) beginTurning();
  }
}
