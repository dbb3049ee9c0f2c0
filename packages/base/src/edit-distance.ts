/** Which known name somebody meant who wrote another: the one that the fewest slips of the fingers make of it. */

/**
 * The closest of some names; the first of equally close ones.
 *
 * @param slips  how many slips are believed of somebody who meant this name
 * @returns undefined when none is so close
 */
export function closestName(
  name: string,
  names: Iterable<string>,
  slips: (meant: string) => number,
): string | undefined {
  let best: string | undefined,
    bound = Infinity;
  for (const meant of names) {
    const own = Math.min(bound, slips(meant) + 1);
    if (Math.abs(meant.length - name.length) >= own) continue;
    const distance = editDistance(name, meant, own);
    if (distance < own) {
      best = meant;
      bound = distance;
    }
  }
  return best;
}

/** For short lists of words, such as commands and keys: a third of the letters, and one at least. */
export function slipsOfWord(meant: string): number {
  return Math.max(1, Math.floor(meant.length / 3));
}

/**
 * Letters missed, added, changed, or exchanged with their neighbours (optimal string alignment), or `bound` when these
 * are at least that.
 */
export function editDistance(left: string, right: string, bound = Infinity): number {
  let before: number[] = [],
    previous = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    let least = row;
    for (let column = 1; column <= right.length; column++) {
      const isSame = left[row - 1] === right[column - 1];
      let value = Math.min(previous[column]! + 1, current[column - 1]! + 1, previous[column - 1]! + (isSame ? 0 : 1));
      if (row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1])
        value = Math.min(value, before[column - 2]! + 1);
      current.push(value);
      least = Math.min(least, value);
    }
    // An exchange reaches over a row.
    if (least >= bound && Math.min(...previous) >= bound) return bound;
    before = previous;
    previous = current;
  }
  return Math.min(previous[right.length]!, bound);
}
