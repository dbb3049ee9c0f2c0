/**
 * A medium that starts a root without installing it, under BIOS (isolinux) and UEFI, burnt or written to a USB stick:
 * the root is a squashfs image, changes live in memory. The root's own packages bring the loaders: systemd-boot-efi (or
 * GRUB) for UEFI, isolinux and syslinux-common for BIOS.
 */
import {
  DiskBlob,
  FatVolume,
  fileEntry,
  FormatError,
  MemoryDisk,
  writeIso,
  writeSquashfs,
  type Codecs,
  type Disk,
  type FileTree,
} from "@stratos/formats";
import { bootFiles, type BootArchitecture, type BootLoader } from "../boot/boot-files.ts";
import { TreePaths } from "../tree/tree-paths.ts";
import { TreeDraft } from "../tree/tree-draft.ts";
import { derivedId } from "./disk-image.ts";

export interface IsoImageOptions {
  readonly name: string;
  readonly architecture: BootArchitecture;
  /** seconds since 1970 */
  readonly time: number;
  readonly loader?: BootLoader;
  readonly commandLine?: string;
  readonly compression?: "gzip" | "zstd";
}

const ROOT_IMAGE = "live/root.squashfs";
const MIB = 1 << 20;

/** @param scratch  an empty file for the packed root, needed until the image is written. @throws FormatError */
export function writeIsoImage(
  target: Disk,
  scratch: Disk,
  source: FileTree,
  options: IsoImageOptions,
  codecs: Codecs,
): void {
  const volumeId = volumeIdOf(options.name);
  const boot = bootFiles(
    source,
    {
      architecture: options.architecture,
      title: options.name,
      root: `LABEL=${volumeId}`,
      mtime: options.time,
      ownInitramfs: true,
      commandLine: [`stratos.live=${ROOT_IMAGE}`, options.commandLine ?? ""].join(" ").trim(),
      ...(options.loader === undefined ? {} : { loader: options.loader }),
    },
    codecs,
  );
  const size = writeSquashfs(
    scratch,
    source,
    { compression: options.compression ?? "zstd", time: options.time },
    codecs,
  );
  const medium = new TreeDraft(null, codecs, options.time);
  medium.put(
    fileEntry(ROOT_IMAGE, "file", {
      mtime: options.time,
      mode: 0o444,
      content: new DiskBlob(scratch, { start: 0, size }, codecs),
    }),
  );
  medium.file("live/vmlinuz", boot.linux, { mode: 0o444 });
  medium.file("live/initrd", boot.initrd, { mode: 0o444 });
  const efi = efiImage(boot.files, options.time);
  medium.put(
    fileEntry("boot/efi.img", "file", {
      mtime: options.time,
      mode: 0o444,
      content: new DiskBlob(efi, { start: 0, size: efi.size }, codecs),
    }),
  );
  const hasBios = options.architecture === "amd64" && addIsolinux(medium, source, boot.commandLine, options);
  const biosCode = hasBios ? new TreePaths(source).bytes("usr/lib/ISOLINUX/isohdpfx.bin") : undefined;
  writeIso(target, medium.tree(), {
    volumeId,
    time: options.time,
    efiImage: "boot/efi.img",
    ...(hasBios ? { biosImage: "isolinux/isolinux.bin" } : {}),
    hybrid: {
      diskId: derivedId(`${options.name} medium`, codecs),
      partitionId: derivedId(`${options.name} medium esp`, codecs),
      ...(biosCode === undefined ? {} : { biosCode }),
    },
  });
}

/** What UEFI looks into: a FAT image with loader, kernel and first root, since a loader sees no other file system. */
function efiImage(files: readonly { path: string; content: Uint8Array }[], time: number): MemoryDisk {
  const bytes = files.reduce((sum, file) => sum + file.content.length, 0);
  const disk = new MemoryDisk(Math.ceil((bytes * 1.05 + 2 * MIB) / MIB) * MIB);
  const fat = FatVolume.format(disk, { label: "EFI", volumeId: time >>> 0 });
  for (const { path, content } of files) {
    fat.makeDirectory(path.slice(0, Math.max(0, path.lastIndexOf("/"))), time);
    fat.write(path, content, time);
  }
  fat.flush();
  return disk;
}

/** @returns whether the root has isolinux */
function addIsolinux(medium: TreeDraft, source: FileTree, commandLine: string, options: IsoImageOptions): boolean {
  const paths = new TreePaths(source);
  const program = paths.bytes("usr/lib/ISOLINUX/isolinux.bin");
  if (program === undefined) return false;
  const library = paths.bytes("usr/lib/syslinux/modules/bios/ldlinux.c32");
  if (library === undefined)
    throw new FormatError("the tree has isolinux without its library; install syslinux-common");
  medium.file("isolinux/isolinux.bin", program);
  medium.file("isolinux/ldlinux.c32", library);
  medium.file(
    "isolinux/isolinux.cfg",
    `serial 0 115200\ndefault live\nprompt 0\ntimeout 10\nlabel live\n  menu label ${options.name}\n  kernel ` +
      `/live/vmlinuz\n  initrd /live/initrd\n  append ${commandLine}\n`,
  );
  return true;
}

/** `My image 1.2` → `MY_IMAGE_1_2`. */
function volumeIdOf(name: string): string {
  return (
    name
      .toUpperCase()
      .replace(/[^A-Z0-9]+/g, "_")
      .slice(0, 32) || "STRATOS"
  );
}
