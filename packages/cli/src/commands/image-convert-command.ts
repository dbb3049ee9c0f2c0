import { ProgressDisplay } from "@stratos/host-node";
import { CommandError, UsageError } from "../command-error.ts";
import { diskError } from "@stratos/images/disk";
import { GUEST_ARCHITECTURE } from "@stratos/images/defaults";
import { openTreeSource, writeOutput } from "@stratos/images/outputs";
import { OUTPUT_COMPRESSIONS, type OutputCompression, type OutputFormat } from "@stratos/images/output-formats";

export interface ImageConvertOptions {
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

export async function convertImage(source: string, target: string, options: ImageConvertOptions): Promise<number> {
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
    const time =
      options.time ??
      sourceDateEpoch() ??
      Math.floor([...opened.tree.entries()].reduce((newest, entry) => Math.max(newest, entry.mtime), 0));
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

/** https://reproducible-builds.org/specs/source-date-epoch/ */
function sourceDateEpoch(): number | undefined {
  const text = process.env["SOURCE_DATE_EPOCH"];
  if (text === undefined || text === "") return undefined;
  if (!/^\d{1,12}$/.test(text)) throw new CommandError("SOURCE_DATE_EPOCH", `'${text}' is no number of seconds`);
  return Number(text);
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
