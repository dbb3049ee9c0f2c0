/** What a file system is given when it is mounted or changed: values by name, "" where there is none. */
export type MountOptions = ReadonlyMap<string, string>;

/** Between the values of an option that fsconfig(2) takes several times (its name ends in "+"): no path has it. */
export const LIST_SEPARATOR = "\0";

/** `size=64k,mode=755` → a map; flags without a value map to "". */
export function parseMountOptions(text: string): MountOptions {
  const options = new Map<string, string>();
  for (const part of text.split(",")) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    if (equals < 0) options.set(part, "");
    else options.set(part.slice(0, equals), part.slice(equals + 1));
  }
  return options;
}
