/** A database that is away fails each request and each chore, several times a second: its words are told once. */

const QUIET_MS = 60_000;
const KNOWN_MAX = 1_000;

interface Told {
  readonly atMs: number;
  /** Times that it was not told since. */
  more: number;
}

/** @returns what tells a text; the same one within a minute is counted, and the count told with it the next time */
export function withoutRepeats(
  tell: (text: string) => void,
  nowMs: () => number = () => performance.now(),
): (text: string) => void {
  // The one that was told first comes first.
  const known = new Map<string, Told>();
  return (text) => {
    const before = known.get(text);
    if (before !== undefined && nowMs() - before.atMs < QUIET_MS) return void before.more++;
    known.delete(text);
    known.set(text, { atMs: nowMs(), more: 0 });
    if (known.size > KNOWN_MAX) known.delete(known.keys().next().value!);
    tell(before === undefined || before.more === 0 ? text : `${text} (${before.more + 1} times)`);
  };
}
