/** Scripts that run some of their cases, by names that somebody types. */

const isPart = (name: string, text: string): boolean => name.includes(text);
export const isWhole = (name: string, text: string): boolean => name === text;

/**
 * Ends the script with status 2 when one of `wanted` means none of its cases: `0 passed, 0 failed` would look like
 * success.
 *
 * @param isMeant  default: a part of a name means it
 */
export function refuseUnknown(wanted: readonly string[], names: readonly string[], isMeant = isPart): void {
  const unknown = wanted.filter((text) => !names.some((name) => isMeant(name, text)));
  if (unknown.length === 0) return;
  console.error(`no such case: ${unknown.join(", ")}; there are ${[...new Set(names)].join(", ")}`);
  process.exit(2);
}
