/** Where a file's blocks lie, run by run: what file systems with extents write. */

/** All in blocks. */
interface Run {
  readonly logical: number;
  readonly physical: number;
  readonly count: number;
}

/** Adds a run, to the last extent where it continues it. @param blocksMax  of an extent */
export function appendRun(extents: Run[], run: Run, blocksMax: number): void {
  const last = extents.at(-1);
  if (
    last !== undefined &&
    last.logical + last.count === run.logical &&
    last.physical + last.count === run.physical &&
    last.count + run.count <= blocksMax
  )
    extents[extents.length - 1] = { ...last, count: last.count + run.count };
  else extents.push(run);
}
