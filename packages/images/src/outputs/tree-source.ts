/**
 * Where a tree comes from, as the command line names it: an image of Stratos, a folder of the host, an OCI layout or an
 * archive of one or of docker, a tar archive (plain, gzip, xz or zstd), a commit of an OSTree repository, or a disk
 * image with ext4, btrfs, EROFS or AegisFS.
 */
import { createHash } from "node:crypto";
import { createReadStream, existsSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import {
  archiveEntries,
  Ext4Files,
  FormatError,
  mergeLayers,
  OstreeReader,
  TreeFiles,
  type Codecs,
  type FileTree,
  type OciDescriptor,
} from "@stratos/formats";
import { stratosHome } from "@stratos/host-node";
import { FileDisk, folderTree, OciLayoutFolder, RepositoryFolder } from "@stratos/tools-node/outputs";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { failedAt, scratchFolder } from "@stratos/host-node/files";
import { choosePlatform, parseManifest, RegistryError, treeArchitecture } from "@stratos/outputs";
import { OperationError } from "@stratos/operation";
import { AegisFiles } from "../disk/aegis-files.ts";
import { diskError, filesOf, openDisk } from "../disk/open-disk.ts";
import { ImageStore } from "../image-store.ts";
import { openVolumeReadOnly } from "../image-volume.ts";
import { unpackedArchive } from "../unpacked-archive.ts";
import { imageArchive, unpackImageArchive, type ImageArchive } from "./image-archive.ts";
import { namedTree } from "./named-tree.ts";
import { rootOfSubvolumes } from "./root-of-subvolumes.ts";
import { volumeFileTree } from "./volume-file-tree.ts";

export interface TreeSource {
  readonly tree: FileTree;
  /** as Debian names it: what the source says, else its programs; null when neither tells */
  readonly architecture: string | null;
  /** lets go of the files that the tree's content is read from */
  close(): void;
}

/** When the newest of its files was changed: nothing that depends on when it is read. */
export function newestTime(tree: FileTree): number {
  let newest = 0;
  for (const { mtime } of tree.entries()) newest = Math.max(newest, mtime);
  return Math.floor(newest);
}

interface TreeSourceOptions {
  /** of an OCI index with several */
  readonly architecture?: string;
  /** a folder's files belong to root, whoever unpacked them */
  readonly ownedByRoot?: boolean;
}

/** @throws OperationError, as do the tree and its contents, by the source's name */
export async function openTreeSource(
  text: string,
  options: TreeSourceOptions = {},
  codecs: Codecs = nodeCodecs(),
): Promise<TreeSource> {
  const source = await openSource(text, options, codecs);
  const tree = namedTree(source.tree, text);
  let asked: string | null | undefined;
  return {
    tree,
    close: () => source.close(),
    get architecture() {
      return source.architecture ?? (asked === undefined ? (asked = treeArchitecture(tree)) : asked);
    },
  };
}

async function openSource(text: string, options: TreeSourceOptions, codecs: Codecs): Promise<TreeSource> {
  const ownName = new ImageStore(stratosHome()).find(text);
  if (ownName !== null && !text.includes("/")) return imageSource(text, codecs);
  const ostree = /^ostree:(.+):([^:]+)$/.exec(text);
  const oci = /^oci:(.+?)(?::([A-Za-z0-9_][A-Za-z0-9._-]*))?$/.exec(text);
  try {
    if (ostree !== null) return ostreeSource(ostree[1]!, ostree[2]!, codecs);
    if (oci !== null) return await ociSource(oci[1]!, oci[2], options, codecs);
    if (!existsSync(text))
      throw new OperationError("image", text, "neither an image (`stratos image ls`) nor a file or folder");
    if (statSync(text).isDirectory())
      return existsSync(join(text, "oci-layout"))
        ? await ociSource(text, undefined, options, codecs)
        : folderSource(text, options, codecs);
    if (await isArchive(text)) {
      const kind = imageArchive(text);
      return kind === undefined
        ? await archiveSource([{ path: text }], codecs, null)
        : await imageArchiveSource(text, kind, options, codecs);
    }
    try {
      return diskSource(text, codecs);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      // An initramfs (cpio(5), new ASCII format) is what composes write as well.
      throw new FormatError(
        (await headOf(text)).subarray(0, 5).toString("latin1") === "07070"
          ? "is a cpio archive, whose files are not read here"
          : `no tar archive, and ${error.message}`,
      );
    }
  } catch (error) {
    throw diskError(text, error);
  }
}

function imageSource(name: string, codecs: Codecs): TreeSource {
  const store = new ImageStore(stratosHome());
  const entry = store.require(name);
  const opened = openVolumeReadOnly(store.layerPaths(entry));
  try {
    return {
      tree: volumeFileTree(opened.volume.root, codecs),
      architecture: entry.description.architecture,
      close: () => opened.close(),
    };
  } catch (error) {
    opened.close();
    throw diskError(name, error);
  }
}

function folderSource(path: string, options: TreeSourceOptions, codecs: Codecs): TreeSource {
  return {
    tree: folderTree(path, codecs, {
      hasAttributes: true,
      ...(options.ownedByRoot === true ? { ownedByRoot: true } : {}),
    }),
    architecture: null,
    close: () => {},
  };
}

async function ociSource(
  folder: string,
  name: string | undefined,
  options: TreeSourceOptions,
  codecs: Codecs,
): Promise<TreeSource> {
  if (!existsSync(join(folder, "index.json"))) throw new OperationError("image", folder, "is no OCI image layout");
  const layout = new OciLayoutFolder(folder, codecs);
  const read = (descriptor: OciDescriptor) => parseManifest(layout.proved(descriptor), descriptor.digest);
  try {
    let manifest = read(layout.entry(name));
    if (manifest.manifests !== undefined) {
      const wanted =
        manifest.manifests.length === 1 ? manifest.manifests[0]!.platform?.architecture : options.architecture;
      manifest = read(choosePlatform(manifest.manifests, { os: "linux", architecture: wanted ?? "riscv64" }, folder));
    }
    const { config, layers = [] } = manifest;
    if (config === undefined) throw new FormatError("the manifest is no image's");
    const { architecture, diffIds } = parseConfig(layout.proved(config), config.digest);
    if (diffIds.length !== layers.length)
      throw new FormatError(`${config.digest}: names ${diffIds.length} layers, and the manifest ${layers.length}`);
    const sources: ArchiveFile[] = [];
    for (const [index, layer] of layers.entries())
      sources.push({ path: await layout.provedPath(layer), digest: layer.digest, diffId: diffIds[index]! });
    return await archiveSource(sources, codecs, architecture);
  } catch (error) {
    throw error instanceof RegistryError ? new OperationError("image", folder, error.message, { cause: error }) : error;
  }
}

/** An archive of an image, unpacked beside other temporary files for as long as the tree is used. */
async function imageArchiveSource(
  path: string,
  kind: ImageArchive,
  options: TreeSourceOptions,
  codecs: Codecs,
): Promise<TreeSource> {
  const { path: folder, remove } = scratchFolder("stratos-layout-");
  try {
    unpackImageArchive(path, kind, folder);
    const source = await ociSource(folder, undefined, options, codecs);
    return {
      ...source,
      close: () => {
        source.close();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error instanceof OperationError && error.what === folder
      ? new OperationError("image", path, error.why, { cause: error })
      : error;
  }
}

/** What is used of an image's configuration (OCI Image Format Specification 1.1, `config.md`). @throws FormatError */
function parseConfig(bytes: Uint8Array, digest: string): { architecture: string | null; diffIds: readonly string[] } {
  let value: { architecture?: unknown; rootfs?: { diff_ids?: unknown } | null } = {};
  try {
    value = (JSON.parse(Buffer.from(bytes).toString("utf8")) as typeof value | null) ?? {};
  } catch {
    // Told below, as what is no configuration either.
  }
  const diffIds = value.rootfs?.diff_ids;
  if (!Array.isArray(diffIds) || !diffIds.every((one) => typeof one === "string"))
    throw new FormatError(`${digest}: is no image's configuration`);
  return { architecture: typeof value.architecture === "string" ? value.architecture : null, diffIds };
}

function ostreeSource(folder: string, name: string, codecs: Codecs): TreeSource {
  if (!existsSync(join(folder, "config"))) throw new OperationError("image", folder, "is no OSTree repository");
  const reader = new OstreeReader(new RepositoryFolder(folder, { readOnly: true }), codecs);
  return { tree: reader.tree(reader.commit(name)), architecture: null, close: () => {} };
}

function diskSource(path: string, codecs: Codecs): TreeSource {
  const opened = openDisk(path, "read");
  try {
    const files = filesOf(opened, null, "read");
    if (files instanceof AegisFiles)
      return { tree: volumeFileTree(files.files, codecs), architecture: null, close: () => opened.close() };
    if (files instanceof TreeFiles)
      return {
        tree: files.type === "btrfs" ? rootOfSubvolumes(files.tree) : files.tree,
        architecture: null,
        close: () => opened.close(),
      };
    if (!(files instanceof Ext4Files))
      throw new OperationError("image", path, `has ${files.type}; trees are not taken from it`);
    return { tree: files.tree(codecs), architecture: null, close: () => opened.close() };
  } catch (error) {
    opened.close();
    throw error;
  }
}

interface ArchiveFile {
  readonly path: string;
  /** of a layer: its name, and the digest of what it unpacks to */
  readonly digest?: string;
  readonly diffId?: string;
}

/**
 * Archives, from the bottom layer up; packed ones are unpacked into a temporary folder, from which content is then
 * read.
 */
async function archiveSource(
  sources: readonly ArchiveFile[],
  codecs: Codecs,
  architecture: string | null,
): Promise<TreeSource> {
  const { path: folder, remove } = scratchFolder("stratos-tree-");
  const disks: FileDisk[] = [];
  const close = (): void => {
    for (const disk of disks) disk.close();
    remove();
  };
  try {
    const layers: FileTree[] = [];
    for (const [index, { path, digest, diffId }] of sources.entries()) {
      const plain = join(folder, `layer-${index}.tar`);
      const file = await open(plain, "wx"),
        hash = createHash("sha256");
      try {
        for await (const piece of unpackedArchive(createReadStream(path, { highWaterMark: 1 << 20 }), path)) {
          hash.update(piece);
          try {
            await file.writeFile(piece);
          } catch (error) {
            throw failedAt(plain, error);
          }
        }
      } finally {
        await file.close();
      }
      if (diffId !== undefined && `sha256:${hash.digest("hex")}` !== diffId)
        throw new FormatError(`${digest}: the layer unpacks to something else than the image's configuration says`);
      const disk = new FileDisk(plain, { readOnly: true });
      disks.push(disk);
      const entries = archiveEntries(disk, codecs);
      layers.push({ entries: () => entries });
    }
    const merged = mergeLayers(layers);
    return { tree: { entries: () => merged }, architecture, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** Packed archives begin with their packer's mark, plain ones have theirs in the first header. */
export async function isArchive(path: string): Promise<boolean> {
  const head = await headOf(path);
  const starts = (...bytes: number[]): boolean => bytes.every((byte, index) => head[index] === byte);
  return (
    starts(0x1f, 0x8b) ||
    starts(0x28, 0xb5, 0x2f, 0xfd) ||
    starts(0xfd, 0x37, 0x7a, 0x58, 0x5a) ||
    head.subarray(257, 262).toString("latin1") === "ustar"
  );
}

/** The first 512 bytes, or as many as there are. */
async function headOf(path: string): Promise<Buffer> {
  const file = await open(path, "r");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(512), 0, 512, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
