/** Rows of `stratos image` that turn images into what other systems take, and back. */
import { Command, InvalidArgumentError, Option } from "commander";
import { parseImageName } from "../option-values.ts";
import { parseSize } from "../volume-options.ts";
import type { ImageConvertOptions } from "../commands/image-convert-command.ts";
import type { ImageSeedOptions } from "../commands/image-seed-command.ts";
import type { RegistryCommandOptions } from "../commands/image-registry-commands.ts";
import { DISK_FILE_SYSTEMS, OUTPUT_FORMATS } from "@stratos/images/output-formats";
import { jsonOption, type Finish } from "./fs-rows.ts";

const SOURCE_HELP =
  "\nSOURCE is an image's name, a folder, a tar archive (plain, gzip, xz, zstd), an OCI layout " +
  "(oci:FOLDER[:TAG]), an archive of one or of `docker save`, a commit of an OSTree repository " +
  "(ostree:FOLDER:REF) or a disk image with ext4, btrfs, EROFS or AegisFS.";

export function imageOutputCommands(finish: Finish): Command[] {
  const convert = new Command("convert")
    .description(
      "Writes a root in another format: for containers, OSTree, disks. The same root gives the same bytes; times " +
        "come from $SOURCE_DATE_EPOCH, or from the newest file. squashfs and ISO images keep no access control lists.",
    )
    .summary("write an image in another format")
    .argument("<source>", "image, folder, archive, OCI layout or disk image")
    .argument("<target>", "file or folder to make; an OCI layout or OSTree repository may be there")
    .addOption(new Option("--to <format>", "format of the target").choices([...OUTPUT_FORMATS]))
    .option("--name <name>", "name of the image in a layout, label of a disk")
    .addOption(architectureOption())
    .addOption(new Option("--time <seconds>", "time of what is made, in seconds since 1970").argParser(parseTime))
    .addOption(
      new Option(
        "-c, --compress <kind>",
        "how layers, archives and a root's file system are packed (default: layers by gzip, archives as their " +
          "name says); lz4 is EROFS's",
      ).choices(["none", "gzip", "zstd", "lz4"]),
    )
    .addOption(
      new Option("-s, --size <size>", "size of a disk: 2G (default: what is needed, and a fifth more)").argParser(
        parseSize,
      ),
    )
    .option("--ref <ref>", "reference of an OSTree commit (default: NAME/ARCH)")
    .addOption(
      new Option("--mode <mode>", "mode of a new OSTree repository (default: archive)").choices([
        "archive",
        "bare",
        "bare-user",
        "bare-user-only",
      ]),
    )
    .option(
      "--sign <key>",
      "sign an OSTree commit and the summary by OpenPGP: name of a key (`stratos pkg key`), or file",
    )
    .option("--sign-ed25519 <file>", "sign them by Ed25519: a key in PEM, or as `ostree sign` has it")
    .option(
      "--bootc",
      "lay the root out as OSTree and bootc deploy it (/usr/etc, but /etc in an OCI image; empty /var, kernel in " +
        "/usr/lib/modules)",
    )
    .addOption(
      new Option("--loader <loader>", "boot loader of a disk (default: what the root has, systemd-boot first)").choices(
        ["systemd-boot", "grub", "unified"],
      ),
    )
    .addOption(
      new Option("--filesystem <kind>", "file system of a disk's root (default: ext4)").choices([...DISK_FILE_SYSTEMS]),
    )
    .addOption(
      new Option(
        "--snapshot <name>",
        "with btrfs: a read-only snapshot of the root as it is made, which the boot menu offers",
      ).argParser(parseSnapshot),
    )
    .option("--kernel-options <words>", "further words for the kernel's command line")
    .option("--qcow2 <file>", "with raw, ext4, btrfs and xfs: the same disk as a QCOW2 image, too, in one go")
    .option("--own-initramfs", "make a minimal initramfs, even when the root has one")
    .option("--root", "a folder's files belong to root, whoever unpacked them")
    .addOption(jsonOption())
    .addHelpText("after", SOURCE_HELP)
    .action(async (source: string, target: string, options: ImageConvertOptions) =>
      finish(await (await import("../commands/image-convert-command.ts")).convertImage(source, target, options)),
    );
  const registry = () => import("../commands/image-registry-commands.ts");
  const plain = (): Option =>
    new Option("--plain-http", "speak HTTP without TLS (the default for registries on this computer)");
  const push = new Command("push")
    .description(
      "Pushes an image to a registry. Layers that the registry has are not sent again. $STRATOS_REGISTRY_AUTH " +
        "(user:password), or what `podman login`, `skopeo login` or `docker login` left ($REGISTRY_AUTH_FILE, " +
        "containers/auth.json, .docker/config.json and its helpers), signs in.",
    )
    .summary("push an image to a registry")
    .argument("<source>", "image, folder, archive or OCI layout (oci:FOLDER[:TAG])")
    .argument("<reference>", "registry/repository:tag")
    .addOption(architectureOption())
    .option(
      "--mount-from <repository>",
      "repository of the same registry that may have layers already, which are not sent then",
    )
    .addOption(new Option("-c, --compress <kind>", "how the layer is packed (default: gzip)").choices(["gzip", "zstd"]))
    .addOption(plain())
    .addOption(jsonOption())
    .addHelpText("after", SOURCE_HELP)
    .action(async (source: string, reference: string, options: RegistryCommandOptions) =>
      finish(await (await registry()).pushImage(source, reference, options)),
    );
  const pull = new Command("pull")
    .description(
      "Pulls an image from a registry and makes it one that `stratos run` takes, or an OCI layout. Each blob is " +
        "checked against its digest.",
    )
    .summary("pull an image from a registry")
    .argument("<reference>", "registry/repository:tag or @digest")
    .argument("[name]", "name of the image (default: the repository's last part)", parseImageName)
    .addOption(architectureOption())
    .option("-o, --output <folder>", "an OCI layout in this folder, rather than an image")
    .option("-f, --force", "replace an image of this name")
    .addOption(plain())
    .addOption(jsonOption())
    .action(async (reference: string, name: string | undefined, options: RegistryCommandOptions) =>
      finish(await (await registry()).pullImage(reference, name, options)),
    );
  const seed = new Command("seed")
    .description(
      "Makes the small medium from which cloud-init takes a machine's name, its user and SSH keys at the first " +
        "start (NoCloud). Attach it beside a disk that has cloud-init.",
    )
    .summary("make a medium for cloud-init")
    .argument("<file>", "ISO image to make")
    .option("--hostname <name>", "the machine's name", "stratos")
    .option("--user <name>", "the user who may log in", "debian")
    .option("--ssh-keys <file>", "public keys, one in a line")
    .option("--no-sudo", "the user does not become root by sudo, which an image may not have")
    .option("--user-data <file>", "what cloud-init is told, instead of user and keys")
    .option("--network-config <file>", "network configuration of cloud-init, version 2")
    .option("--instance-id <id>", "changes when cloud-init is to run anew (default: from the name)")
    .addOption(
      new Option("--time <seconds>", "time of what is made, in seconds since 1970 (default: 0)").argParser(parseTime),
    )
    .action(async (file: string, options: ImageSeedOptions) =>
      finish(await (await import("../commands/image-seed-command.ts")).makeCloudSeed(file, options)),
    );
  return [convert, push, pull, seed];
}

function architectureOption(): Option {
  return new Option(
    "--arch <arch>",
    "architecture, as Debian names it (default: what the source says, or riscv64)",
  ).choices(["amd64", "arm64", "riscv64"]);
}

function parseTime(text: string): number {
  if (!/^\d{1,12}$/.test(text)) throw new InvalidArgumentError("expected seconds since 1970");
  return Number(text);
}

function parseSnapshot(text: string): string {
  if (!/^[A-Za-z0-9_.-]{1,64}$/.test(text))
    throw new InvalidArgumentError("expected letters, digits, '-', '_' and '.'");
  return text;
}
