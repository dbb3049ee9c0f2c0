import { MS_DIRSYNC, MS_LAZYTIME, MS_MANDLOCK, MS_RDONLY, MS_SYNCHRONOUS } from "@stratos/abi";

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

/** What says the same of each file system, by what it sets; `source` is told apart (fs/fs_context.c). */
export const COMMON_FLAGS: ReadonlyMap<string, { readonly flag: number; readonly isSet: boolean }> = new Map([
  ["ro", { flag: MS_RDONLY, isSet: true }],
  ["rw", { flag: MS_RDONLY, isSet: false }],
  ["dirsync", { flag: MS_DIRSYNC, isSet: true }],
  ["lazytime", { flag: MS_LAZYTIME, isSet: true }],
  ["nolazytime", { flag: MS_LAZYTIME, isSet: false }],
  ["mand", { flag: MS_MANDLOCK, isSet: true }],
  ["nomand", { flag: MS_MANDLOCK, isSet: false }],
  ["sync", { flag: MS_SYNCHRONOUS, isSet: true }],
  ["async", { flag: MS_SYNCHRONOUS, isSet: false }],
]);

/** Takes those out of the options of mount(2): MS_* as they shall be, where `mask` has them. */
export function takeCommonFlags(options: MountOptions): { flags: number; mask: number; others: MountOptions } {
  let flags = 0,
    mask = 0;
  const others = new Map(options);
  for (const key of options.keys()) {
    const common = COMMON_FLAGS.get(key);
    if (common === undefined) continue;
    others.delete(key);
    flags = common.isSet ? flags | common.flag : flags & ~common.flag;
    mask |= common.flag;
  }
  return { flags, mask, others };
}
