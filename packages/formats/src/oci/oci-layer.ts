/**
 * A file tree as a layer of an OCI image: a tar archive, packed in pieces that stand for themselves (members of gzip,
 * frames of zstd; both formats say that these may follow one another). So no piece depends on another, and memory is
 * bounded. Source: OCI Image Format Specification 1.1, `layer.md`.
 */
import type { Codecs } from "../codecs.ts";
import { archiveTree } from "../tree/tree-archive.ts";
import { comparePaths, fileEntry, type FileEntry, type FileTree } from "../tree/file-tree.ts";
import { FormatError } from "../format-error.ts";
import { OCI_MEDIA, type OciLayer } from "./oci-image.ts";

export type LayerCompression = "none" | "gzip" | "zstd";

/** Uncompressed bytes of a piece: large enough that what each begins anew costs less than a thousandth. */
const PIECE_BYTES = 4 << 20;

/**
 * Packs a tree.
 * @param write  takes the layer's bytes in order; the view is valid during the call
 */
export function packLayer(
  tree: FileTree,
  options: { readonly compression: LayerCompression; readonly createdBy: string },
  codecs: Codecs,
  write: (bytes: Uint8Array) => void,
): OciLayer {
  const diff = codecs.sha256(),
    packed = codecs.sha256();
  let size = 0;
  const pack =
    options.compression === "gzip"
      ? codecs.gzip
      : options.compression === "zstd"
        ? codecs.zstd
        : (bytes: Uint8Array): Uint8Array => bytes;
  const buffer = new Uint8Array(PIECE_BYTES);
  let fill = 0;
  const flush = (): void => {
    if (fill === 0) return;
    const piece = buffer.subarray(0, fill);
    diff.update(piece);
    const out = pack(piece);
    packed.update(out);
    size += out.length;
    write(out);
    fill = 0;
  };
  for (const bytes of archiveTree(tree, { prefix: "" })) {
    for (let at = 0; at < bytes.length;) {
      const count = Math.min(bytes.length - at, PIECE_BYTES - fill);
      buffer.set(bytes.subarray(at, at + count), fill);
      fill += count;
      at += count;
      if (fill === PIECE_BYTES) flush();
    }
  }
  flush();
  const mediaType =
    options.compression === "gzip"
      ? OCI_MEDIA.layerGzip
      : options.compression === "zstd"
        ? OCI_MEDIA.layerZstd
        : OCI_MEDIA.layer;
  return {
    descriptor: { mediaType, digest: `sha256:${packed.hex()}`, size },
    diffId: `sha256:${diff.hex()}`,
    createdBy: options.createdBy,
  };
}

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";

/**
 * The tree that layers make together, from the bottom up: later entries replace earlier ones, `.wh.NAME` removes NAME,
 * `.wh..wh..opq` what lower layers have in its folder (`layer.md`, "Whiteouts"). Folders that no layer describes are
 * made.
 * @throws FormatError when a hard link's file is missing
 */
export function mergeLayers(layers: readonly FileTree[]): FileEntry[] {
  const merged = new Map<string, FileEntry>([["", fileEntry("", "directory")]]);
  for (const layer of layers) {
    const own = [...layer.entries()];
    // A layer's whiteouts apply to the layers below it alone, wherever they stand in it.
    for (const entry of own) {
      const slash = entry.path.lastIndexOf("/");
      const name = entry.path.slice(slash + 1),
        folder = entry.path.slice(0, Math.max(slash, 0));
      if (name === OPAQUE) removeBelow(merged, folder);
      else if (name.startsWith(WHITEOUT))
        removeAll(merged, folder === "" ? name.slice(4) : `${folder}/${name.slice(4)}`);
    }
    for (const entry of own) {
      if (entry.path.slice(entry.path.lastIndexOf("/") + 1).startsWith(WHITEOUT)) continue;
      const old = merged.get(entry.path);
      if (old?.kind === "directory" && entry.kind !== "directory") removeBelow(merged, entry.path);
      for (let slash = entry.path.indexOf("/"); slash !== -1; slash = entry.path.indexOf("/", slash + 1)) {
        const parent = entry.path.slice(0, slash);
        if (merged.get(parent)?.kind !== "directory") merged.set(parent, fileEntry(parent, "directory"));
      }
      merged.set(entry.path, entry);
    }
  }
  return settleHardLinks(merged);
}

/**
 * In a tree a hard link stands after its file, and its file is no link: an upper layer may have replaced it, or the
 * names may sort otherwise.
 */
function settleHardLinks(merged: Map<string, FileEntry>): FileEntry[] {
  const groups = new Map<FileEntry, string[]>();
  for (const entry of merged.values()) {
    if (entry.kind !== "hardLink") continue;
    let file = merged.get(entry.target);
    for (let steps = 0; file?.kind === "hardLink" && steps < merged.size; steps++) file = merged.get(file.target);
    if (file === undefined || file.kind === "directory" || file.kind === "hardLink")
      throw new FormatError(`${entry.path}: a hard link to ${entry.target}, which is not there`);
    groups.set(file, [...(groups.get(file) ?? []), entry.path]);
  }
  for (const [file, links] of groups) {
    const [first, ...others] = [file.path, ...links].sort(comparePaths);
    merged.set(first!, { ...file, path: first! });
    for (const path of others) merged.set(path, { ...file, path, kind: "hardLink", content: null, target: first! });
  }
  return [...merged.values()].sort((left, right) => comparePaths(left.path, right.path));
}

function removeAll(merged: Map<string, FileEntry>, path: string): void {
  merged.delete(path);
  removeBelow(merged, path);
}

function removeBelow(merged: Map<string, FileEntry>, folder: string): void {
  const prefix = folder === "" ? "" : `${folder}/`;
  for (const path of merged.keys()) if (path !== "" && path !== folder && path.startsWith(prefix)) merged.delete(path);
}
