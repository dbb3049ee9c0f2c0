/**
 * Archives of images, as podman, skopeo and docker make them: a plain tar archive of an OCI layout's own files, or what
 * `docker save` wrote before it made those. Source: Docker Image Specification 1.2, "Combined Image JSON + Filesystem
 * Changeset Format".
 *
 *     manifest.json = [{ Config: "DIGEST.json", RepoTags: […], Layers: ["…/layer.tar", …] }]
 */
import { createHash } from "node:crypto";
import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { utf8Of } from "@stratos/base";
import {
  archiveEntries,
  FormatError,
  OCI_MEDIA,
  readBlob,
  type Blob,
  type FileEntry,
  type OciDescriptor,
} from "@stratos/formats";
import { FileDisk, OciLayoutFolder } from "@stratos/tools-node/outputs";
import { nodeCodecs } from "@stratos/host-node/codecs";

const COPY_BYTES = 1 << 20;

export type ImageArchive = "oci" | "docker";
/** Configurations and lists are some pages. */
const TEXT_BYTES_MAX = 4 << 20;
const LINKS_MAX = 8;

/** Which kind of image a plain archive holds; undefined: none. */
export function imageArchive(path: string): ImageArchive | undefined {
  const disk = new FileDisk(path, { readOnly: true });
  try {
    const entries = entriesOf(disk),
      has = (name: string): boolean => entries.some((entry) => entry.path === name && entry.kind === "file");
    if (has("oci-layout")) return "oci";
    // A root of a system has no such file, and one that had would have its folders, too.
    return has("manifest.json") && !entries.some(({ path: name }) => /^(usr|etc|bin)$/.test(name))
      ? "docker"
      : undefined;
  } catch (error) {
    // What is packed, or damaged, is told by who reads it.
    if (error instanceof FormatError) return undefined;
    throw error;
  } finally {
    disk.close();
  }
}

/** Puts an archive's image into a folder as an OCI layout. @throws FormatError */
export function unpackImageArchive(path: string, kind: ImageArchive, folder: string): void {
  if (kind === "docker") unpackDockerArchive(path, folder);
  else unpackOciArchive(path, folder);
}

function unpackDockerArchive(path: string, folder: string): void {
  const disk = new FileDisk(path, { readOnly: true }),
    layout = new OciLayoutFolder(folder, nodeCodecs());
  try {
    const entries = new Map(entriesOf(disk).map((entry) => [entry.path, entry]));
    const images = listOf(textOf(contentOf(entries, "manifest.json"), "manifest.json"));
    if (images.length !== 1)
      throw new FormatError(
        `holds ${images.length} images (${images.flatMap(({ tags }) => tags).join(", ") || "without names"}); ` +
          `\`skopeo copy docker-archive:${path}:NAME\` takes one out`,
      );
    const { config, layers, tags } = images[0]!,
      bytes = textOf(contentOf(entries, config), config),
      digest = createHash("sha256").update(bytes).digest("hex");
    // By its name it says what it is.
    const named = /(?:^|\/)([0-9a-f]{64})(?:\.json)?$/.exec(config)?.[1];
    if (named !== undefined && named !== digest)
      throw new FormatError(`${config}: has been changed; its digest is ${digest}`);
    const configuration: OciDescriptor = {
      mediaType: OCI_MEDIA.config,
      digest: `sha256:${digest}`,
      size: bytes.length,
    };
    layout.addBlob({ descriptor: configuration, bytes });
    const manifest = utf8Of(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: OCI_MEDIA.manifest,
        config: configuration,
        layers: layers.map((name) => addLayer(layout, contentOf(entries, name), name)),
      }),
    );
    const entry: OciDescriptor = {
      mediaType: OCI_MEDIA.manifest,
      digest: `sha256:${createHash("sha256").update(manifest).digest("hex")}`,
      size: manifest.length,
    };
    layout.addBlob({ descriptor: entry, bytes: manifest });
    layout.publish(entry, /:([A-Za-z0-9_][A-Za-z0-9._-]{0,127})$/.exec(tags[0] ?? "")?.[1] ?? "latest");
  } finally {
    disk.close();
  }
}

/** Layers that several images share are links to one of them. */
function contentOf(entries: ReadonlyMap<string, FileEntry>, name: string): Blob {
  let path = name.replace(/^\.\//, "");
  for (let links = 0; links < LINKS_MAX; links++) {
    const entry = entries.get(path);
    if (entry?.content != null) return entry.content;
    if (entry === undefined || (entry.kind !== "symlink" && entry.kind !== "hardLink")) break;
    path = entry.kind === "hardLink" ? entry.target : join(dirname(path), entry.target);
  }
  throw new FormatError(`${name}: is missing`);
}

function textOf(content: Blob, name: string): Uint8Array {
  if (content.sizeBytes > TEXT_BYTES_MAX) throw new FormatError(`${name}: has ${content.sizeBytes} bytes`);
  return readBlob(content);
}

function listOf(bytes: Uint8Array): { config: string; layers: readonly string[]; tags: readonly string[] }[] {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    // Told below, as what is no list either.
  }
  const isTexts = (list: unknown): list is string[] =>
    Array.isArray(list) && list.every((one) => typeof one === "string");
  if (!Array.isArray(value)) throw new FormatError("manifest.json: does not follow the specification");
  return value.map((one: unknown) => {
    const {
      Config: config,
      Layers: layers,
      RepoTags: tags,
    } = (one ?? {}) as { Config?: unknown; Layers?: unknown; RepoTags?: unknown };
    if (typeof config !== "string" || !isTexts(layers))
      throw new FormatError("manifest.json: does not follow the specification");
    return { config, layers, tags: isTexts(tags) ? tags : [] };
  });
}

/** Puts a layer into the layout as it is: plain, or packed by gzip. */
function addLayer(layout: OciLayoutFolder, content: Blob, name: string): OciDescriptor {
  const draft = join(layout.folder, "draft"),
    hash = createHash("sha256"),
    head = new Uint8Array(2);
  try {
    copyTo(draft, content, name, (piece) => void hash.update(piece));
    const digest = `sha256:${hash.digest("hex")}`;
    content.read(0, head);
    renameSync(draft, layout.pathOf(digest));
    return {
      mediaType: head[0] === 0x1f && head[1] === 0x8b ? OCI_MEDIA.layerGzip : OCI_MEDIA.layer,
      digest,
      size: content.sizeBytes,
    };
  } finally {
    rmSync(draft, { force: true });
  }
}

function copyTo(path: string, content: Blob, name: string, onPiece: (piece: Uint8Array) => void = () => {}): void {
  const fd = openSync(path, "w"),
    buffer = new Uint8Array(COPY_BYTES);
  try {
    for (let offset = 0; offset < content.sizeBytes;) {
      const count = content.read(offset, buffer);
      if (count <= 0) throw new FormatError(`${name}: its content is shorter than its size says`);
      onPiece(buffer.subarray(0, count));
      for (let done = 0; done < count;) done += writeSync(fd, buffer, done, count - done);
      offset += count;
    }
  } finally {
    closeSync(fd);
  }
}

function unpackOciArchive(path: string, folder: string): void {
  const disk = new FileDisk(path, { readOnly: true });
  try {
    mkdirSync(join(folder, "blobs/sha256"), { recursive: true });
    for (const { path: name, kind, content } of entriesOf(disk)) {
      // Nothing else is of a layout, and no name leads out of the folder.
      if (kind === "file" && content !== null && /^(index\.json|oci-layout|blobs\/sha256\/[0-9a-f]{64})$/.test(name))
        copyTo(join(folder, name), content, name);
    }
  } finally {
    disk.close();
  }
}

function entriesOf(disk: FileDisk): readonly FileEntry[] {
  return archiveEntries(disk, nodeCodecs());
}
