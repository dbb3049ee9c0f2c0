/** `stratos install`: a system onto a disk or a disk image, from a configuration or by asking. */
import { readFileSync } from "node:fs";
import { textOfFile } from "@stratos/host-node/files";
import { createInterface, type Interface } from "node:readline/promises";
import { Writable } from "node:stream";
import { Command, InvalidArgumentError, Option } from "commander";
import { askInstallConfig, type Installation, openInstallation, type Questioner } from "@stratos/images/install";
import { INSTALL_SCHEMA, mountText, type InstallConfig } from "@stratos/outputs";
import { installConfigProblems, readInstallConfig } from "@stratos/outputs/install-config";
import { dryRunOption, jsonOption, type Finish } from "./row-options.ts";
import { CommandError, UsageError } from "../command-error.ts";
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
  const { source, target, size, filesystem, swap, seed } = options;
  const installation = await openInstallation({
    ...{ config: await configOf(options), source, target, size, filesystem, swap, seed },
    architecture: options.arch,
    timeSeconds: options.time,
    mayOverwrite: options.dryRun === true || options.force === true,
  });
  try {
    showPlan(installation, options);
    if (options.dryRun === true) return 0;
    installation.write((step) => {
      if (options.json !== true) process.stderr.write(`writing ${step}\n`);
    });
    return 0;
  } finally {
    installation.close();
  }
}

async function configOf(options: InstallCommandOptions): Promise<InstallConfig> {
  if (options.config !== undefined) {
    try {
      return readInstallConfig(textOfFile(readFileSync(options.config), options.config, "option"));
    } catch (error) {
      const problems = installConfigProblems(error);
      throw problems === null ? error : configError(options.config, problems, error);
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
    return await askInstallConfig(questionerOf(lines, output), options);
  } finally {
    lines.close();
  }
}

/** Problems of a file, each in a line of its own: `stratos: FILE:LINE:COLUMN: KEY: why`. */
function configError(
  file: string,
  problems: NonNullable<ReturnType<typeof installConfigProblems>>,
  cause: unknown,
): CommandError {
  const [first, ...others] = problems;
  return new CommandError(
    `${file}:${first![0]}`,
    [first![1], ...others.map(([place, why]) => `stratos: ${file}:${place}: ${why}`)].join("\n"),
    { cause },
  );
}

/** Answers come by lines; `output` shows nothing while a secret is typed. */
function questionerOf(lines: Interface, output: { isSilent: boolean }): Questioner {
  return {
    async ask(question, isSecret) {
      if (!isSecret) return lines.question(question);
      const answer = lines.question(question);
      output.isSilent = true;
      try {
        return await answer;
      } finally {
        output.isSilent = false;
        process.stderr.write("\n");
      }
    },
    say: (text) => void process.stderr.write(text),
  };
}

function showPlan({ plan, target, sizeBytes, architecture }: Installation, options: InstallCommandOptions): void {
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
          target,
          sizeBytes,
          architecture,
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
    `${target}: ${mib(sizeBytes)}, ${architecture}, kernel ${plan.boot.kernel}, ${plan.boot.loader}\n`,
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
