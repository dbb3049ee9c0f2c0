/** Disks, media and file systems of a compose: what `image convert` writes, into the compose's folder. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { OutputError, type OutputConfig, type OutputWriter } from "@stratos/compose";
import { deployedImage, hasArtifact } from "@stratos/tools-node/compose";
import { draftOf } from "@stratos/host-node/files";
import { writeOutput } from "@stratos/images/outputs";
import type { OutputFormat } from "@stratos/images/output-formats";
import { bytesOf, diskPartitions, DISKS, isDisk, outputProblems, readSecrets } from "./disk-partitions.ts";

interface DiskFormat {
  readonly format: OutputConfig["format"] & OutputFormat;
  readonly suffix: string;
  readonly mediaType: string;
  /** whose packer its name tells */
  readonly isArchive?: true;
}

const FORMATS: readonly DiskFormat[] = [
  { format: "raw", suffix: "raw", mediaType: "application/vnd.efi.img" },
  { format: "qcow2", suffix: "qcow2", mediaType: "application/x-qemu-disk" },
  { format: "vmdk", suffix: "vmdk", mediaType: "application/x-vmdk" },
  { format: "vhd", suffix: "vhd", mediaType: "application/x-vhd" },
  { format: "vhd-fixed", suffix: "vhd", mediaType: "application/x-vhd" },
  { format: "vhdx", suffix: "vhdx", mediaType: "application/x-vhdx" },
  { format: "ova", suffix: "ova", mediaType: "application/x-virtualbox-ova" },
  { format: "iso", suffix: "iso", mediaType: "application/vnd.efi.iso" },
  { format: "squashfs", suffix: "squashfs", mediaType: "application/vnd.squashfs" },
  { format: "cpio", suffix: "cpio", mediaType: "application/x-cpio", isArchive: true },
  // Its name says no packer: loaders look for initrd.img, and the kernel sees for itself.
  { format: "initramfs", suffix: "initrd.img", mediaType: "application/x-cpio" },
  { format: "ext4", suffix: "ext4", mediaType: "application/vnd.ext4" },
  { format: "btrfs", suffix: "btrfs", mediaType: "application/vnd.btrfs" },
  { format: "xfs", suffix: "xfs", mediaType: "application/vnd.xfs" },
  { format: "erofs", suffix: "erofs", mediaType: "application/vnd.erofs" },
];

/**
 * @param folder  where the compose writes
 * @param readSource  a file beside the treefile: passphrases and keys
 */
export function diskOutputs(
  folder: string,
  readSource: (path: string) => Promise<Uint8Array | undefined> = async () => undefined,
): OutputWriter[] {
  return FORMATS.map(({ format, suffix, mediaType, isArchive }): OutputWriter => ({
    format,
    filename: ({ compression }) =>
      `\${name}-\${variant}-\${architecture}.${suffix}` +
      `${isArchive === true ? { none: "", gzip: ".gz", zstd: ".zst", lz4: "" }[compression ?? "none"] : ""}`,
    async write({ tree, target, config, epochSeconds, signal }, path) {
      const place = join(folder, path),
        draft = draftOf(place);
      await mkdir(dirname(place), { recursive: true });
      try {
        signal.throwIfAborted();
        if (config.deploy === true && !isDisk(format))
          throw new OutputError(`deploy: ${format} holds no deployed system; ${DISKS.join(", ")} do`);
        const partitions = diskPartitions(config, await readSecrets(config, readSource));
        writeOutput(
          format,
          config.deploy === true
            ? await deployedImage(target, tree, epochSeconds, async (...job) =>
                (await import("../packages/sign-repository.ts")).commitSignatures(...job),
              )
            : tree,
          draft,
          {
            time: epochSeconds,
            architecture: target.architecture,
            fileName: basename(path),
            name: `${target.config.name}-${target.variant}`,
            ...(config.compression === undefined ? {} : { compression: config.compression }),
            ...(config.size === undefined ? {} : { size: bytesOf(config.size) }),
            ...(config.bootloader === undefined ? {} : { loader: config.bootloader }),
            ...(config.filesystem === undefined ? {} : { rootFormat: config.filesystem }),
            ...(config.snapshot === undefined ? {} : { snapshot: config.snapshot }),
            ...(partitions === undefined ? {} : { partitions }),
            ...(config["command-line"] === undefined ? {} : { commandLine: config["command-line"] }),
          },
        );
        signal.throwIfAborted();
        await rename(draft, place);
      } finally {
        await rm(draft, { force: true });
      }
      const hash = createHash("sha256");
      for await (const piece of createReadStream(place, { highWaterMark: 1 << 20 })) hash.update(piece as Uint8Array);
      return [{ path, sizeBytes: (await stat(place)).size, sha256: hash.digest("hex"), mediaType, isFile: true }];
    },
    has: (artifact) => hasArtifact(folder, artifact),
    problems: (config) => outputProblems(format, config),
  }));
}
