/** `stratos image push|pull`: images to and from registries. */
import { readFileSync } from "node:fs";
import { Command, InvalidArgumentError, Option } from "commander";
import {
  DISK_FILE_SYSTEMS,
  OUTPUT_FORMATS,
  OUTPUT_COMPRESSIONS,
  type OutputCompression,
  type OutputFormat,
} from "@stratos/images/output-formats";
import { stratosHome } from "@stratos/host-node";
import { ProgressDisplay } from "../progress-display.ts";
import { diskError } from "@stratos/images/disk";
import { GUEST_ARCHITECTURE } from "@stratos/images/defaults";
import { newestTime, openTreeSource, writeOutput, withNewDisk } from "@stratos/images/outputs";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { textOfFile } from "@stratos/host-node/files";
import { ImageStore } from "@stratos/images";
import {
  imageReference,
  pullImage as pull,
  pullLayout,
  pushImage as push,
  type RegistryOptions,
} from "@stratos/images/registry";
import { formatReference, writeCloudSeed } from "@stratos/outputs";
import { parseDocument } from "yaml";
import { parseImageName, sourceDateEpoch } from "../option-values.ts";
import { parseSize } from "../volume-options.ts";
import { jsonOption, type Finish } from "./row-options.ts";
import { CommandError, UsageError } from "../command-error.ts";
import { withProgress } from "../operation-progress.ts";
import { warmInBackground } from "../warm-image.ts";

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
      finish(await convertImage(source, target, options)),
    );
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
      finish(await pushImage(source, reference, options)),
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
    .option("--no-warm-code", "do not translate common programs in the background, for their first runs")
    .addOption(plain())
    .addOption(jsonOption())
    .action(async (reference: string, name: string | undefined, options: RegistryCommandOptions) =>
      finish(await pullImage(reference, name, options)),
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
    .action(async (file: string, options: ImageSeedOptions) => finish(await makeCloudSeed(file, options)));
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

interface ImageConvertOptions {
  readonly to?: OutputFormat;
  readonly name?: string;
  readonly arch?: string;
  readonly time?: number;
  readonly compress?: OutputCompression;
  readonly size?: number;
  readonly ref?: string;
  readonly mode?: "archive" | "bare" | "bare-user" | "bare-user-only";
  readonly sign?: string;
  readonly signEd25519?: string;
  readonly bootc?: true;
  readonly loader?: "systemd-boot" | "grub" | "unified";
  readonly filesystem?: "ext4" | "btrfs" | "xfs" | "erofs" | "aegisfs";
  readonly snapshot?: string;
  readonly kernelOptions?: string;
  readonly ownInitramfs?: true;
  readonly qcow2?: string;
  readonly root?: true;
  readonly json?: true;
}

async function convertImage(source: string, target: string, options: ImageConvertOptions): Promise<number> {
  const format = options.to ?? formatOf(target);
  if (format !== "ostree" && (options.sign ?? options.signEd25519) !== undefined)
    throw new UsageError(
      options.sign === undefined ? "--sign-ed25519" : "--sign",
      "commits of OSTree are signed, nothing else",
    );
  if (options.compress !== undefined) checkCompression(format, options.compress, options.filesystem);
  const compression = options.compress ?? (format === "tar" || format === "cpio" ? compressionOf(target) : undefined);
  const opened = await openTreeSource(source, {
    ...(options.arch === undefined ? {} : { architecture: options.arch }),
    ...(options.root === true ? { ownedByRoot: true } : {}),
  });
  const progress = new ProgressDisplay(process.stderr);
  try {
    const onNote = (message: string): void => progress.note(`${format}: ${message}`);
    if (process.stderr.isTTY) progress.update(`Writing ${format}`, 0, 0, "bytes");
    const time = options.time ?? sourceDateEpoch() ?? newestTime(opened.tree);
    const result = writeOutput(format, opened.tree, target, {
      time,
      architecture: options.arch ?? opened.architecture ?? GUEST_ARCHITECTURE,
      name: options.name ?? baseName(source),
      ...(compression === undefined ? {} : { compression }),
      ...(options.size === undefined ? {} : { size: options.size }),
      ...(options.ref === undefined ? {} : { ref: options.ref }),
      ...(options.mode === undefined ? {} : { mode: options.mode }),
      ...(options.bootc === true ? { isBootc: true, onNote } : {}),
      ...(options.loader === undefined ? {} : { loader: options.loader }),
      ...(options.kernelOptions === undefined ? {} : { commandLine: options.kernelOptions }),
      ...(options.ownInitramfs === true ? { ownInitramfs: true } : {}),
      ...(options.qcow2 === undefined ? {} : { qcow2: options.qcow2 }),
      ...(options.filesystem === undefined ? {} : { rootFormat: options.filesystem }),
      ...(options.snapshot === undefined ? {} : { snapshot: options.snapshot }),
    });
    if (format === "ostree" && (options.sign ?? options.signEd25519) !== undefined) {
      const { signRepository } = await import("@stratos/systems/packages");
      await signRepository(
        target,
        options.mode ?? "archive",
        result.digest!,
        {
          ...(options.sign === undefined ? {} : { gpg: options.sign }),
          ...(options.signEd25519 === undefined ? {} : { ed25519: options.signEd25519 }),
        },
        time,
      );
    }
    if (options.json === true) process.stdout.write(`${JSON.stringify({ format, ...result }, null, 2)}\n`);
    else if (result.digest !== null) process.stdout.write(`${result.digest}\n`);
  } catch (error) {
    throw diskError(target, error);
  } finally {
    progress.clear();
    opened.close();
  }
  return 0;
}

function checkCompression(format: OutputFormat, compression: OutputCompression, fileSystem: string | undefined): void {
  // A raw disk is as large either way; its root may pack what it holds.
  const ofRoot = fileSystem === "btrfs" || fileSystem === "erofs" ? OUTPUT_COMPRESSIONS[fileSystem]! : undefined;
  const kinds =
    format === "raw" && ofRoot !== undefined
      ? ofRoot
      : format === "qcow2" && fileSystem === "erofs"
        ? [...OUTPUT_COMPRESSIONS.qcow2!, "lz4"]
        : OUTPUT_COMPRESSIONS[format];
  if (kinds === undefined && compression === "none") return;
  if (kinds === undefined) throw new UsageError("--compress", `${format} is not packed`);
  if (!kinds.includes(compression))
    throw new UsageError(
      "--compress",
      `${format} is packed by ${kinds.filter((kind) => kind !== "none").join(" or ")}` +
        `${kinds.includes("none") ? ", or not" : ""}, not by ${compression}`,
    );
}

function formatOf(target: string): OutputFormat {
  if (/\.(tar(\.(gz|zst))?|tgz|tzst)$/.test(target)) return "tar";
  if (/\.ext4$/.test(target)) return "ext4";
  if (/\.btrfs$/.test(target)) return "btrfs";
  if (/\.xfs$/.test(target)) return "xfs";
  if (/\.erofs$/.test(target)) return "erofs";
  if (/\.qcow2$/.test(target)) return "qcow2";
  if (/\.(raw|img)$/.test(target)) return "raw";
  if (/\.vmdk$/.test(target)) return "vmdk";
  if (/\.vhdx$/.test(target)) return "vhdx";
  if (/\.(vhd|vpc)$/.test(target)) return "vhd";
  if (/\.ova$/.test(target)) return "ova";
  if (/\.iso$/.test(target)) return "iso";
  if (/\.(squashfs|sqfs)$/.test(target)) return "squashfs";
  if (/\.cpio(\.(gz|zst))?$/.test(target)) return "cpio";
  throw new CommandError(target, "the format is not clear from the name; --to says it");
}

/** How an archive's name says that it is packed. */
function compressionOf(target: string): "gzip" | "zstd" | undefined {
  return /(\.gz|\.tgz)$/.test(target) ? "gzip" : /(\.zst|\.tzst)$/.test(target) ? "zstd" : undefined;
}

function baseName(path: string): string {
  const name = path
    .replace(/^oci:/, "")
    .replace(/\/+$/, "")
    .split("/")
    .at(-1)!
    .replace(/\.(tar|gz|zst|xz|tgz|raw|qcow2|img)(?=\.|$)/g, "");
  return name.replace(/[^A-Za-z0-9._-]/g, "-").replace(/^[^A-Za-z0-9]+/, "") || "image";
}

interface RegistryCommandOptions {
  readonly plainHttp?: true;
  readonly arch?: string;
  readonly compress?: "gzip" | "zstd";
  /** into an OCI layout rather than an image of ours */
  readonly output?: string;
  /** repository of the same registry that may have layers already */
  readonly mountFrom?: string;
  readonly force?: true;
  /** false: nothing of what was pulled is translated ahead */
  readonly warmCode?: boolean;
  readonly json?: true;
}

async function pushImage(source: string, name: string, options: RegistryCommandOptions): Promise<number> {
  const reference = formatReference(imageReference(name));
  const image = { architecture: options.arch, compression: options.compress ?? "gzip" } as const;
  const { digest, sentBytes } = await withProgress((progress) =>
    push(source, name, image, registryOptions(options, "Pushing", progress)),
  );
  process.stdout.write(
    options.json === true ? `${JSON.stringify({ reference, digest, sentBytes }, null, 2)}\n` : `${digest}\n`,
  );
  return 0;
}

/** Pulls an image: into an OCI layout, or as an image that `stratos run` takes. */
async function pullImage(name: string, as: string | undefined, options: RegistryCommandOptions): Promise<number> {
  const reference = imageReference(name);
  const { output } = options;
  const own = as ?? reference.repository.split("/").at(-1)!;
  const home = stratosHome();
  if (output === undefined && new ImageStore(home).find(own) !== null && options.force !== true)
    throw new CommandError(own, "is there already; --force replaces it");
  const digest = await withProgress(async (progress) => {
    const registry = registryOptions(options, "Pulling", progress);
    const architecture = options.arch ?? GUEST_ARCHITECTURE;
    const wanted = { architecture, acceptsOther: options.arch === undefined };
    if (output !== undefined) return pullLayout(name, output, wanted, registry);
    const pulled = await pull({ reference: name, name: own, architecture, home }, registry);
    if (options.warmCode === true && architecture === GUEST_ARCHITECTURE) warmInBackground({ image: own }, progress);
    return pulled;
  });
  if (options.json === true)
    process.stdout.write(
      JSON.stringify(
        {
          reference: formatReference(reference),
          digest,
          ...(output === undefined ? { image: own } : { layout: output }),
        },
        null,
        2,
      ) + "\n",
    );
  else process.stdout.write(`${digest}\n`);
  return 0;
}

function registryOptions(
  { plainHttp, mountFrom }: RegistryCommandOptions,
  words: string,
  progress: ProgressDisplay,
): RegistryOptions {
  return {
    ...(plainHttp === true ? { isPlain: true } : {}),
    ...(mountFrom === undefined ? {} : { mountFrom }),
    onProgress: (done, total) => {
      if (process.stderr.isTTY) progress.update(words, done, total, "bytes");
    },
  };
}

interface ImageSeedOptions {
  readonly hostname: string;
  readonly user: string;
  /** false: `--no-sudo` */
  readonly sudo: boolean;
  readonly sshKeys?: string;
  readonly userData?: string;
  readonly networkConfig?: string;
  readonly instanceId?: string;
  readonly time?: number;
}

/** Makes the medium from which cloud-init takes a machine's name, user and keys. */
async function makeCloudSeed(file: string, options: ImageSeedOptions): Promise<number> {
  const sshKeys =
    options.sshKeys === undefined
      ? []
      : readFileSync(options.sshKeys, "utf8")
          .split("\n")
          .map((line) => line.trim())
          .filter((line) => line !== "" && !line.startsWith("#"));
  if (options.userData === undefined && sshKeys.length === 0)
    throw new CommandError(file, "nobody could log in: give --ssh-keys, or --user-data");
  const userData = options.userData === undefined ? undefined : userDataOf(options.userData);
  const networkConfig =
    options.networkConfig === undefined
      ? undefined
      : yamlOf(options.networkConfig, textOfFile(readFileSync(options.networkConfig), options.networkConfig, "option"));
  withNewDisk(file, 0, (disk) =>
    writeCloudSeed(
      disk,
      {
        instanceId: options.instanceId ?? `stratos-${options.hostname}`,
        hostname: options.hostname,
        user: options.user,
        hasSudo: options.sudo,
        sshKeys,
        time: options.time ?? 0,
        ...(userData === undefined ? {} : { userData }),
        ...(networkConfig === undefined ? {} : { networkConfig }),
      },
      nodeCodecs(),
    ),
  );
  return 0;
}

/**
 * What a file for cloud-init begins with: it passes over any other without a word. Source: cloud-init's manual,
 * "User-data formats".
 */
const KINDS =
  // wide: one pattern
  /^(#cloud-config(-archive|-jsonp)?\s*$|#!|#include(-once)?\s*$|#cloud-boothook\s*$|#part-handler\s*$|## template: *jinja|Content-Type:|MIME-Version:|From )/im;

/** @throws CommandError for what the machine would not understand: it has nobody to tell it to */
function userDataOf(path: string): string {
  const text = textOfFile(readFileSync(path), path, "option"),
    first = text.split("\n", 1)[0]!;
  if (!KINDS.test(first))
    throw new CommandError(path, "its first line is not one that cloud-init knows, such as #cloud-config or #!/bin/sh");
  return /^#cloud-config\s*$/i.test(first) ? yamlOf(path, text) : text;
}

function yamlOf(path: string, text: string): string {
  const { errors } = parseDocument(text);
  if (errors.length > 0) throw new CommandError(path, errors[0]!.message.split("\n")[0]!.replace(/:$/, ""));
  return text;
}
