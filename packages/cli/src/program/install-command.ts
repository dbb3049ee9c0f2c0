import { Command, InvalidArgumentError, Option } from "commander";
import type { InstallCommandOptions } from "../commands/install-command.ts";
import { dryRunOption, jsonOption, type Finish } from "./fs-rows.ts";

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
    .action(async (options: InstallCommandOptions) =>
      finish(await (await import("../commands/install-command.ts")).installSystem(options)),
    );
}
