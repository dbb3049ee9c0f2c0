/**
 * How long V8 waits before it compiles a function for speed. A compose runs for a second or two, and most of what is
 * hot in it is so for a few milliseconds: with V8's own numbers a seventh of that second goes to compiling what is
 * hardly used afterwards. What is hot for longer than some tenths of a second is compiled all the same.
 */

/** In runs of a function, weighed by its size; and of a loop that does not end. Source: `node --v8-options`. */
const THRESHOLDS = {
  "invocation-count-for-maglev": { usual: 400, late: 5_000 },
  "invocation-count-for-maglev-osr": { usual: 100, late: 1_500 },
  "invocation-count-for-turbofan": { usual: 3_000, late: 100_000 },
  "invocation-count-for-osr": { usual: 500, late: 20_000 },
} as const;

/** Whose flags these are; one that does not know them would say so to the user. */
const IS_KNOWN = process.versions.v8.startsWith("13.6.");

/** Holds for what is called from now on, in all threads. */
export function compileLate(isLate: boolean): void {
  if (!IS_KNOWN) return;
  // Each command loads this file, few call it.
  const { setFlagsFromString } = process.getBuiltinModule("node:v8");
  for (const [flag, { usual, late }] of Object.entries(THRESHOLDS))
    setFlagsFromString(`--${flag}=${isLate ? late : usual}`);
}
