/**
 * A system onto a disk or a disk image: planned as a whole, shown, and only then written. The partitions, file systems
 * and files are those of `planInstall`; here are the disk, the source, and what must not be lost.
 */
import { closeSync, existsSync, openSync, readSync, rmSync, statSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { dirname } from "node:path";
import { bytesOfSize } from "@stratos/base/bytes-of-size";
import { Qcow2Image, type Disk, type SectorSize } from "@stratos/formats";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { OperationError } from "@stratos/operation";
import {
  defaultPartitions,
  derivedId,
  planInstall,
  planPartitions,
  type BootArchitecture,
  type InstallConfig,
  type InstallPlan,
} from "@stratos/outputs";
import { FileDisk } from "@stratos/tools-node/outputs";
import { GUEST_ARCHITECTURE } from "../defaults.ts";
import { diskError } from "../disk/open-disk.ts";
import { aegisRoot } from "../outputs/aegis-root.ts";
import { openTreeSource } from "../outputs/tree-source.ts";

interface InstallRequest {
  readonly config: InstallConfig;
  /** These go before what the configuration says: source and target, a size such as 8G, the architecture. */
  readonly source?: string | undefined;
  readonly target?: string | undefined;
  readonly size?: string | undefined;
  readonly architecture?: string | undefined;
  /** Of the usual partitions, where the configuration names none. */
  readonly filesystem?: "ext4" | "btrfs" | "xfs" | undefined;
  readonly swap?: string | undefined;
  /** UUIDs come from this text, rather than from chance. */
  readonly seed?: string | undefined;
  /** Of all that is made, in seconds since 1970; default: now. */
  readonly timeSeconds?: number | undefined;
  /** What the disk holds may be lost. Default: a disk that is not blank is refused. */
  readonly mayOverwrite: boolean;
}

export interface Installation {
  readonly target: string;
  readonly sizeBytes: number;
  readonly architecture: BootArchitecture;
  readonly plan: InstallPlan;
  /**
   * Does what was planned, once.
   *
   * @param onStep  told what is about to be written, for people
   * @throws OperationError; a disk image that was not there before is then not there either
   */
  write(onStep: (step: string) => void): void;
  /** Lets go of the source. */
  close(): void;
}

/** Nothing is written. @throws OperationError of kind option, image or volume */
export async function openInstallation(request: InstallRequest): Promise<Installation> {
  const config = withPartitions(request);
  const sourceName = request.source ?? config.system?.source;
  const target = request.target ?? config.disk?.target;
  if (sourceName === undefined) throw missing("--source", "system.source");
  if (target === undefined) throw missing("--target", "disk.target");
  const place = targetOf(target, request.size ?? config.disk?.size, config.disk?.sector_size);
  checkTarget(config, target, place, request);
  const source = await openTreeSource(
    sourceName,
    config.architecture === undefined ? {} : { architecture: config.architecture },
  );
  try {
    const architecture = (request.architecture ??
      config.architecture ??
      source.architecture ??
      GUEST_ARCHITECTURE) as BootArchitecture;
    const codecs = nodeCodecs();
    const { size: diskSize, sectorSize, isNew } = place;
    const time = request.timeSeconds ?? Math.floor(Date.now() / 1000);
    const id = idsOf(request.seed);
    const plan = planInstall(
      source.tree,
      config,
      { diskSize, architecture, time, id, sectorSize, aegisfs: aegisRoot },
      codecs,
    );
    return {
      target,
      sizeBytes: diskSize,
      architecture,
      plan,
      write: (onStep) => writeTarget(target, diskSize, isNew, (disk, isZeroed) => plan.write(disk, isZeroed, onStep)),
      close: () => source.close(),
    };
  } catch (error) {
    source.close();
    throw diskError(target, error);
  }
}

function missing(option: string, key: string): OperationError {
  return new OperationError("option", option, `missing, and ${key} is not set either`);
}

/** The same name has the same UUID. */
function idsOf(seed: string | undefined): (what: string) => string {
  const codecs = nodeCodecs();
  if (seed !== undefined) return (what) => derivedId(`${seed} ${what}`, codecs);
  const known = new Map<string, string>();
  return (what) => {
    const found = known.get(what) ?? randomUUID();
    known.set(what, found);
    return found;
  };
}

/**
 * What needs none of the source's files, which may take minutes to unpack: room for the partitions, and a disk that may
 * be written. @throws OperationError
 */
function checkTarget(
  config: InstallConfig,
  target: string,
  { size, sectorSize, isNew }: Target,
  { architecture, mayOverwrite }: InstallRequest,
): void {
  try {
    planPartitions(
      config.partition ?? defaultPartitions(),
      size,
      (architecture ?? config.architecture ?? GUEST_ARCHITECTURE) as BootArchitecture,
      () => randomUUID(),
      sectorSize,
    );
  } catch (error) {
    throw diskError(target, error);
  }
  if (!isNew && !mayOverwrite && !isBlank(target))
    throw new OperationError(
      "volume",
      target,
      "holds something, which would be lost; --force installs over it, --dry-run shows what would be done",
    );
}

/** The usual partitions, as the request has them. */
function withPartitions({ config, filesystem, swap }: InstallRequest): InstallConfig {
  if (filesystem === undefined && swap === undefined) return config;
  if (config.partition !== undefined)
    throw new OperationError(
      "option",
      filesystem === undefined ? "--swap" : "--filesystem",
      "the configuration names its partitions itself",
    );
  return {
    ...config,
    partition: defaultPartitions({
      ...(filesystem === undefined ? {} : { rootFormat: filesystem }),
      ...(swap === undefined ? {} : { swap }),
    }),
  };
}

interface Target {
  readonly size: number;
  readonly sectorSize: SectorSize;
  readonly isNew: boolean;
}

function targetOf(target: string, wanted: string | undefined, sectorSize: SectorSize | undefined): Target {
  const refuse = (why: string): OperationError => new OperationError("volume", target, why);
  if (existsSync(target)) {
    if (!statSync(target).isFile() && !statSync(target).isBlockDevice())
      throw refuse("is neither a disk nor a disk image");
    if (/\.qcow2$/.test(target)) throw refuse("is there already; a QCOW2 image is made anew");
    const disk = new FileDisk(target, { readOnly: true });
    try {
      const own = statSync(target).isBlockDevice() ? disk.sectorSize : (sectorSize ?? 512);
      if (own !== 512 && own !== 4096) throw refuse(`counts in blocks of ${own} bytes; 512 and 4096 are known`);
      if (sectorSize !== undefined && sectorSize !== own)
        throw refuse(`counts in blocks of ${own} bytes, and disk.sector_size says ${sectorSize}`);
      return { size: disk.size, sectorSize: own, isNew: false };
    } finally {
      disk.close();
    }
  }
  if (wanted === undefined) throw refuse("is not there; --size makes a disk image");
  if (!existsSync(dirname(target))) throw refuse(`${dirname(target)} is not there`);
  const size = bytesOfSize(wanted);
  if (size === undefined) throw new OperationError("option", "--size", `'${wanted}': expected a size such as 8G`);
  return { size: Math.floor(size / 4096) * 4096, sectorSize: sectorSize ?? 512, isNew: true };
}

function writeTarget(
  target: string,
  size: number,
  isNew: boolean,
  write: (disk: Disk, isZeroed: boolean) => void,
): void {
  const isQcow2 = /\.qcow2$/.test(target);
  const file = openTarget(target, isNew ? { create: isQcow2 ? 0 : size } : {});
  try {
    const image = isQcow2 ? Qcow2Image.create(file, nodeCodecs(), { virtualSize: size }) : null;
    write(image ?? file, isNew);
    image?.flush();
    file.flush();
    file.close();
  } catch (error) {
    file.close();
    // Half a system is of no use; what was there before is gone either way.
    if (isNew) rmSync(target, { force: true });
    throw diskError(target, error);
  }
}

function openTarget(target: string, options: { readonly create?: number }): FileDisk {
  try {
    return new FileDisk(target, options);
  } catch (error) {
    throw diskError(target, error);
  }
}

/** True when the beginning of the disk, where tables and file systems announce themselves, is empty. */
function isBlank(target: string): boolean {
  const fd = openSync(target, "r");
  try {
    const bytes = Buffer.alloc(1 << 20);
    const count = readSync(fd, bytes, 0, bytes.length, 0);
    return bytes.subarray(0, count).every((byte) => byte === 0);
  } finally {
    closeSync(fd);
  }
}
