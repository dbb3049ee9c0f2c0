/**
 * Sizes as people write them, for all that reads some: commands, pages, treefiles, settings. A number alone is bytes;
 * units are powers of 1024, however they are spelled (`K`, `KB` and `KiB` are one), because sizes of memory and disks
 * are told so.
 */

/** As a JSON Schema takes it. */
export const SIZE_PATTERN = "^([0-9]+ ?[Bb]?|[0-9]+(\\.[0-9]+)? ?[KMGTkmgt]([Ii]?[Bb])?)$";

/** `1048576`, `512M`, `1.5G`, `20 GiB`: whole bytes, rounded down; undefined: it is no size, or beyond 2^53. */
export function bytesOfSize(text: string): number | undefined {
  if (!SIZE.test(text)) return undefined;
  const unit = /[KMGT]/i.exec(text)?.[0].toUpperCase() ?? "";
  const bytes = Math.floor(Number.parseFloat(text) * 1024 ** " KMGT".indexOf(unit || " "));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

const SIZE = new RegExp(SIZE_PATTERN);
