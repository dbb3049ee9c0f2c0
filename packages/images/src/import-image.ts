/** Images from archives, disk images and image archives. */
import { createReadStream, existsSync, statSync } from "node:fs";
import type { Readable } from "node:stream";
import { failedAt } from "@stratos/host-node/files";
import { writeTreeEntry } from "@stratos/pkg";
import type { FileTree } from "@stratos/formats";
import { GUEST_ARCHITECTURE } from "./defaults.ts";
import { ImageStore, type InstalledPackage } from "./image-store.ts";
import { createVolume } from "./image-volume.ts";
import { readInstalledPackages } from "./installed-packages.ts";
import { imageArchive } from "./outputs/image-archive.ts";
import { isArchive, openTreeSource } from "./outputs/tree-source.ts";
import { unpackedArchive } from "./unpacked-archive.ts";
import { ArchiveExtractor } from "./volume-archive.ts";
import { VolumeWriter } from "./volume-writer.ts";

/** Where an archive comes from. */
type ImportSource = string | { readonly bytes: Readable; readonly words: string };

/**
 * Makes an image of a tar archive (packed or not), of the root of a disk image (ext4, btrfs, EROFS or AegisFS, raw or
 * QCOW2), or of an image for containers in an archive. It is there, whole, at the very end.
 *
 * @param onProgress  told of the archive's bytes so far
 * @throws OperationError
 */
export async function importImage(
  { name, home, source }: { readonly name: string; readonly home: string; readonly source: ImportSource },
  onProgress: (bytes: number) => void,
): Promise<void> {
  await newImage({ name, home, architecture: GUEST_ARCHITECTURE, origin: "import" }, async (writer) => {
    if (typeof source === "string" && (await holdsTree(source))) {
      const opened = await openTreeSource(source);
      try {
        writeTree(opened.tree, writer);
      } finally {
        opened.close();
      }
      return;
    }
    const extractor = new ArchiveExtractor(writer);
    let bytes = 0;
    const pieces = typeof source === "string" ? piecesOf(source) : source.bytes;
    for await (const piece of unpackedArchive(pieces, typeof source === "string" ? source : source.words)) {
      extractor.push(piece);
      bytes += piece.length;
      onProgress(bytes);
    }
    extractor.finish();
  });
}

/** @throws NodeJS.ErrnoException that names the file, a folder's too */
async function* piecesOf(file: string): AsyncIterable<Buffer> {
  try {
    yield* createReadStream(file, { highWaterMark: 1 << 20 });
  } catch (error) {
    throw failedAt(file, error);
  }
}

async function holdsTree(file: string): Promise<boolean> {
  if (!existsSync(file) || !statSync(file).isFile()) return false;
  return !(await isArchive(file)) || imageArchive(file) !== undefined;
}

export function writeTree(tree: FileTree, writer: VolumeWriter): void {
  for (const entry of tree.entries()) writeTreeEntry(writer, entry);
  writer.finish();
}

/** Makes an image of what is written; of one that fails nothing is left. */
export async function newImage(
  image: {
    readonly name: string;
    readonly home: string;
    readonly architecture: string;
    readonly origin: "import" | "pull" | "built-in";
    /** Undefined: those that it has by itself. */
    readonly packages?: readonly InstalledPackage[];
  },
  fill: (writer: VolumeWriter) => void | Promise<void>,
): Promise<void> {
  const { name, home, architecture, origin } = image;
  const draft = new ImageStore(home).createDraft();
  try {
    const opened = createVolume(draft.layerPath(0), name);
    let packages;
    try {
      await fill(new VolumeWriter(opened.volume.root));
      packages = image.packages ?? readInstalledPackages(opened.volume.root);
    } catch (error) {
      throw opened.explain(error);
    } finally {
      opened.close();
    }
    const createdAt = new Date().toISOString();
    draft.publish(name, { format: 1, architecture, suite: null, createdAt, packages, layers: 1, origin });
  } finally {
    draft.discard();
  }
}
