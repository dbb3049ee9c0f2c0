/**
 * What one member of a tar archive says, whichever of the three dialects (ustar, GNU, pax) it is written in. Source:
 * POSIX.1-2024 `pax`, sections "pax Header Block" and "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".
 */

export const TarType = {
  file: "0",
  hardLink: "1",
  symbolicLink: "2",
  characterDevice: "3",
  blockDevice: "4",
  directory: "5",
  fifo: "6",
} as const;
export type TarType = (typeof TarType)[keyof typeof TarType];

/** Strings are byte strings. */
export interface TarEntry {
  /** as archived: may be absolute or hold `..`, which the extractor must judge; a directory's final slash is removed */
  path: string;
  type: TarType;
  /** permission bits, 0 … 0o7777 */
  mode: number;
  uid: number;
  gid: number;
  uname: string;
  gname: string;
  /** bytes of data that follow; 0 for all but files */
  size: number;
  /** seconds since 1970, with a fraction when pax gave one */
  mtime: number;
  linkPath: string;
  deviceMajor: number;
  deviceMinor: number;
  /** extended attributes (`SCHILY.xattr.*`), values as byte strings */
  xattrs: ReadonlyMap<string, string>;
}

export const TAR_BLOCK_SIZE = 512;
export const NO_XATTRS: ReadonlyMap<string, string> = new Map();

/** A plain entry, to be completed by the caller. */
export function tarEntry(path: string, type: TarType, fields: Partial<TarEntry> = {}): TarEntry {
  return {
    path,
    type,
    mode: type === TarType.directory ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    uname: "",
    gname: "",
    size: 0,
    mtime: 0,
    linkPath: "",
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: NO_XATTRS,
    ...fields,
  };
}
