import { EINVAL } from "@stratos/abi";
import type { MountOptions } from "../../vfs/mount-options.ts";

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
