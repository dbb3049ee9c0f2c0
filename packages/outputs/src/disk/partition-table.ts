/**
 * A disk's own partitions, as a treefile wants them: what is wrong with them, whatever the tree, and how large each
 * becomes. Source: UAPI Discoverable Partitions Specification (types, attributes); repart.d(5), whose rules of sizes
 * and weights these are.
 */
import {
  FormatError,
  GPT_NAME_MAX,
  gptSpace,
  PARTITION_TYPES,
  type GptPartition,
  type PartitionTypeName,
} from "@stratos/formats";
import type { BootArchitecture } from "../boot/boot-files.ts";

export const PARTITION_FILE_SYSTEMS = [
  "ext4",
  "btrfs",
  "xfs",
  "erofs",
  "squashfs",
  "vfat",
  "swap",
  "lvm",
  "none",
] as const;
export type PartitionFileSystem = (typeof PARTITION_FILE_SYSTEMS)[number];

export interface DiskPartition {
  readonly name: string;
  /** a name of `PARTITION_TYPES` without its architecture, or a GUID */
  readonly type?: string;
  readonly fileSystem: PartitionFileSystem;
  readonly mount?: string;
  /**
   * bytes; without one it is what the files need, between `min` and `max`, and a share of the rest of the disk by
   * `weight`
   */
  readonly size?: number;
  readonly min?: number;
  readonly max?: number;
  readonly weight?: number;
  /** in the table; default: the name */
  readonly label?: string;
  /** of the partition */
  readonly uuid?: string;
  readonly isReadOnly?: boolean;
  readonly grows?: boolean;
  /** of mounting, instead of the usual */
  readonly options?: string;
  /** default: true where it is mounted */
  readonly inFstab?: boolean;
  /** also in the MBR, for firmware that reads no GPT */
  readonly inMbr?: boolean;
  /** packs contents: zstd of btrfs and squashfs, LZ4 of EROFS */
  readonly isPacked?: boolean;
  /** a partition of hashes behind it vouches for each block */
  readonly hasVerity?: boolean;
  readonly encryption?: PartitionEncryption;
  /** of LVM: what it is divided into */
  readonly volumes?: readonly DiskPartition[];
  /** default: the name */
  readonly volumeGroup?: string;
}

/** How LVM calls a partition's volumes together. A '-' would stand doubled in the names of devices. */
export function volumeGroupOf({ name, volumeGroup }: DiskPartition): string {
  return (volumeGroup ?? name).replaceAll("-", "_");
}

export interface PartitionEncryption {
  /** passphrase or key */
  readonly secret: Uint8Array;
  readonly derivation?: "argon2id" | "pbkdf2";
  /** bytes of chance, instead of what is derived from the secret */
  readonly random?: (length: number) => Uint8Array;
  /** it lies in the root, which is encrypted itself */
  readonly keepsKey?: boolean;
}

/** A rule that partitions break. `key`: of the partition, "" for all of it. */
export interface PartitionProblem {
  readonly name: string;
  readonly key: string;
  readonly message: string;
}

const MIB = 1 << 20;
/** As repart.d(5) has it. */
const USUAL_WEIGHT = 1000;
const READ_ONLY: ReadonlySet<PartitionFileSystem> = new Set(["erofs", "squashfs"]);
/** What the first root mounts / from alone, so that it cannot lie elsewhere. */
const NEEDED_FIRST: ReadonlySet<string> = new Set(["/bin", "/etc", "/lib", "/lib64", "/sbin", "/usr"]);
const IN_MEMORY = /^\/(dev|proc|run|sys)(\/|$)/;
/** What a volume may hold. */
const IN_VOLUMES: ReadonlySet<PartitionFileSystem> = new Set(["ext4", "btrfs", "xfs", "erofs", "swap"]);
const LEAST: Readonly<Record<PartitionFileSystem, number>> = {
  ext4: 8 * MIB,
  btrfs: 64 * MIB,
  xfs: 300 * MIB,
  erofs: MIB,
  squashfs: MIB,
  vfat: MIB,
  swap: MIB,
  lvm: 8 * MIB,
  none: MIB,
};
/** Places of the specification whose partitions are found without /etc/fstab. */
const TYPE_OF_MOUNT: Readonly<Record<string, PartitionTypeName>> = {
  "/home": "home",
  "/srv": "srv",
  "/var": "var",
  "/var/tmp": "tmp",
};
/** An MBR has four places, of which one tells that there is a GPT. */
const MBR_PARTITIONS_MAX = 3;

export function isEfiPartition({
  type,
  fileSystem,
  mount,
}: Pick<DiskPartition, "type" | "fileSystem" | "mount">): boolean {
  return (
    fileSystem === "vfat" &&
    (type === "esp" || (type === undefined && ["/boot/efi", "/efi", "/boot"].includes(mount ?? "")))
  );
}

/** What cannot be, told before anything is made. */
export function partitionProblems(wanted: readonly DiskPartition[], diskSize: number | undefined): PartitionProblem[] {
  const problems: PartitionProblem[] = [];
  const mounts = new Map<string, string>();
  const all = wanted.flatMap((one) => [one, ...(one.volumes ?? [])]);
  for (const one of all) {
    const { name, mount, fileSystem, size, min, max } = one;
    const tell = (key: string, message: string): void => void problems.push({ name, key, message });
    if ((one.label ?? name).length > GPT_NAME_MAX)
      tell(one.label === undefined ? "" : "label", `a name has at most ${GPT_NAME_MAX} characters`);
    if (mount !== undefined && (fileSystem === "swap" || fileSystem === "none" || fileSystem === "lvm"))
      tell("mount", fileSystem === "lvm" ? "its volumes are mounted, not itself" : `${fileSystem} is not mounted`);
    if ((fileSystem === "lvm") !== (one.volumes !== undefined && one.volumes.length > 0))
      tell(
        "volumes",
        fileSystem === "lvm"
          ? "are missing: what it is divided into"
          : `${fileSystem} is not divided into volumes; lvm is`,
      );
    if (!wanted.includes(one) && !IN_VOLUMES.has(fileSystem))
      tell("filesystem", `${fileSystem} lies on a partition of its own, not in a volume`);
    if (all.some((other) => other !== one && other.name === name))
      tell("", "the name is that of another partition or volume");
    if (mount !== undefined && NEEDED_FIRST.has(mount))
      tell("mount", `${mount} cannot lie apart from /, as the system needs it before it mounts more`);
    if (mount !== undefined && IN_MEMORY.test(mount)) tell("mount", `${mount} is on no disk`);
    const other = mount === undefined ? undefined : mounts.get(mount);
    if (other !== undefined) tell("mount", `${mount} is that of the partition ${other}`);
    if (mount !== undefined) mounts.set(mount, name);
    if (size !== undefined && (min ?? max ?? one.weight) !== undefined)
      tell("size", "says all; leave out min, max and weight, or size");
    if (min !== undefined && max !== undefined && min > max) tell("min", "is more than max");
    for (const [key, bytes] of [
      ["size", size],
      ["max", max],
    ] as const)
      if (bytes !== undefined && bytes < LEAST[fileSystem])
        tell(key, `is too small for ${fileSystem}, which takes ${LEAST[fileSystem] / MIB}M`);
    if ((fileSystem === "swap" || fileSystem === "none") && (size ?? min) === undefined)
      tell("size", `is missing: nothing tells how large ${fileSystem} is to be`);
    if (one.type !== undefined && typeGuid(one.type, "amd64") === undefined)
      tell("type", `'${one.type}' is neither a GUID nor one of ${typeNames().join(", ")}`);
    if (one.type === "esp" && fileSystem !== "vfat") tell("filesystem", "an EFI system partition is vfat");
    if (one.hasVerity === true && !READ_ONLY.has(fileSystem) && !(fileSystem === "ext4" && one.isReadOnly === true))
      tell(
        "verity",
        `vouches for what is never written: erofs, squashfs, or ext4 with read-only: true, not ${fileSystem}`,
      );
    if (one.hasVerity === true && mount !== "/")
      tell("verity", "is for the partition mounted on /, which the first root opens");
    if (one.encryption !== undefined && (isEfiPartition(one) || fileSystem === "none" || fileSystem === "vfat"))
      tell(
        "encrypt",
        isEfiPartition(one)
          ? "firmware reads what is not encrypted alone"
          : `${fileSystem} is not encrypted; a file system of Linux is`,
      );
    if (one.encryption !== undefined && one.hasVerity === true)
      tell("encrypt", "what hashes vouch for is read as it is; leave out verity, or encrypt");
    if (
      one.encryption?.keepsKey === true &&
      (mount === "/" ||
        wanted.find((other) => other.mount === "/" || other.volumes?.some((volume) => volume.mount === "/") === true)
          ?.encryption === undefined)
    )
      tell(
        "encrypt.keep-key",
        mount === "/"
          ? "nothing but itself could hold its key"
          : "the key would lie in a root that everybody reads; encrypt that, too",
      );
    if (one.grows === true && READ_ONLY.has(fileSystem)) tell("grow", `${fileSystem} does not grow`);
    if (one.grows === true && wanted.includes(one) && wanted.at(-1) !== one)
      tell(
        "grow",
        "grows where there is room behind it, and there is the partition " +
          `${wanted[wanted.indexOf(one) + 1]!.name}; the last one can`,
      );
    if (one.isPacked === true && !["btrfs", "erofs", "squashfs"].includes(fileSystem))
      tell("compression", `${fileSystem} is not packed`);
  }
  const root = all.find(({ mount }) => mount === "/");
  if (root === undefined) problems.push({ name: "", key: "", message: "no partition is mounted on /" });
  else if (root.fileSystem === "vfat")
    problems.push({
      name: root.name,
      key: "filesystem",
      message: "the root is on ext4, btrfs, xfs, erofs or squashfs",
    });
  if (!wanted.some(isEfiPartition))
    problems.push({
      name: "",
      key: "",
      message: "no partition is the EFI system partition (filesystem vfat, mounted on /boot/efi, /efi or /boot)",
    });
  if (wanted.filter(({ inMbr }) => inMbr === true).length > MBR_PARTITIONS_MAX)
    problems.push({
      name: wanted.filter(({ inMbr }) => inMbr === true).at(-1)!.name,
      key: "mbr",
      message: `an MBR beside a GPT has room for ${MBR_PARTITIONS_MAX} partitions`,
    });
  const fixed = wanted.reduce(
    (sum, { size, min, fileSystem }) => sum + roundUp(size ?? min ?? LEAST[fileSystem]),
    2 * MIB,
  );
  if (problems.length === 0 && diskSize !== undefined && fixed > diskSize)
    problems.push({
      name: "",
      key: "",
      message: `the partitions need ${fixed} bytes at least, and the disk is to have ${diskSize}`,
    });
  return problems;
}

/** What a partition holds, or is made of when it is derived from another. */
export interface SizedPartition {
  readonly partition: DiskPartition;
  /** bytes that its content needs */
  readonly need: number;
  /** what it gets where nothing else is said: `need` and some room */
  readonly usual: number;
  /** nothing but the content is to be there */
  readonly isExact: boolean;
}

/**
 * Bytes of each partition, whole MiB, in order; what a disk of a given size has left goes to those that may have it, by
 * weight.
 *
 * @throws FormatError  naming the partition that does not fit
 */
export function partitionSizes(wanted: readonly SizedPartition[], diskSize: number | undefined): number[] {
  const sizes = wanted.map(({ partition: { name, size, min, max, fileSystem }, need, usual }) => {
    const bytes = roundUp(
      size ?? Math.min(Math.max(usual, min ?? 0, LEAST[fileSystem]), Math.max(max ?? Number.POSITIVE_INFINITY, 0)),
    );
    if (bytes < need)
      throw new PartitionError(
        name,
        size === undefined ? "max" : "size",
        `what lies there needs ${need} bytes, and it is to have ${bytes}`,
      );
    return bytes;
  });
  if (diskSize === undefined) return sizes;
  const end = Math.floor(gptSpace(diskSize).end / MIB) * MIB;
  let rest = end - MIB - sizes.reduce((sum, size) => sum + size, 0);
  if (rest < 0) {
    // Where the disk is small, nobody gets more than is needed.
    wanted.forEach(({ partition: { size, min, fileSystem }, need }, index) => {
      if (size === undefined) sizes[index] = roundUp(Math.max(need, min ?? 0, LEAST[fileSystem]));
    });
    rest = end - MIB - sizes.reduce((sum, size) => sum + size, 0);
    if (rest < 0)
      throw new FormatError(`the partitions need ${end - rest + MIB} bytes, and the disk is to have ${diskSize}`);
  }
  // Who reaches its max drops out, and the others share again: each turn ends with one fewer.
  const open = new Set([...wanted.keys()].filter((index) => weightOf(wanted[index]!) > 0));
  while (rest >= MIB && open.size > 0) {
    const weights = [...open].reduce((sum, index) => sum + weightOf(wanted[index]!), 0);
    let isCapped = false;
    const shares = [...open].map((index) => ({
      index,
      share: Math.floor((rest * weightOf(wanted[index]!)) / weights / MIB) * MIB,
    }));
    for (const { index, share } of shares) {
      const room = Math.floor((wanted[index]!.partition.max ?? Number.POSITIVE_INFINITY) / MIB) * MIB - sizes[index]!;
      if (room > share) continue;
      sizes[index]! += Math.max(0, room);
      rest -= Math.max(0, room);
      open.delete(index);
      isCapped = true;
    }
    if (isCapped) continue;
    for (const { index, share } of shares) {
      sizes[index]! += share;
      rest -= share;
    }
    const last = [...open].at(-1)!;
    sizes[last]! += Math.floor(rest / MIB) * MIB;
    break;
  }
  return sizes;
}

function weightOf({ partition: { size, weight, type, fileSystem, mount }, isExact }: SizedPartition): number {
  return size !== undefined ||
    (isExact && weight === undefined) ||
    (isEfiPartition({
      fileSystem,
      ...(type === undefined ? {} : { type }),
      ...(mount === undefined ? {} : { mount }),
    }) &&
      weight === undefined)
    ? 0
    : (weight ?? USUAL_WEIGHT);
}

/** One partition cannot be what it is to be. */
export class PartitionError extends FormatError {
  override name = "PartitionError";
  readonly partition: string;
  readonly key: string;
  constructor(partition: string, key: string, message: string) {
    super(`partition ${partition}: ${message}`);
    this.partition = partition;
    this.key = key;
  }
}

/**
 * GPT's attributes that the specification knows: bit 60 read-only, 59 the file system grows, 63 not found by itself.
 */
export function tableEntry(
  { name, label, uuid, ...one }: DiskPartition,
  place: { start: number; size: number; id: string },
  architecture: BootArchitecture,
): GptPartition {
  const isReadOnly = one.isReadOnly === true || one.hasVerity === true || READ_ONLY.has(one.fileSystem);
  const hasTypeOfSpecification = one.fileSystem !== "vfat" && one.fileSystem !== "none" && one.fileSystem !== "lvm";
  const attributesHigh = hasTypeOfSpecification ? (isReadOnly ? 1 << 28 : 0) | (one.grows === true ? 1 << 27 : 0) : 0;
  return {
    type: partitionType(one, architecture),
    id: uuid ?? place.id,
    name: label ?? name,
    start: place.start,
    size: place.size,
    attributes: 0,
    ...(attributesHigh === 0 ? {} : { attributesHigh }),
  };
}

function partitionType(
  one: Pick<DiskPartition, "type" | "fileSystem" | "mount">,
  architecture: BootArchitecture,
): string {
  if (one.type !== undefined) return typeGuid(one.type, architecture)!;
  if (isEfiPartition(one)) return PARTITION_TYPES.esp;
  if (one.fileSystem === "swap") return PARTITION_TYPES.swap;
  if (one.fileSystem === "lvm") return PARTITION_TYPES.lvm;
  if (one.mount === "/") return PARTITION_TYPES[`root-${architecture}`];
  return PARTITION_TYPES[TYPE_OF_MOUNT[one.mount ?? ""] ?? "linux"];
}

/** `root` is that of the disk's architecture. */
function typeGuid(type: string, architecture: BootArchitecture): string | undefined {
  const types: Readonly<Record<string, string>> = PARTITION_TYPES;
  return (
    types[type] ??
    types[`${type.replace(/-verity$/, "")}-${architecture}${type.endsWith("-verity") ? "-verity" : ""}`] ??
    (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(type) ? type.toLowerCase() : undefined)
  );
}

function typeNames(): string[] {
  return [...new Set(Object.keys(PARTITION_TYPES).map((name) => name.replace(/-(amd64|arm64|riscv64)/, "")))];
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / MIB) * MIB;
}
