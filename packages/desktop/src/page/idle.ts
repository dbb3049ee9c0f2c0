/** Whoever has gone away has touched nothing for a while. */
const LOOK_MS = 2000;
const MINUTE_MS = 60_000;
const TOUCHES = ["pointerdown", "pointermove", "keydown", "wheel"] as const;

/** @param minutes  0: never @param act  called once for each such time */
export function whenIdle(minutes: () => number, act: () => void): void {
  // Of the calendar: it goes on while the computer sleeps.
  let touchedMs = Date.now();
  let isDone = false;
  for (const kind of TOUCHES)
    addEventListener(
      kind,
      () => {
        touchedMs = Date.now();
        isDone = false;
      },
      { capture: true, passive: true },
    );
  setInterval(() => {
    const limit = minutes();
    if (isDone || limit === 0 || Date.now() - touchedMs < limit * MINUTE_MS) return;
    isDone = true;
    act();
  }, LOOK_MS);
}
