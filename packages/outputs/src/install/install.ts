/**
 * Installs a root on a disk: partitions, file systems, the system's own settings, and what firmware starts. A plan is
 * worked out first and can be shown; nothing on the disk changes before {@link InstallPlan.write}.
 */
import {
  DiskWindow,
  FatVolume,
  fileEntry,
  FormatError,
  gptSpace,
  writeGpt,
  writeSwap,
  type Codecs,
  type Disk,
  type FileTree,
  type SectorSize,
} from "@stratos/formats";
import {
  bootFiles,
  completeEntries,
  type BootArchitecture,
  type BootEntry,
  type BootFiles,
} from "../boot/boot-files.ts";
import { findDeployments } from "../boot/deployments.ts";
import { TreePaths } from "../tree/tree-paths.ts";
import {
  ROOT_FORMATS,
  rootFileSystem,
  type RootFileSystem,
  type RootFormat,
  type RootShare,
} from "../disk/root-format.ts";
import { splitTree } from "../disk/split-tree.ts";
import { TreeDraft } from "../tree/tree-draft.ts";
import { configureSystem } from "./configure-system.ts";
import type { InstallConfig } from "./install-schema.ts";
import { installWarnings } from "./install-warnings.ts";
import { defaultPartitions, isEsp, planPartitions, type PlannedPartition } from "./partition-plan.ts";

export interface InstallOptions {
  readonly diskSize: number;
  readonly architecture: BootArchitecture;
  /** seconds since 1970 */
  readonly time: number;
  /** a UUID for each use: from chance, or from a text when an installation has to be the same each time */
  readonly id: (what: string) => string;
  /** what the disk counts in; default: 512 */
  readonly sectorSize?: SectorSize;
  /** AegisFS, from a caller that has its engine */
  readonly aegisfs?: RootFileSystem;
}

export interface InstallPlan {
  readonly partitions: readonly PlannedPartition[];
  readonly boot: BootFiles;
  /** for each mounted partition: what its files take, of its size */
  readonly usage: readonly { readonly mount: string; readonly usedBytes: number; readonly sizeBytes: number }[];
  /** what will be as it was said, and is hardly meant */
  readonly warnings: readonly string[];
  /** @param isZeroed  the disk's bytes are zero already, as in a new file */
  write(disk: Disk, isZeroed: boolean, onStep: (what: string) => void): void;
}

/** @throws FormatError when the disk is too small, or the root lacks what is asked for */
export function planInstall(
  source: FileTree,
  config: InstallConfig,
  options: InstallOptions,
  codecs: Codecs,
): InstallPlan {
  const partitions = planPartitions(
    config.partition ?? defaultPartitions(),
    options.diskSize,
    options.architecture,
    options.id,
    options.sectorSize,
  );
  const draft = new TreeDraft(source, codecs, options.time);
  const isDeployed = findDeployments(new TreePaths(source)).length > 0;
  if (isDeployed) checkDeployed(config, partitions);
  else configureSystem(draft, config, partitions);
  let tree = draft.tree();
  const root = partitions.find(({ mountings }) => mountings.some(({ mount }) => mount === "/"))!;
  const rootVolume = root.mountings.find(({ mount }) => mount === "/")!.subvolume;
  const hostname = config.system?.hostname ?? "Stratos";
  const snapshots = root.config.snapshots ?? [];
  const boot = bootFiles(
    tree,
    {
      architecture: options.architecture,
      title: hostname,
      root: `UUID=${root.uuid}`,
      mtime: options.time,
      ...(rootVolume === "" ? {} : { rootFlags: `subvol=${rootVolume}` }),
      entries: snapshots.map((name): BootEntry => ({
        id: name.replace(/^@/, ""),
        title: `${hostname} (${name})`,
        rootFlags: `subvol=${name}`,
      })),
      ...(config.disk?.loader === undefined ? {} : { loader: config.disk.loader }),
      ...(config.disk?.kernel_options === undefined ? {} : { commandLine: config.disk.kernel_options }),
    },
    codecs,
  );
  if (isDeployed) {
    completeEntries(draft, boot.commandLine);
    tree = draft.tree();
  }
  const shares = sharesOf(tree, partitions, options.time);
  const rootTree = shares.get(root)!.find(({ subvolume }) => subvolume === rootVolume)!.tree;
  for (const name of snapshots)
    shares.get(root)!.push({ subvolume: name, tree: rootTree, readOnly: true, snapshotOf: rootVolume });
  const usage = [...shares]
    .filter(([{ mountings }]) => mountings.length > 0)
    .map(([planned, own]) => ({
      mount: mountText(planned),
      usedBytes: fileSystemOf(planned, options.aegisfs).sizeFor(own),
      sizeBytes: planned.partition.size,
    }));
  for (const { mount, usedBytes, sizeBytes } of usage)
    if (usedBytes > sizeBytes)
      throw new FormatError(`${mount}: needs ${usedBytes} bytes, and its partition has ${sizeBytes}`);
  const esp = partitions.find(({ config: own }) => isEsp(own))!;
  const bootBytes = boot.files.reduce((sum, file) => sum + file.content.length, 0);
  if (bootBytes * 1.05 + (1 << 20) > esp.partition.size)
    throw new FormatError(
      `partition ${esp.config.name}: kernel and loader need ${bootBytes} bytes, and it has ${esp.partition.size}`,
    );
  return {
    partitions,
    boot,
    usage,
    warnings: isDeployed
      ? []
      : installWarnings(tree, { ...config, partition: partitions.map((planned) => planned.config) }),
    write(disk, isZeroed, onStep) {
      if (disk.size < gptSpace(options.diskSize, options.sectorSize).end)
        throw new FormatError("the disk is smaller than its plan");
      onStep("partition table");
      writeGpt(disk, {
        diskId: options.id("disk"),
        partitions: partitions.map(({ partition }) => partition),
        ...(options.sectorSize === undefined ? {} : { sectorSize: options.sectorSize }),
      });
      for (const planned of partitions) {
        const { config: own, partition, uuid } = planned;
        const window = new DiskWindow(disk, partition);
        const places = mountText(planned);
        onStep(`${own.format} on partition ${own.name}${places === "" ? "" : `, ${places}`}`);
        const share = shares.get(planned);
        if (share !== undefined) {
          fileSystemOf(planned, options.aegisfs).write(window, share, {
            uuid,
            label: own.name,
            time: options.time,
            isZeroed,
            id: (what) => options.id(`${own.name} ${what}`),
          });
        } else if (own.format === "swap") writeSwap(window, { uuid, label: own.name });
        else if (own.format === "vfat") writeFat(window, planned, planned === esp ? boot : null, options, isZeroed);
      }
    },
  };
}

/**
 * A system that ostree has deployed has an /etc of its own, and mounts what that says. @throws FormatError for what it
 * would not see
 */
function checkDeployed(config: InstallConfig, partitions: readonly PlannedPartition[]): void {
  const told = [
    ...Object.keys(config.system ?? {})
      .filter((key) => key !== "source")
      .map((key) => `system.${key}`),
    ...(["root", "user", "network", "file"] as const).filter((key) => config[key] !== undefined),
  ];
  if (told.length > 0)
    throw new FormatError(
      `${told[0]!}: what ostree has deployed has an /etc of its own; its treefile says this, or the machine when ` +
        "it runs",
    );
  for (const { config: own, mountings } of partitions) {
    if (isEsp(own) || own.format === "none") continue;
    if (!mountings.some(({ mount }) => mount === "/"))
      throw new FormatError(
        `partition ${own.name}: what ostree has deployed does not mount it; its treefile says what is mounted`,
      );
    if (own.format !== "ext4")
      throw new FormatError(`partition ${own.name}: what ostree has deployed lies on ext4, not on ${own.format}`);
  }
}

/** Only of a partition that holds files of ours. */
function fileSystemOf({ config: { format } }: PlannedPartition, aegisfs: RootFileSystem | undefined): RootFileSystem {
  return rootFileSystem(format as RootFormat, aegisfs);
}

/** `/`, or `/, /home` where subvolumes hold several places; "" where nothing is mounted. */
export function mountText({ mountings }: PlannedPartition): string {
  return mountings.map(({ mount }) => mount).join(", ");
}

/** What lies on each file system of ours; one that is mounted nowhere has an empty root. */
function sharesOf(
  tree: FileTree,
  partitions: readonly PlannedPartition[],
  time: number,
): Map<PlannedPartition, RootShare[]> {
  const own = partitions.filter(({ config: { format } }) => (ROOT_FORMATS as readonly string[]).includes(format));
  const places = own.flatMap((planned) => planned.mountings.map((mounting) => ({ planned, ...mounting })));
  const shares = new Map<PlannedPartition, RootShare[]>(own.map((planned) => [planned, []]));
  for (const [{ planned, subvolume }, share] of splitTree(tree, places, ({ mount }) => mount))
    shares.get(planned)!.push({ subvolume, tree: share });
  for (const [planned, list] of shares)
    if (planned.mountings.length === 0)
      list.push({ subvolume: "", tree: { entries: () => [fileEntry("", "directory", { mtime: time })] } });
  return shares;
}

function writeFat(
  disk: Disk,
  planned: PlannedPartition,
  boot: BootFiles | null,
  { time, sectorSize }: Pick<InstallOptions, "time" | "sectorSize">,
  isZeroed: boolean,
): void {
  if (!isZeroed) {
    // Tables and root folder lie at the beginning.
    const zeros = new Uint8Array(1 << 20);
    for (let at = 0; at < Math.min(disk.size, 32 << 20); at += zeros.length)
      disk.write(at, zeros.subarray(0, Math.min(zeros.length, disk.size - at)));
  }
  const fat = FatVolume.format(
    disk,
    {
      label: planned.config.name
        .toUpperCase()
        .replace(/[^A-Z0-9]/g, "")
        .slice(0, 11),
      volumeId: parseInt(planned.uuid.replace("-", ""), 16),
    },
    sectorSize,
  );
  for (const { path, content } of boot?.files ?? []) {
    fat.makeDirectory(path.slice(0, Math.max(0, path.lastIndexOf("/"))), time);
    fat.write(path, content, time);
  }
  fat.flush();
}
