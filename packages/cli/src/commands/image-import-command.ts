import { createReadStream, existsSync, statSync } from "node:fs";
import { ProgressDisplay, stratosHome } from "@stratos/host-node";
import { writeTreeEntry } from "@stratos/pkg";
import { GUEST_ARCHITECTURE } from "@stratos/images/defaults";
import { createVolume, ImageStore, readInstalledPackages } from "@stratos/images";
import { ArchiveExtractor, unpackedArchive, VolumeWriter } from "@stratos/images/content";
import { imageArchive } from "../outputs/image-archive.ts";
import { isArchive, openTreeSource } from "../outputs/tree-source.ts";

export async function importImage(name: string, file: string): Promise<number> {
  const home = stratosHome();
  const draft = new ImageStore(home).createDraft();
  const progress = new ProgressDisplay(process.stderr);
  try {
    const opened = createVolume(draft.layerPath(0), name);
    let packages;
    try {
      const writer = new VolumeWriter(opened.volume.root);
      if (
        file !== "-" &&
        existsSync(file) &&
        statSync(file).isFile() &&
        (!(await isArchive(file)) || imageArchive(file) !== undefined)
      )
        await importTree(file, writer);
      else {
        const extractor = new ArchiveExtractor(writer);
        let bytes = 0;
        for await (const piece of unpackedArchive(
          file === "-" ? process.stdin : createReadStream(file, { highWaterMark: 1 << 20 }),
          file === "-" ? "standard input" : file,
        )) {
          extractor.push(piece);
          bytes += piece.length;
          progress.update("Importing", bytes, 0, "bytes");
        }
        extractor.finish();
      }
      packages = readInstalledPackages(opened.volume.root);
    } finally {
      opened.close();
    }
    draft.publish(name, {
      format: 1,
      architecture: GUEST_ARCHITECTURE,
      suite: null,
      createdAt: new Date().toISOString(),
      packages,
      layers: 1,
      origin: "import",
    });
  } finally {
    progress.clear();
    draft.discard();
  }
  return 0;
}

/**
 * The root of a disk image (ext4, btrfs, EROFS or AegisFS, raw or QCOW2), or of an image for containers in an archive.
 */
async function importTree(file: string, writer: VolumeWriter): Promise<void> {
  const source = await openTreeSource(file);
  try {
    for (const entry of source.tree.entries()) writeTreeEntry(writer, entry);
    writer.finish();
  } finally {
    source.close();
  }
}
