import { closeSync, existsSync, openSync, readFileSync, readSync, rmSync, statSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { dirname } from "node:path";
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { Command, InvalidArgumentError, Option } from "commander";
import { FormatError, Qcow2Image, type Disk, type SectorSize } from "@stratos/formats";
import { FileDisk } from "@stratos/tools-node/outputs";
import { nodeCodecs } from "@stratos/host-node/codecs";
import {
  defaultPartitions,
  derivedId,
  INSTALL_SCHEMA,
  mountText,
  parseBytes,
  planInstall,
  planPartitions,
  type BootArchitecture,
  type InstallConfig,
  type InstallPlan,
} from "@stratos/outputs";
import { readInstallConfig } from "@stratos/outputs/install-config";
import { GUEST_ARCHITECTURE } from "@stratos/images/defaults";
import { diskError } from "@stratos/images/disk";
import { aegisRoot, openTreeSource } from "@stratos/images/outputs";
import { dryRunOption, jsonOption, type Finish } from "./row-options.ts";
import { CommandError, UsageError } from "../command-error.ts";
import { askInstallConfig, lineTerminal } from "../install/wizard.ts";
import { formatTable } from "../text-table.ts";

export function installCommand(finish: Finish): Command {
  return new Command("install")
    .summary("install a system on a disk or a disk image")
    .description(
      "Installs a root on a disk or a disk image: partitions, file systems, boot loader, name, locale, users, " +
        "SSH keys. Without --config it asks on the terminal; nothing is written before the plan is shown, and " +
        "nothing at all with --dry-run.",
    )
    .option("-c, --config <file>", "what to install and how, in TOML (--schema prints what it may say)")
    .option("--source <source>", "image, folder, tar archive, oci:FOLDER or disk image to install")
    .option("--target <disk>", "device, or disk image (raw or .qcow2) to make")
    .option("-s, --size <size>", "size of a disk image that is not there yet: 8G")
    .addOption(
      new Option("--arch <arch>", "architecture (default: what the source says, or riscv64)").choices([
        "amd64",
        "arm64",
        "riscv64",
      ]),
    )
    .addOption(
      new Option(
        "--filesystem <kind>",
        "of the root, where the configuration names no partitions (default: ext4); btrfs gets subvolumes @ and @home",
      ).choices(["ext4", "btrfs", "xfs"]),
    )
    .option("--swap <size>", "also a swap partition of this size")
    .option(
      "--seed <text>",
      "UUIDs from this text rather than from chance, so that the same installation gives the same bytes",
    )
    .addOption(
      new Option("--time <seconds>", "time of what is made, in seconds since 1970 (default: now)").argParser((text) => {
        if (!/^\d{1,12}$/.test(text)) throw new InvalidArgumentError("expected seconds since 1970");
        return Number(text);
      }),
    )
    .addOption(dryRunOption())
    .option("-f, --force", "install over what the disk holds, which is lost")
    .option("--schema", "print the JSON Schema of configuration files")
    .addOption(jsonOption())
    .action(async (options: InstallCommandOptions) => finish(await installSystem(options)));
}

interface InstallCommandOptions {
  readonly config?: string;
  readonly source?: string;
  readonly target?: string;
  readonly size?: string;
  readonly arch?: string;
  readonly filesystem?: "ext4" | "btrfs" | "xfs";
  readonly swap?: string;
  readonly seed?: string;
  readonly time?: number;
  readonly dryRun?: true;
  readonly force?: true;
  readonly schema?: true;
  readonly json?: true;
}

/** Plans, shows, and unless that was all, installs. */
async function installSystem(options: InstallCommandOptions): Promise<number> {
  if (options.schema === true) {
    process.stdout.write(`${JSON.stringify(INSTALL_SCHEMA, null, 2)}\n`);
    return 0;
  }
  const config = withPartitions(await configOf(options), options);
  const sourceName = options.source ?? config.system?.source;
  const target = options.target ?? config.disk?.target;
  if (sourceName === undefined) throw new UsageError("--source", "missing, and system.source is not set either");
  if (target === undefined) throw new UsageError("--target", "missing, and disk.target is not set either");
  const { size, isNew, sectorSize } = targetOf(target, options.size ?? config.disk?.size, config.disk?.sector_size);
  checkTarget(config, target, { size, sectorSize, isNew }, options);
  const source = await openTreeSource(
    sourceName,
    config.architecture === undefined ? {} : { architecture: config.architecture },
  );
  try {
    const architecture = (options.arch ??
      config.architecture ??
      source.architecture ??
      GUEST_ARCHITECTURE) as BootArchitecture;
    const codecs = nodeCodecs();
    const time = options.time ?? Math.floor(Date.now() / 1000);
    const known = new Map<string, string>();
    const id = (what: string): string => {
      if (options.seed !== undefined) return derivedId(`${options.seed} ${what}`, codecs);
      const found = known.get(what) ?? randomUUID();
      known.set(what, found);
      return found;
    };
    const plan = planInstall(
      source.tree,
      config,
      { diskSize: size, architecture, time, id, sectorSize, aegisfs: aegisRoot },
      codecs,
    );
    showPlan(plan, { target, size, architecture }, options);
    if (options.dryRun === true) return 0;
    writeTarget(target, size, isNew, (disk, isZeroed) =>
      plan.write(disk, isZeroed, (step) => {
        if (options.json !== true) process.stderr.write(`writing ${step}\n`);
      }),
    );
    return 0;
  } catch (error) {
    throw diskError(target, error);
  } finally {
    source.close();
  }
}

/**
 * What needs none of the source's files, which may take minutes to unpack: room for the partitions, and a disk that may
 * be written. @throws CommandError
 */
function checkTarget(
  config: InstallConfig,
  target: string,
  { size, sectorSize, isNew }: Target,
  options: InstallCommandOptions,
): void {
  try {
    planPartitions(
      config.partition ?? defaultPartitions(),
      size,
      (options.arch ?? config.architecture ?? GUEST_ARCHITECTURE) as BootArchitecture,
      () => randomUUID(),
      sectorSize,
    );
  } catch (error) {
    throw diskError(target, error);
  }
  if (!isNew && options.dryRun !== true && options.force !== true && !isBlank(target))
    throw new CommandError(
      target,
      "holds something, which would be lost; --force installs over it, --dry-run shows what would be done",
    );
}

/** The usual partitions, as the command line has them. */
function withPartitions(config: InstallConfig, { filesystem, swap }: InstallCommandOptions): InstallConfig {
  if (filesystem === undefined && swap === undefined) return config;
  if (config.partition !== undefined)
    throw new UsageError(
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

async function configOf(options: InstallCommandOptions): Promise<InstallConfig> {
  if (options.config !== undefined) {
    try {
      return readInstallConfig(readFileSync(options.config, "utf8"));
    } catch (error) {
      if (error instanceof FormatError) throw configError(options.config, error);
      throw error;
    }
  }
  // With all that must be known, nothing is asked; scripts are never asked.
  if (options.source !== undefined && options.target !== undefined) return {};
  if (!process.stdin.isTTY) throw new UsageError("--config", "missing; without a terminal there is nobody to ask");
  const output = Object.assign(
    new Writable({
      write: (text: Buffer, _encoding, done) => {
        if (!output.isSilent) process.stderr.write(text);
        done();
      },
    }),
    { isSilent: false },
  );
  const lines = createInterface({ input: process.stdin, output, terminal: true });
  try {
    return await askInstallConfig(
      lineTerminal(lines, {
        write: (text) => void process.stderr.write(text),
        get isSilent() {
          return output.isSilent;
        },
        set isSilent(value) {
          output.isSilent = value;
        },
      }),
      options,
    );
  } finally {
    lines.close();
  }
}

/** Problems of a file, each in a line of its own: `stratos: FILE:LINE:COLUMN: KEY: why`. */
function configError(file: string, error: FormatError): CommandError {
  const [first, ...others] = error.message
    .split("\n")
    .map((line) => /^(\d+:\d+): ([\s\S]*)$/.exec(line)!.slice(1) as [string, string]);
  return new CommandError(
    `${file}:${first![0]}`,
    [first![1], ...others.map(([place, why]) => `stratos: ${file}:${place}: ${why}`)].join("\n"),
    { cause: error },
  );
}

interface Target {
  readonly size: number;
  readonly sectorSize: SectorSize;
  readonly isNew: boolean;
}

function targetOf(target: string, wanted: string | undefined, sectorSize: SectorSize | undefined): Target {
  if (existsSync(target)) {
    if (!statSync(target).isFile() && !statSync(target).isBlockDevice())
      throw new CommandError(target, "is neither a disk nor a disk image");
    if (/\.qcow2$/.test(target)) throw new CommandError(target, "is there already; a QCOW2 image is made anew");
    const disk = new FileDisk(target, { readOnly: true });
    try {
      const own = statSync(target).isBlockDevice() ? disk.sectorSize : (sectorSize ?? 512);
      if (own !== 512 && own !== 4096)
        throw new CommandError(target, `counts in blocks of ${own} bytes; 512 and 4096 are known`);
      if (sectorSize !== undefined && sectorSize !== own)
        throw new CommandError(target, `counts in blocks of ${own} bytes, and disk.sector_size says ${sectorSize}`);
      return { size: disk.size, sectorSize: own, isNew: false };
    } finally {
      disk.close();
    }
  }
  if (wanted === undefined) throw new CommandError(target, "is not there; --size makes a disk image");
  if (!existsSync(dirname(target))) throw new CommandError(target, `${dirname(target)} is not there`);
  const size = parseBytes(wanted);
  if (size === undefined) throw new UsageError("--size", `'${wanted}': expected a size such as 8G`);
  return { size: Math.floor(size / 4096) * 4096, sectorSize: sectorSize ?? 512, isNew: true };
}

function writeTarget(
  target: string,
  size: number,
  isNew: boolean,
  write: (disk: Disk, isZeroed: boolean) => void,
): void {
  const isQcow2 = /\.qcow2$/.test(target);
  const file = new FileDisk(target, isNew ? { create: isQcow2 ? 0 : size } : {});
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
    throw error;
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

function showPlan(
  plan: InstallPlan,
  where: { target: string; size: number; architecture: string },
  options: InstallCommandOptions,
): void {
  const parts = plan.partitions.map((planned) => {
    const { config, partition, uuid, mountings } = planned,
      mount = mountText(planned);
    return {
      name: config.name,
      format: config.format,
      mount: mount === "" ? null : mount,
      startBytes: partition.start,
      sizeBytes: partition.size,
      usedBytes: plan.usage.find((own) => own.mount === mount)?.usedBytes ?? null,
      uuid,
      subvolumes: mountings
        .filter(({ subvolume }) => subvolume !== "")
        .map((own) => ({ name: own.subvolume, mount: own.mount })),
      snapshots: config.snapshots ?? [],
    };
  });
  if (options.json === true) {
    process.stdout.write(
      JSON.stringify(
        {
          target: where.target,
          sizeBytes: where.size,
          architecture: where.architecture,
          kernel: plan.boot.kernel,
          loader: plan.boot.loader,
          commandLine: plan.boot.commandLine,
          partitions: parts,
          warnings: plan.warnings,
          isDryRun: options.dryRun === true,
        },
        null,
        2,
      ) + "\n",
    );
    return;
  }
  for (const warning of plan.warnings) process.stderr.write(`stratos: warning: ${warning}\n`);
  const mib = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  process.stdout.write(
    `${where.target}: ${mib(where.size)}, ${where.architecture}, kernel ${plan.boot.kernel}, ${plan.boot.loader}\n`,
  );
  process.stdout.write(
    formatTable(
      ["PARTITION", "FORMAT", "MOUNT", "START", "SIZE", "USED", "UUID"],
      parts.map((part) => [
        part.name,
        part.format,
        part.mount ?? "-",
        mib(part.startBytes),
        mib(part.sizeBytes),
        part.usedBytes === null ? "-" : mib(part.usedBytes),
        part.uuid,
      ]),
    ),
  );
}
