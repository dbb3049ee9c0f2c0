/**
 * Of a list that shows something, a part that still does and cannot spare any of its members (Zeller and Hildebrandt,
 * Simplifying and Isolating Failure-Inducing Input, 2002: ddmin). What is tried are runs, so their number is bounded.
 */

interface Narrowed<T> {
  readonly list: readonly T[];
  readonly runs: number;
  /** Each of its members is needed; false: the runs were used up before that was known. */
  readonly isLeast: boolean;
}

/**
 * @param list  it does show it
 * @param test  a part of the list; @returns what of it was used when it shows it (a part of that), null when it does
 *   not
 */
export async function narrow<T>(
  list: readonly T[],
  test: (part: readonly T[]) => Promise<readonly T[] | null>,
  runsMost: number,
): Promise<Narrowed<T>> {
  let current = list;
  let runs = 0;
  const tried = new Set<string>();
  const place = new Map(list.map((each, index) => [each, index]));
  const attempt = async (part: readonly T[]): Promise<boolean> => {
    const key = part.map((each) => place.get(each)).join(" ");
    if (tried.has(key)) return false;
    tried.add(key);
    runs++;
    const used = await test(part);
    if (used === null) return false;
    // What is used are members of the part.
    current = used.length < part.length && used.every((each) => place.has(each)) ? used : part;
    return true;
  };
  if (current.length > 0 && runsMost > 0 && (await attempt([]))) return { list: [], runs, isLeast: true };
  let pieces = 2;
  while (current.length > 1) {
    if (runs >= runsMost) return { list: current, runs, isLeast: false };
    pieces = Math.min(pieces, current.length);
    const size = Math.ceil(current.length / pieces);
    let isSmaller = false;
    for (let at = 0; at < current.length && !isSmaller && runs < runsMost; at += size)
      isSmaller = await attempt(current.slice(at, at + size));
    if (isSmaller) {
      pieces = 2;
      continue;
    }
    for (let at = 0; at < current.length && !isSmaller && runs < runsMost && pieces > 2; at += size)
      isSmaller = await attempt([...current.slice(0, at), ...current.slice(at + size)]);
    if (isSmaller) pieces = Math.max(pieces - 1, 2);
    else if (runs >= runsMost) return { list: current, runs, isLeast: false };
    else if (size === 1) break;
    else pieces *= 2;
  }
  return { list: current, runs, isLeast: true };
}
