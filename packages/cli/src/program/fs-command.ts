/**
 * `stratos fs`: AegisFS volumes. Each row loads what the command does when it is run. A place in a volume is written
 * VOLUME[@SNAPSHOT]:PATH; see ../fs/volume-place.ts.
 */
import { Command, Option } from "commander";
import { parseCompression, parseCopies, parseSize, parseVolumeLabel } from "../volume-options.ts";
import type { FormatVolumeOptions } from "../commands/fs-format-command.ts";
import { auditCommand } from "./fs-audit-rows.ts";
import { backupCommand } from "./fs-backup-rows.ts";
import { fileCommands } from "./fs-file-rows.ts";
import { integrityCommands } from "./fs-integrity-rows.ts";
import { mountCommands } from "./fs-mount-rows.ts";
import { quotaCommand } from "./fs-quota-rows.ts";
import { scheduleCommand, snapshotCommand } from "./fs-snapshot-rows.ts";
import { transactionCommand } from "./fs-transaction-rows.ts";
import { transferCommands } from "./fs-transfer-rows.ts";
import { configCommand, serveCommand } from "./fs-serve-rows.ts";
import { spaceCommands } from "./fs-space-rows.ts";
import { volumeCommands } from "./fs-volume-rows.ts";
import { dryRunOption, jsonOption, kdfOption, type Finish } from "./fs-rows.ts";

export function fsCommand(finish: Finish): Command {
  const fs = new Command("fs")
    .enablePositionalOptions()
    .summary("make, use and keep AegisFS volumes")
    .description("Makes, uses and keeps AegisFS volumes: files or devices with checksums, snapshots and clones.")
    .usage("COMMAND");
  const commands = [
    formatCommand(finish),
    ...fileCommands(finish),
    ...volumeCommands(finish),
    ...mountCommands(finish),
    snapshotCommand(finish),
    scheduleCommand(finish),
    ...transferCommands(finish),
    transactionCommand(finish),
    auditCommand(finish),
    quotaCommand(finish),
    ...integrityCommands(finish),
    ...spaceCommands(finish),
    backupCommand(finish),
    serveCommand(finish),
    configCommand(finish),
  ];
  for (const command of commands) fs.addCommand(command);
  return fs;
}

function formatCommand(finish: Finish): Command {
  return new Command("format")
    .description(
      "Makes an empty volume of a file or a device. A file that is not there is made, with --size; what a file " +
        "or device held is lost, and only with --force.",
    )
    .summary("make an empty volume")
    .argument("<volume...>", "file or device; several make one volume, named A,B,C from then on")
    .addOption(
      new Option("-s, --size <size>", "size of the file: 512M, 20G (a sparse file takes what is used)").argParser(
        parseSize,
      ),
    )
    .addOption(new Option("-L, --label <text>", "label of the volume, at most 63 bytes").argParser(parseVolumeLabel))
    .addOption(
      new Option(
        "--copies <n>",
        "keep so many copies of everything, on different devices where there are several",
      ).argParser(parseCopies),
    )
    .addOption(
      new Option("--compress <codec>", "compress what is stored: none, lz4, zstd, zstd:LEVEL").argParser(
        parseCompression,
      ),
    )
    .addOption(kdfOption())
    .option(
      "--encrypt",
      "encrypt the volume; asks for a passphrase, or takes the one in the file that STRATOS_PASSPHRASE_FILE names",
    )
    .option("-f, --force", "also when something is there, which is lost")
    .addOption(dryRunOption())
    .addOption(jsonOption())
    .action(async (volumes: string[], options: FormatVolumeOptions) =>
      finish(await (await import("../commands/fs-format-command.ts")).formatVolume(volumes, options)),
    );
}
