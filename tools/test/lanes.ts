/**
 * Which test file runs beside which, and which ones share a process. A file that waits leaves its core to others, so
 * lanes are counted in processor time: files run beside each other while what they need together fits the cores, the
 * longest first, so that no long one is left for the end. Most files are over sooner than what they import is loaded,
 * so those that import alike are loaded together: of a package, and of tests whose names begin alike.
 */

/** What a file took when it ran last, with all that it started. */
export interface Cost {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

export interface PlannedFile extends Cost {
  readonly path: string;
}

/** Files that run in one process, one after the other; `path` is what theirs begin with, what they cost their sum. */
export interface Batch extends PlannedFile {
  readonly files: readonly PlannedFile[];
}

/** Of a core, that may be promised twice: who waits seldom waits at the same time. */
const SLACK = 0.75;
/** For each core: files that only wait take memory, too, and on a slow computer none of them only waits. */
const FILES_PER_CORE = 4;

/** Of processor time, of a file that is loaded with others; a longer one gains nothing by that. */
const BATCHED_SECONDS = 12;
/** Of a batch: a process that ends badly takes the rest of its files along, and those that wait wait in turn. */
const BATCH: Cost = { seconds: 120, cpuSeconds: 40 };

/** Of each kind one file runs at a time: those that look at `builder/work` in the test home; at the loop devices. */
export const APART: readonly RegExp[] = [
  /^tests\/(builder|hub-repositories)[^/]*\.test\.ts$/,
  /^tests\/fuse[^/]*\.test\.ts$/,
];

/**
 * Files that mount on the host. They get a mount namespace of their own: who copies the host's (`unshare --mount`, as
 * scripts of packages are run) would keep their mounts beyond their end.
 */
export const MOUNTING: readonly RegExp[] = [
  /^tests\/fuse[^/]*\.test\.ts$/,
  /^packages\/cli\/src\/commands\/fs-transactions\.test\.ts$/,
  /^packages\/formats\/src\/(erofs|xfs)\/[^/]*\.test\.ts$/,
];

/**
 * Makes the image that whole-system tests run in, where there is none yet. They would wait for it, all lanes taken and
 * a core idle; so it goes first, beside unit tests.
 */
export const MAKES_IMAGE = "tests/image.test.ts";
/** What waits for it: who uses the image by one of these. */
const USES_IMAGE: readonly RegExp[] = [
  /\b(stratosRun|(TEST|SCREEN)_IMAGE|ensure\w*Image)\b/,
  /\b(compare|library-project|served-console|systems-home)\.ts/,
  /conformance\/python/,
];

/** @param text  the file's source */
export function waitsForImage(path: string, text: string): boolean {
  return path.startsWith("tests/") && path !== MAKES_IMAGE && USES_IMAGE.some((use) => use.test(text));
}

function runsAlone(path: string): boolean {
  return path === MAKES_IMAGE || mounts(path) || APART.some((kind) => kind.test(path));
}

export function mounts(path: string): boolean {
  return MOUNTING.some((kind) => kind.test(path));
}

/** Such as `packages/hub`, `tests/lisp` of `tests/lisp-numbers.test.ts`, `tests/saved` of a file in that folder. */
const ALIKE = /^(packages\/[^/]+|tests\/[a-z]+)/;

/** @returns the files, those that import alike and can share a process joined */
export function joinShort(files: readonly PlannedFile[]): (PlannedFile | Batch)[] {
  const joined: (PlannedFile | Batch)[] = [];
  const open = new Map<string, Batch>();
  for (const file of files) {
    const [folder] = ALIKE.exec(file.path) ?? [];
    if (folder === undefined || file.cpuSeconds > BATCHED_SECONDS || runsAlone(file.path)) {
      joined.push(file);
      continue;
    }
    const begun = open.get(folder) ?? { path: folder, files: [], seconds: 0, cpuSeconds: 0 };
    const batch: Batch = {
      path: folder,
      files: [...begun.files, file],
      seconds: begun.seconds + file.seconds,
      cpuSeconds: begun.cpuSeconds + file.cpuSeconds,
    };
    if (batch.seconds < BATCH.seconds && batch.cpuSeconds < BATCH.cpuSeconds) open.set(folder, batch);
    else {
      open.delete(folder);
      joined.push(batch);
    }
  }
  return [...joined, ...[...open.values()].map((batch) => (batch.files.length === 1 ? batch.files[0]! : batch))];
}

/** Of a file that hangs; who is known to take long, or waits for a busy machine, is given time. */
const LIMIT_SECONDS = 480;
const LIMIT_FACTOR = 8;

/** @returns after so many seconds the file is taken for one that does not end */
export function limitSecondsOf({ seconds }: Cost): number {
  return LIMIT_SECONDS + Math.round(LIMIT_FACTOR * seconds);
}

/** @returns the longest first, but for what others wait for; alike ones as they come */
export function longestFirst<F extends PlannedFile>(files: readonly F[]): F[] {
  const rank = ({ path, seconds }: PlannedFile): number => (path === MAKES_IMAGE ? Infinity : seconds);
  return files.toSorted((a, b) => (rank(a) === rank(b) ? 0 : rank(b) - rank(a)));
}

/**
 * @param mayBegin  what a file waits for is there
 * @returns index of the first waiting file that may begin now; −1: none
 */
export function nextToRun<F extends PlannedFile>(
  waiting: readonly F[],
  running: readonly PlannedFile[],
  cores: number,
  mayBegin: (file: F) => boolean = () => true,
): number {
  if (running.length === 0) return waiting.length > 0 ? Math.max(0, waiting.findIndex(mayBegin)) : -1;
  if (running.length >= cores * FILES_PER_CORE) return -1;
  const busy = running.reduce((sum, file) => sum + demandOf(file), 0);
  return waiting.findIndex(
    (file) =>
      busy + demandOf(file) <= cores + SLACK &&
      mayBegin(file) &&
      !running.some((other) => areApart(file.path, other.path)),
  );
}

/** Cores; at most one, so that what needs more is not put off for ever. */
function demandOf({ seconds, cpuSeconds }: Cost): number {
  return Math.min(1, cpuSeconds / Math.max(seconds, 0.001));
}

function areApart(one: string, other: string): boolean {
  return APART.some((kind) => kind.test(one) && kind.test(other));
}
