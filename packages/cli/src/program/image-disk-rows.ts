/** `stratos image disk`: disk images and the files in them, without mounting. */
import { Command, Option } from "commander";
import { parseSize } from "../volume-options.ts";
import type { DiskCopyOptions, DiskListOptions, DiskRemoveOptions } from "../commands/disk-file-commands.ts";
import type { DiskConvertOptions, DiskCreateOptions, DiskInfoOptions } from "../commands/disk-image-commands.ts";
import { jsonOption, type Finish } from "./fs-rows.ts";

const PLACE_HELP =
  "\nA place is IMAGE:/PATH, or IMAGE@PART:/PATH with a partition's number or name; without one the root " +
  "partition is meant.\nThe image is raw or QCOW2; files are read and written on FAT, ext4 and AegisFS.";

export function diskCommand(finish: Finish): Command {
  const disk = new Command("disk")
    .summary("look into disk images and change them")
    .description(
      "Looks into disk images, raw or QCOW2, and changes the files in them: nothing is mounted, no rights are needed.",
    )
    .usage("COMMAND");
  const files = () => import("../commands/disk-file-commands.ts");
  const images = () => import("../commands/disk-image-commands.ts");

  const info = new Command("info")
    .description("Shows a disk's format, its partitions, and what is on each.")
    .summary("show partitions and file systems")
    .argument("<image>", "disk image, or a device")
    .addOption(jsonOption())
    .action(async (image: string, options: DiskInfoOptions) => finish(await (await images()).showDisk(image, options)));
  const list = new Command("ls")
    .description("Lists a folder of a disk image.")
    .summary("list files")
    .argument("<place>", "IMAGE or IMAGE:/PATH")
    .option("-l, --long", "with type, permissions, owner, size and time")
    .addOption(jsonOption())
    .addHelpText("after", PLACE_HELP)
    .action(async (place: string, options: DiskListOptions) =>
      finish(await (await files()).listDiskFiles(place, options)),
    );
  const show = new Command("cat")
    .description("Writes files of disk images to standard output.")
    .summary("print files")
    .argument("<place...>", "IMAGE:/PATH")
    .addHelpText("after", PLACE_HELP)
    .action(async (places: string[]) => finish(await (await files()).showDiskFiles(places)));
  const copy = new Command("cp")
    .description("Copies files into a disk image or out of it. What is copied in belongs to root.")
    .summary("copy files in or out")
    .argument("<source>", "IMAGE:/PATH or a path of the host; - is standard input")
    .argument("<target>", "IMAGE:/PATH or a path of the host; - is standard output")
    .option("-r, --recursive", "folders with all that is in them")
    .addHelpText("after", PLACE_HELP)
    .action(async (source: string, target: string, options: DiskCopyOptions) =>
      finish(await (await files()).copyDiskFiles(source, target, options)),
    );
  const makeDirectory = new Command("mkdir")
    .description("Makes folders in a disk image.")
    .summary("make folders")
    .argument("<place...>", "IMAGE:/PATH")
    .action(async (places: string[]) => finish(await (await files()).makeDiskDirectory(places)));
  const remove = new Command("rm")
    .description("Removes files from a disk image.")
    .summary("remove files")
    .argument("<place...>", "IMAGE:/PATH")
    .option("-r, --recursive", "folders with all that is in them")
    .option("-f, --force", "do not mind what is not there")
    .action(async (places: string[], options: DiskRemoveOptions) =>
      finish(await (await files()).removeDiskFiles(places, options)),
    );
  const formatOption = (flags: string, text: string): Option =>
    new Option(flags, `${text} (default: by the name, .qcow2 or raw)`).choices(["raw", "qcow2"]);
  const create = new Command("create")
    .description("Makes an empty disk image, or one on top of another that stays as it is.")
    .summary("make an empty image")
    .argument("<image>", "file that is not there yet")
    .addOption(formatOption("--format <format>", "its format"))
    .addOption(new Option("-s, --size <size>", "its size: 512M, 20G").argParser(parseSize))
    .option("--backing <image>", "image that shows through where nothing was written (QCOW2)")
    .action(async (image: string, options: DiskCreateOptions) =>
      finish(await (await images()).createDisk(image, options)),
    );
  const convert = new Command("convert")
    .description(
      "Converts a disk image, raw or QCOW2, from one format to the other, or to what other hypervisors take: " +
        "VMDK (stream-optimized), VHDX, VHD (dynamic) and fixed VHD, as Azure wants it. What is zero takes no room.",
    )
    .summary("convert to raw, QCOW2, VMDK, VHD or VHDX")
    .argument("<source>", "disk image")
    .argument("<target>", "file to make")
    .addOption(
      new Option(
        "--to <format>",
        "the target's format (default: by the name, .qcow2, .vmdk, .vhd, .vhdx or raw)",
      ).choices(["raw", "qcow2", "vmdk", "vhd", "vhd-fixed", "vhdx"]),
    )
    .addOption(new Option("-c, --compress <kind>", "pack the clusters of a QCOW2 image").choices(["zlib", "zstd"]))
    .option("-f, --force", "replace a file that is there")
    .action(async (source: string, target: string, options: DiskConvertOptions) =>
      finish(await (await images()).convertDisk(source, target, options)),
    );
  const resize = new Command("resize")
    .description(
      "Changes the size of a disk; its partitions and file systems stay as they are, and the second copy of a " +
        "partition table moves to the end.",
    )
    .summary("change the size")
    .argument("<image>", "disk image")
    .argument("<size>", "new size: 20G", parseSize)
    .option("--shrink", "also make it smaller; what lies beyond is lost")
    .action(async (image: string, size: number, options: { readonly shrink?: true }) =>
      finish(await (await images()).resizeDisk(image, size, options)),
    );
  for (const command of [info, list, show, copy, makeDirectory, remove, create, convert, resize])
    disk.addCommand(command);
  return disk;
}
