import { EINVAL } from "@stratos/abi";
import type { MountOptions } from "../../vfs/mount-options.ts";

/**
 * What Linux knows (Documentation/filesystems/isofs.rst, vfat.rst). Heeded are those of rights and owners, `norock`
 * and `nojoliet`; the others are about names in other alphabets, caches and what is written, or ask for what is done
 * anyhow.
 */
const OPTIONS: Readonly<Record<string, string>> = {
  iso9660:
    "norock nojoliet uid gid mode dmode overriderockperm iocharset utf8 map check cruft unhide hide showassoc block " +
    "conv session sbsector nocompress",
  vfat:
    "uid gid umask dmask fmask iocharset codepage utf8 nonumtail uni_xlate shortname check quiet sys_immutable flush " +
    "errors tz time_offset usefree discard nfs dos1xfloppy showexec debug allow_utime rodir conv dots nodots",
};

/** What FAT takes away where nothing says otherwise: root's umask, who mounts. */
const UMASK = 0o022;

/** Rights and owners of files of which the image says nothing. */
export interface ImageRights {
  /** null: as the image has it */
  readonly uid: number | null;
  readonly gid: number | null;
  /** Rights that files and folders have in place of the image's; null: those. */
  readonly fileMode: number | null;
  readonly folderMode: number | null;
  /** Rights that are taken away. */
  readonly fileMask: number;
  readonly folderMask: number;
  /** All of this is for files of which the image does say something, too. */
  readonly overrides: boolean;
  readonly usesRockRidge: boolean;
  readonly usesJoliet: boolean;
}

/** @param complain  is told what is wrong. @returns −EINVAL */
export function parseRights(
  name: string,
  options: MountOptions,
  complain: (why: string) => void,
): ImageRights | number {
  const isFat = name !== "iso9660";
  const known = OPTIONS[isFat ? "vfat" : name]!.split(" ");
  for (const key of options.keys()) {
    if (known.includes(key)) continue;
    complain(`Unrecognized mount option "${key}"`);
    return -EINVAL;
  }
  const values: (number | null)[] = [];
  for (const [key, base] of NUMBERS) {
    const value = numberOf(options.get(key), base);
    if (value !== null && value < 0) {
      complain(`Bad value for '${key}'`);
      return -EINVAL;
    }
    values.push(value);
  }
  const [uid = null, gid = null, fileMode = null, folderMode = null, umask, fileMask, folderMask] = values;
  const mask = isFat ? (umask ?? UMASK) : 0;
  return {
    uid,
    gid,
    fileMode: fileMode === null ? null : fileMode & 0o777,
    folderMode: folderMode === null ? null : folderMode & 0o777,
    fileMask: fileMask ?? mask,
    folderMask: folderMask ?? mask,
    overrides: options.has("overriderockperm"),
    usesRockRidge: !options.has("norock"),
    usesJoliet: !options.has("nojoliet"),
  };
}

const NUMBERS = [
  ["uid", 10],
  ["gid", 10],
  ["mode", 8],
  ["dmode", 8],
  ["umask", 8],
  ["fmask", 8],
  ["dmask", 8],
] as const;

function numberOf(text: string | undefined, base: 8 | 10): number | null {
  if (text === undefined) return null;
  const isRight = base === 8 ? /^[0-7]{1,7}$/.test(text) : /^\d{1,10}$/.test(text);
  const value = Number.parseInt(text, base);
  return isRight && value < 2 ** 32 - 1 ? value : -EINVAL;
}
