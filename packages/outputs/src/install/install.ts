/**
 * Installs a root on a disk: partitions, file systems, the system's own settings, and what firmware starts. A plan is worked out first and
 * can be shown; nothing on the disk changes before {@link InstallPlan.write}.
 */
import { utf8ToByteString } from "@stratos/base";
import { comparePaths, DiskWindow, ext4SizeFor, FatVolume, fileEntry, FormatError, gptSpace, viewOf, writeExt4, writeGpt, type Codecs, type Disk, type FileEntry, type FileTree } from "@stratos/formats";
import { bootFiles, type BootArchitecture, type BootFiles } from "../boot/boot-files.ts";
import { TreeDraft } from "../tree/tree-draft.ts";
import { configureSystem } from "./configure-system.ts";
import type { InstallConfig } from "./install-schema.ts";
import { defaultPartitions, isEsp, planPartitions, type PlannedPartition } from "./partition-plan.ts";

export interface InstallOptions {
  readonly diskSize: number;
  readonly architecture: BootArchitecture;
  /** seconds since 1970 */
  readonly time: number;
  /** a UUID for each use: from chance, or from a text when an installation has to be the same each time */
  readonly id: (what: string) => string;
}

export interface InstallPlan {
  readonly partitions: readonly PlannedPartition[];
  readonly boot: BootFiles;
  /** for each mounted partition: what its files take, of its size */
  readonly usage: readonly { readonly mount: string; readonly usedBytes: number; readonly sizeBytes: number }[];
  /** @param isZeroed  the disk's bytes are zero already, as in a new file */
  write(disk: Disk, isZeroed: boolean, onStep: (what: string) => void): void;
}

const PAGE = 4096;

/** @throws FormatError when the disk is too small, or the root lacks what is asked for */
export function planInstall(source: FileTree, config: InstallConfig, options: InstallOptions, codecs: Codecs): InstallPlan {
  const partitions = planPartitions(config.partition ?? defaultPartitions(), options.diskSize, options.architecture, options.id);
  const draft = new TreeDraft(source, codecs, options.time);
  configureSystem(draft, config, partitions);
  const tree = draft.tree();
  const root = partitions.find(({ config: { mount } }) => mount === "/")!;
  const hostname = config.system?.hostname ?? "Stratos";
  const boot = bootFiles(tree, {
    architecture: options.architecture, title: hostname, root: `UUID=${root.uuid}`, mtime: options.time,
    ...(config.disk?.loader === undefined ? {} : { loader: config.disk.loader }), ...(config.disk?.kernel_options === undefined ? {} : { commandLine: config.disk.kernel_options }),
  }, codecs);
  const shares = splitTree(tree, partitions.filter(({ config: { format, mount } }) => format === "ext4" && mount !== undefined));
  const usage = [...shares].map(([planned, own]) => ({ mount: planned.config.mount!, usedBytes: ext4SizeFor(own, 0), sizeBytes: planned.partition.size }));
  for (const { mount, usedBytes, sizeBytes } of usage) if (usedBytes > sizeBytes) throw new FormatError(`${mount}: needs ${usedBytes} bytes, and its partition has ${sizeBytes}`);
  const esp = partitions.find(({ config: own }) => isEsp(own))!;
  const bootBytes = boot.files.reduce((sum, file) => sum + file.content.length, 0);
  if (bootBytes * 1.05 + (1 << 20) > esp.partition.size) throw new FormatError(`partition ${esp.config.name}: kernel and loader need ${bootBytes} bytes, and it has ${esp.partition.size}`);
  return {
    partitions, boot, usage,
    write(disk, isZeroed, onStep) {
      if (disk.size < gptSpace(options.diskSize).end) throw new FormatError("the disk is smaller than its plan");
      onStep("partition table");
      writeGpt(disk, { diskId: options.id("disk"), partitions: partitions.map(({ partition }) => partition) });
      for (const planned of partitions) {
        const { config: own, partition, uuid } = planned;
        const window = new DiskWindow(disk, partition);
        onStep(`${own.format} on partition ${own.name}${own.mount === undefined ? "" : `, ${own.mount}`}`);
        if (own.format === "ext4") {
          const share = shares.get(planned) ?? { entries: () => [fileEntry("", "directory", { mtime: options.time })] };
          writeExt4(window, share, { uuid, label: own.name.slice(0, 16), time: options.time, isZeroed });
        } else if (own.format === "swap") writeSwap(window, uuid, own.name);
        else if (own.format === "vfat") writeFat(window, planned, planned === esp ? boot : null, options.time, isZeroed);
      }
    },
  };
}

/** Which entries lie on which partition; where one is mounted, the one above keeps an empty folder. */
function splitTree(tree: FileTree, mounted: readonly PlannedPartition[]): Map<PlannedPartition, FileTree> {
  const shares = new Map<PlannedPartition, FileEntry[]>(mounted.map((planned) => [planned, []]));
  const places = mounted.map((planned) => ({ planned, path: utf8ToByteString(planned.config.mount!.slice(1)) })).sort((a, b) => b.path.length - a.path.length);
  for (const entry of tree.entries()) {
    for (const { planned, path } of places) {
      const isRoot = entry.path === path;
      if (!isRoot && path !== "" && !entry.path.startsWith(`${path}/`)) continue;
      const own = isRoot ? "" : path === "" ? entry.path : entry.path.slice(path.length + 1);
      if (isRoot && entry.kind !== "directory") throw new FormatError(`/${path}: is no folder in the root, and cannot be mounted on`);
      if (entry.kind === "hardLink" && path !== "" && !entry.target.startsWith(`${path}/`)) throw new FormatError(`${entry.path}: a hard link that would lead to another partition`);
      shares.get(planned)!.push({ ...entry, path: own, target: entry.kind === "hardLink" && path !== "" ? entry.target.slice(path.length + 1) : entry.target });
      if (!isRoot || path === "") break;
      // The folder itself is on the partition above as well.
    }
  }
  return new Map([...shares].map(([planned, entries]) => {
    entries.sort((a, b) => comparePaths(a.path, b.path));
    return [planned, { entries: () => entries }];
  }));
}

/** The header that mkswap writes (include/linux/swap.h, `union swap_header`). */
function writeSwap(disk: Disk, uuid: string, label: string): void {
  const page = new Uint8Array(PAGE);
  const view = viewOf(page);
  view.setUint32(1024, 1, true);
  view.setUint32(1028, Math.floor(disk.size / PAGE) - 1, true);
  const digits = uuid.replaceAll("-", "");
  for (let index = 0; index < 16; index++) page[1036 + index] = parseInt(digits.slice(index * 2, index * 2 + 2), 16);
  for (let index = 0; index < Math.min(15, label.length); index++) page[1052 + index] = label.charCodeAt(index) & 0x7f;
  "SWAPSPACE2".split("").forEach((letter, index) => (page[PAGE - 10 + index] = letter.charCodeAt(0)));
  disk.write(0, page);
}

function writeFat(disk: Disk, planned: PlannedPartition, boot: BootFiles | null, time: number, isZeroed: boolean): void {
  if (!isZeroed) {
    // Tables and root folder lie at the beginning.
    const zeros = new Uint8Array(1 << 20);
    for (let at = 0; at < Math.min(disk.size, 32 << 20); at += zeros.length) disk.write(at, zeros.subarray(0, Math.min(zeros.length, disk.size - at)));
  }
  const fat = FatVolume.format(disk, { label: planned.config.name.toUpperCase().replace(/[^A-Z0-9]/g, "").slice(0, 11), volumeId: parseInt(planned.uuid.replace("-", ""), 16) });
  for (const { path, content } of boot?.files ?? []) {
    fat.makeDirectory(path.slice(0, Math.max(0, path.lastIndexOf("/"))), time);
    fat.write(path, content, time);
  }
  fat.flush();
}
