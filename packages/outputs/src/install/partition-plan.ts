/** From the partitions that are wanted to places on a disk: sizes in MiB, one of them may take the rest. */
import { bytesOfSize } from "@stratos/base/bytes-of-size";
import {
  FormatError,
  GPT_NAME_MAX,
  gptSpace,
  PARTITION_TYPES,
  type GptPartition,
  type SectorSize,
} from "@stratos/formats";
import type { BootArchitecture } from "../boot/boot-files.ts";
import type { PartitionConfig } from "./install-schema.ts";

export interface PlannedPartition {
  readonly config: PartitionConfig;
  readonly partition: GptPartition;
  /** of the file system: a UUID, or FAT's `ABCD-1234` */
  readonly uuid: string;
  readonly mountings: readonly Mounting[];
}

const MIB = 1 << 20;
const LEAST: Readonly<Record<PartitionConfig["format"], number>> = {
  vfat: MIB,
  ext4: 8 * MIB,
  btrfs: 64 * MIB,
  xfs: 300 * MIB,
  erofs: MIB,
  aegisfs: 16 * MIB,
  swap: MIB,
  none: MIB,
};

/** The first root mounts / alone: what mounts the others, by /etc/fstab, must lie there. */
const NEEDED_FIRST: readonly string[] = ["/bin", "/etc", "/lib", "/lib64", "/sbin", "/usr"];
/** What the kernel shows there is on no disk; and a running system puts its own there. */
const IN_MEMORY = /^\/(dev|proc|run|sys)(\/|$)/;

/** What is made when nothing is said: an EFI system partition and a root. */
export function defaultPartitions(
  options: { readonly rootFormat?: "ext4" | "btrfs" | "xfs"; readonly swap?: string } = {},
): PartitionConfig[] {
  return [
    { name: "esp", size: "256M", format: "vfat", mount: "/boot/efi" },
    ...(options.swap === undefined ? [] : [{ name: "swap", size: options.swap, format: "swap" as const }]),
    { name: "root", size: "rest", format: options.rootFormat ?? "ext4", mount: "/" },
  ];
}

/** A place of the system, and what holds it. */
interface Mounting {
  readonly mount: string;
  /** of btrfs; "" where the file system has none */
  readonly subvolume: string;
  readonly options: string | undefined;
}

/** What people expect of btrfs: users' files stay when the root goes back to a snapshot. */
const ROOT_SUBVOLUMES = [
  { name: "@", mount: "/" },
  { name: "@home", mount: "/home" },
] as const;

/** Where a partition's files belong. @param others  places that other partitions hold */
function mountings(
  { format, mount, options, subvolumes }: PartitionConfig,
  others: ReadonlySet<string> = new Set(),
): Mounting[] {
  if (format === "btrfs" && (subvolumes !== undefined || mount === "/")) {
    const own: readonly { name: string; mount: string; options?: string }[] =
      subvolumes ?? ROOT_SUBVOLUMES.filter((volume) => volume.mount === "/" || !others.has(volume.mount));
    return own.map((volume) => ({ mount: volume.mount, subvolume: volume.name, options: volume.options ?? options }));
  }
  return mount === undefined ? [] : [{ mount, subvolume: "", options }];
}

/** @param id  a UUID for each use. @throws FormatError for what cannot be */
export function planPartitions(
  wanted: readonly PartitionConfig[],
  diskSize: number,
  architecture: BootArchitecture,
  id: (what: string) => string,
  sectorSize: SectorSize = 512,
): PlannedPartition[] {
  check(wanted);
  const sizes = wanted.map(({ name, size, format }) => {
    if (size === "rest") return null;
    const bytes = bytesOfSize(size);
    if (bytes === undefined) throw new FormatError(`partition ${name}: '${size}' is no size such as 512M or 20G`);
    if (bytes < LEAST[format]) throw new FormatError(`partition ${name}: ${size} is too small for ${format}`);
    return Math.ceil(bytes / MIB) * MIB;
  });
  const end = Math.floor(gptSpace(diskSize, sectorSize).end / MIB) * MIB;
  const given = sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
  const rest = end - MIB - given;
  const index = sizes.indexOf(null);
  if (rest < 0 || (index !== -1 && rest < LEAST[wanted[index]!.format]))
    throw new FormatError(
      `the partitions need ${given + 2 * MIB + (index === -1 ? 0 : LEAST[wanted[index]!.format])} bytes, and the ` +
        `disk has ${diskSize}`,
    );
  let start = MIB;
  const places = new Set(wanted.map(({ mount }) => mount).filter((mount) => mount !== undefined));
  return wanted.map((config, position) => {
    const size = sizes[position] ?? rest;
    const partition: GptPartition = {
      type: typeOf(config, architecture),
      id: id(`partition ${config.name}`),
      name: config.name,
      start,
      size,
      attributes: 0,
    };
    start += size;
    const uuid = id(`file system ${config.name}`);
    return {
      config,
      partition,
      mountings: mountings(config, places),
      uuid: config.format === "vfat" ? `${uuid.slice(0, 4)}-${uuid.slice(4, 8)}`.toUpperCase() : uuid,
    };
  });
}

function check(wanted: readonly PartitionConfig[]): void {
  const names = new Set<string>(),
    mounts = new Set<string>();
  const places = new Set(wanted.map(({ mount }) => mount).filter((mount) => mount !== undefined));
  for (const config of wanted) {
    const { name, mount, format, size, subvolumes, snapshots } = config;
    if (names.has(name)) throw new FormatError(`partition ${name}: the name is taken`);
    // Counted as GPT does, in UTF-16.
    if (name.length > GPT_NAME_MAX)
      throw new FormatError(`partition ${name}: a name has at most ${GPT_NAME_MAX} characters`);
    if (mount !== undefined && (format === "swap" || format === "none"))
      throw new FormatError(`partition ${name}: ${format} is not mounted`);
    if (format !== "btrfs" && (subvolumes ?? snapshots) !== undefined)
      throw new FormatError(`partition ${name}: ${format} has no subvolumes; btrfs has`);
    if (mount !== undefined && subvolumes !== undefined)
      throw new FormatError(`partition ${name}: its subvolumes are mounted, not itself; leave mount out`);
    for (const [type, meant] of [
      ["esp", "vfat"],
      ["swap", "swap"],
    ] as const)
      if (config.type === type && format !== meant)
        throw new FormatError(`partition ${name}: is of type ${type}, which takes format ${meant}`);
    for (const own of mountings(config, places)) {
      if (NEEDED_FIRST.includes(own.mount))
        throw new FormatError(
          `partition ${name}: ${own.mount} cannot lie apart from /, as the system needs it before it mounts more`,
        );
      if (IN_MEMORY.test(own.mount)) throw new FormatError(`partition ${name}: ${own.mount} is on no disk`);
      if (mounts.has(own.mount)) throw new FormatError(`partition ${name}: ${own.mount} is taken`);
      mounts.add(own.mount);
    }
    const volumes = [...mountings(config, places).map(({ subvolume }) => subvolume), ...(snapshots ?? [])];
    const twice = volumes.find((volume, index) => volumes.indexOf(volume) !== index);
    if (twice !== undefined) throw new FormatError(`partition ${name}: the subvolume ${twice} is there twice`);
    if ((snapshots?.length ?? 0) > 0 && !mountings(config).some((own) => own.mount === "/"))
      throw new FormatError(`partition ${name}: snapshots are of the root, which lies elsewhere`);
    if (size === "rest" && wanted.filter((other) => other.size === "rest").length > 1)
      throw new FormatError("two partitions cannot both take the rest");
    names.add(name);
  }
  const root = wanted.find((config) => mountings(config).some(({ mount }) => mount === "/"));
  if (root === undefined) throw new FormatError("no partition is mounted on /");
  if (!["ext4", "btrfs", "xfs", "erofs"].includes(root.format))
    throw new FormatError(
      `partition ${root.name}: the root is on ext4, btrfs, xfs or erofs, which the kernel mounts by itself`,
    );
  if (!wanted.some(isEsp))
    throw new FormatError(
      "no partition is the EFI system partition (format vfat, mounted on /boot/efi, /efi or /boot)",
    );
}

/** The partition that firmware reads. */
export function isEsp(config: PartitionConfig): boolean {
  return (
    config.format === "vfat" && (config.type === "esp" || ["/boot/efi", "/efi", "/boot"].includes(config.mount ?? ""))
  );
}

function typeOf(config: PartitionConfig, architecture: BootArchitecture): string {
  if (config.type !== undefined) {
    const known = (PARTITION_TYPES as Readonly<Record<string, string>>)[config.type];
    if (known === undefined && !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(config.type))
      throw new FormatError(
        `partition ${config.name}: '${config.type}' is neither a GUID nor one of ` +
          `${Object.keys(PARTITION_TYPES).join(", ")}`,
      );
    return known ?? config.type.toLowerCase();
  }
  if (isEsp(config)) return PARTITION_TYPES.esp;
  if (config.format === "swap") return PARTITION_TYPES.swap;
  if (mountings(config).some(({ mount }) => mount === "/")) return PARTITION_TYPES[`root-${architecture}`];
  return config.mount === "/home" ? PARTITION_TYPES.home : PARTITION_TYPES.linux;
}
