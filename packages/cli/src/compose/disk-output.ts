/** Disks, media and file systems of a compose: what `image convert` writes, into the compose's folder. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { OutputConfig, OutputWriter } from "@stratos/compose";
import { hasArtifact } from "@stratos/host-node/compose";
import { writeOutput } from "../outputs/write-output.ts";
import type { OutputFormat } from "../outputs/output-formats.ts";

interface DiskFormat { readonly format: OutputConfig["format"]; readonly as: OutputFormat; readonly suffix: string; readonly mediaType: string }

const FORMATS: readonly DiskFormat[] = [
  { format: "raw", as: "raw", suffix: "raw", mediaType: "application/vnd.efi.img" },
  { format: "qcow2", as: "qcow2", suffix: "qcow2", mediaType: "application/x-qemu-disk" },
  { format: "iso", as: "iso", suffix: "iso", mediaType: "application/vnd.efi.iso" },
  { format: "squashfs", as: "squashfs", suffix: "squashfs", mediaType: "application/vnd.squashfs" },
  { format: "cpio", as: "cpio", suffix: "cpio", mediaType: "application/x-cpio" },
];

/** @param folder  where the compose writes */
export function diskOutputs(folder: string): OutputWriter[] {
  return FORMATS.map(({ format, as, suffix, mediaType }): OutputWriter => ({
    format,
    filename: ({ compression }) => `\${name}-\${variant}-\${architecture}.${suffix}${format === "cpio" && compression === "gzip" ? ".gz" : ""}`,
    async write({ tree, target, config, epochSeconds, signal }, path) {
      const place = join(folder, path), draft = `${place}.part.${process.pid}`;
      await mkdir(dirname(place), { recursive: true });
      try {
        signal.throwIfAborted();
        writeOutput(as, tree, draft, {
          time: epochSeconds, architecture: target.architecture, name: `${target.config.name}-${target.variant}`, ...(config.compression === undefined ? {} : { compression: config.compression }),
          ...(config.size === undefined ? {} : { size: bytesOf(config.size) }), ...(config.bootloader === undefined ? {} : { loader: config.bootloader }),
          ...(config.filesystem === undefined ? {} : { rootFormat: config.filesystem }), ...(config.snapshot === undefined ? {} : { snapshot: config.snapshot }),
          ...(config["command-line"] === undefined ? {} : { commandLine: config["command-line"] }),
        });
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
  }));
}

/** `20G`. */
function bytesOf(size: string): number {
  const match = /^(\d+)([KMGT]?)$/.exec(size)!;
  return Number(match[1]) * 1024 ** ("KMGT".indexOf(match[2]! || " ") + 1);
}
