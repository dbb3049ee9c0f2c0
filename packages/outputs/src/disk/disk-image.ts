/**
 * A disk that a machine boots: partition table, EFI system partition, root on a file system of choice, all from a tree
 * and without mounting anything. Numbers that others take from chance (UUIDs) come from the image's name, so that the
 * same tree gives the same disk.
 */
import { utf8Of } from "@stratos/base";
import {
  DiskWindow,
  FatVolume,
  FormatError,
  gptSpace,
  PARTITION_TYPES,
  sha256Of,
  uuidFrom,
  writeGpt,
  type Codecs,
  type Disk,
  type FileTree,
  type GptPartition,
} from "@stratos/formats";
import { TreeDraft } from "../tree/tree-draft.ts";
import {
  bootFiles,
  completeEntries,
  type BootArchitecture,
  type BootEntry,
  type BootFiles,
  type BootLoader,
} from "../boot/boot-files.ts";
import { findDeployments } from "../boot/deployments.ts";
import { TreePaths } from "../tree/tree-paths.ts";
import { rootFileSystem, type RootFileSystem, type RootFormat, type RootShare } from "./root-format.ts";
import { splitTree } from "./split-tree.ts";

export interface DiskImageOptions {
  readonly name: string;
  readonly architecture: BootArchitecture;
  /** seconds since 1970 */
  readonly time: number;
  /** bytes of the whole disk; by default what the tree needs, and a fifth more for the root */
  readonly size?: number;
  readonly loader?: BootLoader;
  readonly commandLine?: string;
  readonly ownInitramfs?: boolean;
  /** default: ext4 */
  readonly rootFormat?: RootFormat;
  /** AegisFS, from a caller that has its engine */
  readonly aegisfs?: RootFileSystem;
  /** on btrfs: name of a read-only snapshot of the root as it is now, which the menu offers */
  readonly snapshot?: string;
  /** pack contents of a root on btrfs (zstd) or EROFS (LZ4) */
  readonly isPacked?: boolean;
}

export interface DiskPlan {
  /** bytes */
  readonly size: number;
  readonly diskId: string;
  readonly partitions: readonly GptPartition[];
  readonly boot: BootFiles;
  readonly rootUuid: string;
  /** Writes all of it. @param isZeroed  the disk's bytes are zero already */
  write(disk: Disk, isZeroed: boolean): void;
}

const MIB = 1 << 20;
const ESP_MIN = 64 * MIB;
/** Users' files stay when the root goes back to a snapshot. */
const BTRFS_VOLUMES = [
  { name: "@", mount: "/" },
  { name: "@home", mount: "/home" },
] as const;

/** Works out a disk without touching one. @throws FormatError when it cannot be */
export function planDiskImage(source: FileTree, options: DiskImageOptions, codecs: Codecs): DiskPlan {
  const uuid = (what: string): string => derivedId(`${options.name} ${what}`, codecs);
  const rootUuid = uuid("root file system");
  const espId = fatId(codecs, options.name);
  const format = options.rootFormat ?? "ext4",
    fileSystem = rootFileSystem(format, options.aegisfs);
  const isBtrfs = format === "btrfs";
  if (options.snapshot !== undefined && !isBtrfs) throw new FormatError(`${format} has no snapshots; btrfs has`);
  const draft = new TreeDraft(source, codecs, options.time);
  // Systems that ostree has deployed have an /etc of their own, and none is the disk's.
  const isDeployed = findDeployments(new TreePaths(source)).length > 0;
  if (isDeployed && isBtrfs)
    throw new FormatError("what ostree has deployed is not divided into subvolumes; ext4 takes it");
  if (
    !isDeployed &&
    (!draft.has("etc/fstab") ||
      /^(#.*|\s*)$/.test(
        (draft.text("etc/fstab") ?? "")
          .split("\n")
          .filter((line) => !line.startsWith("#"))
          .join(""),
      ))
  ) {
    const mounts = isBtrfs
      ? BTRFS_VOLUMES.map(({ name, mount }) => `UUID=${rootUuid} ${mount} btrfs subvol=${name} 0 0`)
      : [`UUID=${rootUuid} / ${format} ${fileSystem.mountOptions} 0 ${fileSystem.checkPass}`];
    draft.file("etc/fstab", `${mounts.join("\n")}\nUUID=${espId.text} /boot/efi vfat umask=0077,nofail 0 2\n`);
    draft.directory("boot/efi");
  }
  if (isBtrfs && !draft.has("home")) draft.directory("home");
  const tree = draft.tree();
  const shares: RootShare[] = isBtrfs
    ? [...splitTree(tree, BTRFS_VOLUMES, ({ mount }) => mount)].map(([{ name }, own]) => ({
        subvolume: name,
        tree: own,
      }))
    : [{ subvolume: "", tree }];
  const entries: BootEntry[] = [];
  if (options.snapshot !== undefined) {
    shares.push({
      subvolume: `@${options.snapshot}`,
      tree: shares[0]!.tree,
      readOnly: true,
      snapshotOf: BTRFS_VOLUMES[0].name,
    });
    entries.push({
      id: options.snapshot,
      title: `${options.name} (${options.snapshot})`,
      rootFlags: `subvol=@${options.snapshot}`,
    });
  }
  const boot = bootFiles(
    tree,
    {
      architecture: options.architecture,
      title: options.name,
      root: `UUID=${rootUuid}`,
      mtime: options.time,
      entries,
      ...(isBtrfs ? { rootFlags: `subvol=${BTRFS_VOLUMES[0].name}` } : {}),
      ...(options.loader === undefined ? {} : { loader: options.loader }),
      ...(options.commandLine === undefined ? {} : { commandLine: options.commandLine }),
      ...(options.ownInitramfs === true ? { ownInitramfs: true } : {}),
    },
    codecs,
  );
  if (isDeployed) {
    completeEntries(draft, boot.commandLine);
    shares[0] = { subvolume: "", tree: draft.tree() };
  }
  // Room for a second kernel beside the first, as an upgrade needs.
  const espSize = Math.max(ESP_MIN, roundUp(2.2 * boot.files.reduce((sum, file) => sum + file.content.length, 0)));
  const minimum = fileSystem.sizeFor(shares, { isPacked: options.isPacked === true });
  const size =
    options.size ?? MIB + espSize + roundUp(fileSystem.isReadOnly ? minimum : minimum * 1.2 + 16 * MIB) + MIB;
  const rootStart = MIB + espSize;
  const rootSize = Math.floor((gptSpace(size).end - rootStart) / MIB) * MIB;
  if (rootSize < minimum)
    throw new FormatError(`the disk needs ${rootStart + minimum + MIB} bytes, and is to have ${size}`);
  const partitions: GptPartition[] = [
    { type: PARTITION_TYPES.esp, id: uuid("esp partition"), name: "esp", start: MIB, size: espSize, attributes: 0 },
    {
      type: PARTITION_TYPES[`root-${options.architecture}`],
      id: uuid("root partition"),
      name: "root",
      start: rootStart,
      size: rootSize,
      attributes: 0,
    },
  ];
  const diskId = uuid("disk");
  return {
    size,
    diskId,
    partitions,
    boot,
    rootUuid,
    write(disk, isZeroed) {
      writeGpt(disk, { diskId, partitions });
      const [esp, root] = partitions.map((partition) => new DiskWindow(disk, partition)) as [DiskWindow, DiskWindow];
      if (!isZeroed) clear(esp);
      const fat = FatVolume.format(esp, { label: "ESP", volumeId: espId.value });
      for (const { path, content } of boot.files) {
        const folder = path.slice(0, Math.max(0, path.lastIndexOf("/")));
        fat.makeDirectory(folder, options.time);
        fat.write(path, content, options.time);
      }
      fat.flush();
      fileSystem.write(root, shares, {
        uuid: rootUuid,
        label: "root",
        time: options.time,
        isZeroed,
        id: uuid,
        ...(options.isPacked === true ? { zstd: codecs.zstd, isPacked: true } : {}),
      });
    },
  };
}

/** A UUID that a text alone decides. */
export function derivedId(text: string, codecs: Pick<Codecs, "sha256">): string {
  return uuidFrom(digestBytes(codecs, text));
}

function fatId(codecs: Pick<Codecs, "sha256">, name: string): { value: number; text: string } {
  const bytes = digestBytes(codecs, `${name} esp`);
  const value = ((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 0;
  const digits = value.toString(16).toUpperCase().padStart(8, "0");
  return { value, text: `${digits.slice(0, 4)}-${digits.slice(4)}` };
}

function digestBytes(codecs: Pick<Codecs, "sha256">, text: string): Uint8Array {
  const hex = sha256Of(codecs, utf8Of(`stratos ${text}`));
  return Uint8Array.from({ length: 32 }, (_, index) => parseInt(hex.slice(index * 2, index * 2 + 2), 16));
}

/** FAT's tables and root folder lie at its beginning; its data needs no clearing. */
function clear(disk: Disk): void {
  const zeros = new Uint8Array(MIB);
  for (let at = 0; at < Math.min(disk.size, 8 * MIB); at += MIB)
    disk.write(at, zeros.subarray(0, Math.min(MIB, disk.size - at)));
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / MIB) * MIB;
}
