/**
 * Writes a tree in each of the formats that `stratos image convert` and composes offer. Times come from the options: no
 * clock reaches an output.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync } from "node:fs";
import { basename, dirname } from "node:path";
import {
  archiveTree,
  copyToQcow2,
  cpioArchive,
  btrfsSizeFor,
  ext4SizeFor,
  FormatError,
  MemoryDisk,
  OstreeRepository,
  Qcow2Image,
  TwinDisk,
  writeBtrfs,
  writeErofs,
  writeExt4,
  writeXfs,
  xfsSizeFor,
  writeSquashfs,
  type Codecs,
  type Disk,
  type FileTree,
  type LayerCompression,
  type OciRuntime,
  type OstreeMode,
} from "@stratos/formats";
import { FileDisk, nodeDiskCipher, OciLayoutFolder, RepositoryFolder } from "@stratos/tools-node/outputs";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { draftOf, failedDraft, isChannel, removeAtDeath, writeFully } from "@stratos/host-node/files";
import {
  bootcLayout,
  derivedId,
  findKernel,
  initramfs,
  planDiskImage,
  planPartitionedDisk,
  TreePaths,
  writeIsoImage,
  type BootArchitecture,
  type BootLoader,
  type DiskPartition,
  type DiskPlan,
  type RootFormat,
} from "@stratos/outputs";
import { OperationError } from "@stratos/operation";
import { aegisRoot } from "./aegis-root.ts";
import { isForeign, writeForeignDisk, type ForeignFormat } from "./foreign-disk.ts";
import type { OutputFormat } from "./output-formats.ts";

interface OutputOptions {
  /** seconds since 1970 */
  readonly time: number;
  /** Debian's name: amd64, arm64, riscv64 */
  readonly architecture: string;
  /** name of the image in a layout; also what volumes are labelled with */
  readonly name: string;
  /** what the file will be called, where some formats write that into it; default: as `path` says */
  readonly fileName?: string;
  /** `lz4` is EROFS's alone */
  readonly compression?: LayerCompression | "lz4";
  readonly runtime?: OciRuntime;
  /** bytes; by default what the tree needs, and a fifth more */
  readonly size?: number;
  /** of an OSTree repository */
  readonly ref?: string;
  readonly mode?: OstreeMode;
  readonly subject?: string;
  /** lay the root out for OSTree and bootc */
  readonly isBootc?: boolean;
  /** told what that layout has moved or left out */
  readonly onNote?: (message: string) => void;
  readonly loader?: BootLoader;
  /** of a disk's root; default: ext4 */
  readonly rootFormat?: RootFormat;
  /** on btrfs: name of a read-only snapshot of the root, which the boot menu offers */
  readonly snapshot?: string;
  /** of a disk, instead of an EFI system partition and a root */
  readonly partitions?: readonly DiskPartition[];
  /** further words for the kernel */
  readonly commandLine?: string;
  readonly ownInitramfs?: boolean;
  /** of raw and ext4: the same disk as a QCOW2 image in this file, too */
  readonly qcow2?: string;
}

interface OutputResult {
  readonly path: string;
  /** digest of an OCI image, checksum of a commit; null for plain files */
  readonly digest: string | null;
}

/**
 * @param path  file or folder to make; an OCI layout or a repository may be there already.
 * @throws OperationError when a file is
 */
export function writeOutput(
  format: OutputFormat,
  source: FileTree,
  path: string,
  options: OutputOptions,
  codecs: Codecs = nodeCodecs(),
): OutputResult {
  const { compression, ...others } = options,
    isErofs =
      format === "erofs" ||
      ((format === "raw" || format === "qcow2" || isForeign(format)) && options.rootFormat === "erofs");
  if (compression === "lz4" && !isErofs) throw new FormatError("lz4 packs EROFS alone");
  return writeAs(
    format,
    source,
    path,
    compression === "lz4"
      ? { ...others, isPackedByLz4: true }
      : { ...others, ...(compression === undefined ? {} : { compression }) },
    codecs,
  );
}

interface FormatOptions extends Omit<OutputOptions, "compression"> {
  readonly compression?: LayerCompression;
  readonly isPackedByLz4?: true;
}

function writeAs(
  format: OutputFormat,
  source: FileTree,
  path: string,
  options: FormatOptions,
  codecs: Codecs,
): OutputResult {
  const bootc =
    options.isBootc === true
      ? bootcLayout(source, codecs, options.time, format === "oci" || format === "oci-archive" ? "container" : "commit")
      : null;
  for (const note of bootc?.notes ?? []) options.onNote?.(note);
  const tree = bootc?.tree ?? source;
  switch (format) {
    case "tar":
      return writeFile(path, packed(archiveTree(tree), options.compression ?? "none", codecs));
    case "oci":
      return writeOci(tree, path, options, codecs, bootc?.kernel ?? null);
    case "oci-archive":
      return writeOciArchive(tree, path, options, codecs, bootc?.kernel ?? null);
    case "ostree":
      return inFolder(path, () => {
        const repository = new OstreeRepository(new RepositoryFolder(path), codecs, options.mode ?? "archive");
        const ref = options.ref ?? `${options.name}/${options.architecture}`;
        const { checksum } = repository.commit(tree, {
          ref,
          subject: options.subject ?? options.name,
          timestamp: options.time,
          ...(bootc?.kernel == null ? {} : { linux: bootc.kernel }),
        });
        repository.writeSummary(options.time);
        return { path, digest: checksum };
      });
    case "ext4":
    case "xfs": {
      const { sizeFor, write, labelLength } = PLAIN_FILE_SYSTEMS[format];
      const size = options.size ?? Math.ceil((sizeFor(tree) * 1.2) / MIB) * MIB;
      return withNewDisks(path, size, options.qcow2, codecs, (disk) =>
        write(disk, tree, {
          uuid: derivedId(`${options.name} root file system`, codecs),
          label: options.name.slice(0, labelLength),
          time: options.time,
          isZeroed: true,
        }),
      );
    }
    case "btrfs": {
      const id = (what: string): string => derivedId(`${options.name} ${what}`, codecs);
      const volumes = [{ name: "", tree }],
        size = options.size ?? Math.ceil((btrfsSizeFor(volumes) * 1.2) / MIB) * MIB;
      return withNewDisks(path, size, options.qcow2, codecs, (disk) =>
        writeBtrfs(disk, volumes, {
          uuid: id("root file system"),
          label: options.name,
          time: options.time,
          id,
          ...(options.compression === "zstd" ? { zstd: codecs.zstd } : {}),
        }),
      );
    }
    case "erofs":
      return withNewDisk(
        path,
        0,
        (disk) =>
          void writeErofs(disk, tree, {
            uuid: derivedId(`${options.name} root file system`, codecs),
            label: options.name,
            time: options.time,
            isPacked: options.isPackedByLz4 === true,
          }),
      );
    case "raw":
    case "qcow2":
    case "vmdk":
    case "vhd":
    case "vhd-fixed":
    case "vhdx":
    case "ova":
      return writeDisk(format, tree, path, options, codecs);
    case "iso":
      return withScratch(path, (scratch) =>
        withNewDisk(path, 0, (disk) =>
          writeIsoImage(
            disk,
            scratch,
            withoutAccessLists(tree),
            {
              name: options.name,
              architecture: bootArchitecture(options.architecture),
              time: options.time,
              ...(options.loader === undefined ? {} : { loader: options.loader }),
              ...(options.commandLine === undefined ? {} : { commandLine: options.commandLine }),
              ...(options.compression === "gzip" ? { compression: "gzip" } : {}),
            },
            codecs,
          ),
        ),
      );
    case "squashfs":
      return withNewDisk(
        path,
        0,
        (disk) =>
          void writeSquashfs(
            disk,
            withoutAccessLists(tree),
            { compression: options.compression === "gzip" ? "gzip" : "zstd", time: options.time },
            codecs,
          ),
      );
    case "cpio":
      return writeFile(path, packed(cpioArchive(tree), options.compression ?? "none", codecs));
    case "initramfs": {
      const { version } = findKernel(new TreePaths(tree));
      return writeFile(
        path,
        packed(
          [initramfs(tree, { kernel: version, mtime: options.time }, codecs)],
          options.compression ?? "gzip",
          codecs,
        ),
      );
    }
  }
}

const PLAIN_FILE_SYSTEMS = {
  ext4: { sizeFor: (tree: FileTree): number => ext4SizeFor(tree, 0), write: writeExt4, labelLength: 16 },
  xfs: { sizeFor: xfsSizeFor, write: writeXfs, labelLength: 12 },
} as const;

function planDisk(tree: FileTree, options: FormatOptions, codecs: Codecs): DiskPlan {
  const architecture = bootArchitecture(options.architecture);
  if (options.partitions !== undefined) {
    return planPartitionedDisk(
      tree,
      {
        name: options.name,
        architecture,
        time: options.time,
        partitions: options.partitions,
        cipher: nodeDiskCipher(),
        ...(options.size === undefined ? {} : { size: options.size }),
        ...(options.loader === undefined ? {} : { loader: options.loader }),
        ...(options.commandLine === undefined ? {} : { commandLine: options.commandLine }),
        ...(options.ownInitramfs === true ? { ownInitramfs: true } : {}),
      },
      codecs,
    );
  }
  return planDiskImage(
    tree,
    {
      name: options.name,
      architecture,
      time: options.time,
      ...(options.size === undefined ? {} : { size: options.size }),
      ...(options.loader === undefined ? {} : { loader: options.loader }),
      ...(options.commandLine === undefined ? {} : { commandLine: options.commandLine }),
      ...(options.ownInitramfs === true ? { ownInitramfs: true } : {}),
      ...(options.rootFormat === undefined ? {} : { rootFormat: options.rootFormat }),
      ...(options.snapshot === undefined ? {} : { snapshot: options.snapshot }),
      ...((options.rootFormat === "btrfs" && options.compression === "zstd") || options.isPackedByLz4 === true
        ? { isPacked: true }
        : {}),
      aegisfs: aegisRoot,
    },
    codecs,
  );
}

function writeDisk(
  format: "raw" | "qcow2" | ForeignFormat,
  tree: FileTree,
  path: string,
  options: FormatOptions,
  codecs: Codecs,
): OutputResult {
  const plan = planDisk(tree, options, codecs);
  if (isForeign(format)) {
    return withScratch(path, (disk) =>
      withScratch(path, (scratch) =>
        withNewDisk(path, 0, (file) => {
          disk.resize(plan.size);
          plan.write(disk, true);
          writeForeignDisk(
            format,
            disk,
            file,
            scratch,
            {
              name: options.name,
              fileName: options.fileName ?? basename(path),
              architecture: options.architecture,
              time: options.time,
              ...(options.compression === "none" ? { isPlain: true } : {}),
            },
            codecs,
          );
        }),
      ),
    );
  }
  if (format === "raw") return withNewDisks(path, plan.size, options.qcow2, codecs, (disk) => plan.write(disk, true));
  return withNewDisk(path, 0, (file) => {
    const packing =
      options.compression === "zstd"
        ? { compression: "zstd" as const }
        : options.compression === "gzip"
          ? { compression: "zlib" as const }
          : null;
    const image = Qcow2Image.create(file, codecs, { virtualSize: plan.size, ...packing });
    if (packing === null) plan.write(image, true);
    else {
      // Clusters are packed whole, so the disk is put together in memory first; what is zero takes no room there
      // either.
      const disk = new MemoryDisk(plan.size);
      plan.write(disk, true);
      copyToQcow2(disk, image, { pack: true });
    }
    image.flush();
  });
}

function bootArchitecture(name: string): BootArchitecture {
  if (name !== "amd64" && name !== "arm64" && name !== "riscv64")
    throw new FormatError(`${name}: disks are made for amd64, arm64 and riscv64`);
  return name;
}

/** A file beside the target that is gone afterwards. */
function withScratch(path: string, work: (scratch: FileDisk) => OutputResult): OutputResult {
  mkdirSync(dirname(path), { recursive: true });
  const place = draftOf(path);
  const stopGuarding = removeAtDeath(place, `${place}.lock`);
  const scratch = new FileDisk(place, { create: 0 });
  try {
    return work(scratch);
  } catch (error) {
    throw failedDraft(place, path, error);
  } finally {
    scratch.close();
    rmSync(place, { force: true });
    stopGuarding();
  }
}

/**
 * squashfs keeps attributes of `user`, `trusted` and `security` alone; access lists, which systemd gives to a log
 * folder, are left out.
 */
function withoutAccessLists(tree: FileTree): FileTree {
  const isKept = (name: string): boolean => !name.startsWith("system.posix_acl_");
  const entries = [...tree.entries()].map((entry) =>
    [...entry.xattrs.keys()].every(isKept)
      ? entry
      : { ...entry, xattrs: new Map([...entry.xattrs].filter(([name]) => isKept(name))) },
  );
  return { entries: () => entries };
}

/** As members or frames that follow one another, which every reader of the format takes for one. */
function* packed(pieces: Iterable<Uint8Array>, compression: LayerCompression, codecs: Codecs): Generator<Uint8Array> {
  if (compression === "none") return yield* pieces;
  const buffer = new Uint8Array(PACKED_AT_ONCE),
    pack = compression === "gzip" ? codecs.gzip : codecs.zstd;
  let fill = 0;
  for (const piece of pieces) {
    for (let at = 0; at < piece.length;) {
      const count = Math.min(piece.length - at, buffer.length - fill);
      buffer.set(piece.subarray(at, at + count), fill);
      fill += count;
      at += count;
      if (fill < buffer.length) continue;
      yield pack(buffer);
      fill = 0;
    }
  }
  if (fill > 0) yield pack(buffer.subarray(0, fill));
}

const PACKED_AT_ONCE = 16 << 20;

const MIB = 1 << 20;

function writeOci(
  tree: FileTree,
  path: string,
  options: FormatOptions,
  codecs: Codecs,
  kernel: string | null,
): OutputResult {
  return inFolder(path, () => addToLayout(tree, path, options, codecs, kernel));
}

function addToLayout(
  tree: FileTree,
  path: string,
  options: FormatOptions,
  codecs: Codecs,
  kernel: string | null,
): OutputResult {
  const layout = new OciLayoutFolder(path, codecs);
  const layer = layout.addLayer(tree, {
    compression: options.compression ?? "gzip",
    createdBy: `stratos: ${options.name}`,
  });
  const labels = kernel === null ? {} : { "containers.bootc": "1", "ostree.bootable": "1", "ostree.linux": kernel };
  const image = layout.addImage([layer], {
    platform: { os: "linux", architecture: options.architecture },
    created: options.time,
    runtime: {
      Cmd: ["/bin/sh"],
      Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
      ...options.runtime,
      Labels: { ...labels, ...options.runtime?.Labels },
    },
  });
  layout.publish(image.manifest.descriptor, options.name);
  return { path, digest: image.manifest.descriptor.digest };
}

function writeOciArchive(
  tree: FileTree,
  path: string,
  options: FormatOptions,
  codecs: Codecs,
  kernel: string | null,
): OutputResult {
  const folder = draftOf(path);
  const stopGuarding = removeAtDeath(folder);
  try {
    const { digest } = addToLayout(tree, folder, options, codecs, kernel);
    writeFile(path, archiveTree(new OciLayoutFolder(folder, codecs).tree(options.time), { prefix: "" }));
    return { path, digest };
  } catch (error) {
    throw failedDraft(folder, path, error);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    stopGuarding();
  }
}

/** What is added to a folder that is there stays with it; one that was made for it goes when that fails. */
function inFolder(path: string, add: () => OutputResult): OutputResult {
  if (existsSync(path)) return add();
  const stopGuarding = removeAtDeath(path);
  try {
    return add();
  } catch (error) {
    rmSync(path, { recursive: true, force: true });
    throw error;
  } finally {
    stopGuarding();
  }
}

/** A file that appears when it is whole. */
export function writeFile(path: string, pieces: Iterable<Uint8Array>): OutputResult {
  return withDraft(path, false, (draft) => {
    const fd = openSync(draft, "wx");
    try {
      for (const piece of pieces) writeFully(fd, piece);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  });
}

/** A disk image that appears when it is whole. @param isForced  also instead of a file that is there */
export function withNewDisk(
  path: string,
  size: number,
  fill: (disk: FileDisk) => void,
  isForced = false,
): OutputResult {
  return withDraft(path, isForced, (draft) => {
    const disk = new FileDisk(draft, { create: size });
    try {
      fill(disk);
      disk.flush();
    } finally {
      disk.close();
    }
  });
}

/** The same, and beside it the same disk as a QCOW2 image, written in one go. */
function withNewDisks(
  path: string,
  size: number,
  qcow2: string | undefined,
  codecs: Codecs,
  fill: (disk: Disk) => void,
): OutputResult {
  if (qcow2 === undefined) return withNewDisk(path, size, fill);
  return withNewDisk(path, size, (disk) =>
    withNewDisk(qcow2, 0, (file) => {
      const image = Qcow2Image.create(file, codecs, { virtualSize: size });
      fill(new TwinDisk(disk, image));
      image.flush();
    }),
  );
}

function withDraft(path: string, isForced: boolean, make: (draft: string) => void): OutputResult {
  if (!isForced && existsSync(path)) throw new OperationError("image", path, "is there already");
  if (isChannel(path)) throw new OperationError("image", path, "is a device or a FIFO, and no file takes its place");
  mkdirSync(dirname(path), { recursive: true });
  const draft = draftOf(path);
  const stopGuarding = removeAtDeath(draft, `${draft}.lock`);
  try {
    make(draft);
    renameSync(draft, path);
    return { path, digest: null };
  } catch (error) {
    throw failedDraft(draft, path, error);
  } finally {
    rmSync(draft, { force: true });
    stopGuarding();
  }
}
