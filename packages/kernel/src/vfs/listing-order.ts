/** The first of some entries, in the order of their cursors, that lies behind a cursor of readdir(3). */
export function firstBehind(entries: readonly { readonly cursor: number }[], cursor: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (entries[middle]!.cursor > cursor) high = middle;
    else low = middle + 1;
  }
  return low;
}
