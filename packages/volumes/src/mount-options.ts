/** What `-o` of `stratos fs mount` says, as mount(8) writes it: words and `name=value`, separated by commas. */
import { bytesOfSize } from "@stratos/base/bytes-of-size";
import { CACHE_BYTES_DEFAULT, CACHE_BYTES_MIN } from "@stratos/aegisfs/mount-options";

/** A word that makes no sense. */
export class MountWordError extends Error {}

export interface MountWords {
  readonly readOnly: boolean;
  /** Let other users than the one who mounts in; null: those of root's mounts, as of any other file system. */
  readonly allowOther: boolean | null;
  /** Give the kernel a block device, so that it hands sync(2) on. */
  readonly asBlockDevice: boolean;
  /** Subvolume or snapshot to show instead of the default one. */
  readonly subvolume: string | null;
  /** The kernel gathers writes; null: unless the volume has quotas. */
  readonly writebackCache: boolean | null;
  readonly accessTimes: "relative" | "strict" | "never";
  /** Do access times of folders move, too? */
  readonly folderAccessTimes: boolean;
  /** Change how a mount that is there may be used, instead of mounting. */
  readonly remount: boolean;
  readonly controlNames: boolean;
  /** Null: 5 where sync(2) reaches the server, else 1. */
  readonly commitSeconds: number | null;
  /** Memory that the server may hold of the volume. */
  readonly cacheBytes: number;
  /** Further devices of the volume; `degraded`: also without some. */
  readonly devices: readonly string[];
  readonly degraded: boolean;
  /** File with the passphrase of an encrypted volume. */
  readonly keyFile: string | null;
  /** For mount(8), unchanged. */
  readonly others: readonly string[];
}

export const NO_MOUNT_WORDS: MountWords = {
  readOnly: false,
  allowOther: null,
  asBlockDevice: true,
  subvolume: null,
  writebackCache: null,
  accessTimes: "relative",
  folderAccessTimes: true,
  remount: false,
  controlNames: true,
  commitSeconds: null,
  cacheBytes: CACHE_BYTES_DEFAULT,
  devices: [],
  degraded: false,
  keyFile: null,
  others: [],
};

/** Words that mean something to the kernel for every file system. */
const KERNEL_WORDS = new Set([
  "nosuid",
  "suid",
  "nodev",
  "dev",
  "noexec",
  "exec",
  "sync",
  "async",
  "dirsync",
  "nosymfollow",
]);
/** Words of fstab(5) that are for mount(8) alone. */
const EMPTY_WORDS = new Set([
  "defaults",
  "auto",
  "noauto",
  "nofail",
  "_netdev",
  "user",
  "users",
  "nouser",
  "owner",
  "group",
]);

/** Adds to what earlier `-o` said; later words win. */
export function parseMountWords(text: string, previous: MountWords): MountWords {
  let words: MountWords = previous;
  for (const word of text.split(",")) {
    if (word === "" || EMPTY_WORDS.has(word) || /^(x-|X-|comment=)/.test(word)) continue;
    words = { ...words, ...meaningOf(word, words) };
  }
  return words;
}

function meaningOf(word: string, words: MountWords): Partial<MountWords> {
  const [, name, value] = /^([^=]*)(?:=(.*))?$/s.exec(word)!;
  switch (name) {
    case "ro":
    case "rw":
      if (value === undefined) return { readOnly: name === "ro" };
      break;
    case "allow_other":
    case "noallow_other":
    case "no_allow_other":
    case "private":
      if (value === undefined) return { allowOther: name === "allow_other" };
      break;
    case "blockdevice":
    case "noblockdevice":
      if (value === undefined) return { asBlockDevice: name === "blockdevice" };
      break;
    case "writeback":
    case "writethrough":
    case "nowriteback":
      if (value === undefined) return { writebackCache: name === "writeback" };
      break;
    case "noatime":
    case "relatime":
    case "strictatime":
      if (value === undefined)
        return { accessTimes: name === "noatime" ? "never" : name === "relatime" ? "relative" : "strict" };
      break;
    case "diratime":
    case "nodiratime":
      if (value === undefined) return { folderAccessTimes: name === "diratime" };
      break;
    case "remount":
      if (value === undefined) return { remount: true };
      break;
    case "control":
    case "nocontrol":
      if (value === undefined) return { controlNames: name === "control" };
      break;
    case "subvol":
      if (value !== undefined && value !== "") return { subvolume: value };
      break;
    case "snapshot":
      if (value !== undefined && value !== "") return { subvolume: value, readOnly: true };
      break;
    case "degraded":
      if (value === undefined) return { degraded: true };
      break;
    case "device":
      if (value !== undefined && value !== "") return { devices: [...words.devices, value] };
      break;
    case "keyfile":
      if (value !== undefined && value !== "") return { keyFile: value };
      break;
    case "commit":
      if (value !== undefined && /^\d{1,5}$/.test(value) && Number(value) > 0) return { commitSeconds: Number(value) };
      throw new MountWordError("commit=SECONDS takes a whole number from 1 to 99999");
    case "cache":
      return { cacheBytes: cacheSize(value ?? "") };
    default:
      if (KERNEL_WORDS.has(word)) return { others: [...words.others, word] };
  }
  throw new MountWordError(`'${word}': no such mount option`);
}

const CACHE_MIB_MIN = CACHE_BYTES_MIN / 2 ** 20;
const CACHE_MIB_MAX = 1 << 20;

function cacheSize(text: string): number {
  const mib = Math.floor((bytesOfSize(text) ?? 0) / 2 ** 20);
  if (!(mib >= CACHE_MIB_MIN && mib <= CACHE_MIB_MAX))
    throw new MountWordError(`cache=SIZE takes a size such as 256M or 2G, at least ${CACHE_MIB_MIN}M`);
  return mib * 2 ** 20;
}

/** The same as one text, for the process that serves; a remount has none. */
export function mountWordsText(words: MountWords): string {
  return [
    words.readOnly ? "ro" : "rw",
    ...(words.allowOther === null ? [] : [words.allowOther ? "allow_other" : "private"]),
    words.asBlockDevice ? "blockdevice" : "noblockdevice",
    ...(words.subvolume === null ? [] : [`subvol=${words.subvolume}`]),
    ...(words.writebackCache === null ? [] : [words.writebackCache ? "writeback" : "writethrough"]),
    { never: "noatime", relative: "relatime", strict: "strictatime" }[words.accessTimes],
    ...(words.folderAccessTimes ? [] : ["nodiratime"]),
    words.controlNames ? "control" : "nocontrol",
    ...(words.commitSeconds === null ? [] : [`commit=${words.commitSeconds}`]),
    `cache=${words.cacheBytes / 2 ** 20}M`,
    ...words.devices.map((path) => `device=${path}`),
    ...(words.degraded ? ["degraded"] : []),
    ...(words.keyFile === null ? [] : [`keyfile=${words.keyFile}`]),
    ...words.others,
  ].join(",");
}
