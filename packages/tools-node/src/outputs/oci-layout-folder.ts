/**
 * An OCI image layout in a folder of the host (OCI Image Format Specification 1.1, `image-layout.md`): blobs under
 * `blobs/sha256`, each visible only when it is whole and proved, and `index.json`, replaced at once.
 */
import {
  closeSync,
  createReadStream,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import {
  fileEntry,
  FormatError,
  ociIndex,
  OCI_LAYOUT,
  ociImage,
  ociLayoutIndex,
  packLayer,
  REF_NAME,
  type Blob,
  type Codecs,
  type FileEntry,
  type FileTree,
  type LayerCompression,
  type OciBlob,
  type OciDescriptor,
  type OciImage,
  type OciImageOptions,
  type OciLayer,
} from "@stratos/formats";
import { parseIndex, type BlobStore } from "@stratos/outputs";
import { draftOf, failedDraft, removeAtDeath, replaceFile, writeFully } from "@stratos/host-node/files";

/** What manifests and configurations say fits easily. */
const TEXT_BYTES_MAX = 4 << 20;

export class OciLayoutFolder implements BlobStore {
  readonly folder: string;
  readonly #codecs: Codecs;

  /** Makes the folder when it is not there. */
  constructor(folder: string, codecs: Codecs) {
    this.folder = folder;
    this.#codecs = codecs;
    mkdirSync(join(folder, "blobs", "sha256"), { recursive: true });
    try {
      writeFileSync(join(folder, "oci-layout"), OCI_LAYOUT, { flag: "wx" });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }

  /** Packs a tree as a layer into the layout. */
  addLayer(tree: FileTree, options: { readonly compression: LayerCompression; readonly createdBy: string }): OciLayer {
    const draft = this.#draftPath();
    const stopGuarding = removeAtDeath(draft);
    const fd = openSync(draft, "wx");
    try {
      const layer = packLayer(tree, options, this.#codecs, (bytes) => writeFully(fd, bytes));
      fsyncSync(fd);
      renameSync(draft, this.pathOf(layer.descriptor.digest));
      return layer;
    } catch (error) {
      rmSync(draft, { force: true });
      throw failedDraft(draft, this.folder, error);
    } finally {
      closeSync(fd);
      stopGuarding();
    }
  }

  /** Adds configuration and manifest of an image whose layers are here. It is not named yet. */
  addImage(layers: readonly OciLayer[], options: OciImageOptions): OciImage {
    const image = ociImage(layers, options, this.#codecs);
    this.addBlob(image.config);
    this.addBlob(image.manifest);
    return image;
  }

  /** Adds an index of images that are here. */
  addIndex(manifests: readonly OciDescriptor[]): OciDescriptor {
    const index = ociIndex(manifests, undefined, this.#codecs);
    this.addBlob(index);
    return index.descriptor;
  }

  addBlob(blob: OciBlob): void {
    replaceFile(this.pathOf(blob.descriptor.digest), blob.bytes, { flush: false });
  }

  /** Makes `entry` the layout's one image, called `name`. */
  publish(entry: OciDescriptor, name: string): void {
    replaceFile(join(this.folder, "index.json"), ociLayoutIndex(entry, name), { flush: false });
  }

  /** The image called `name`; without a name the only one. @throws FormatError when it is not there */
  entry(name?: string): OciDescriptor {
    const path = join(this.folder, "index.json"),
      all = parseIndex(readFileSync(path), path);
    const found =
      name === undefined
        ? all.length === 1
          ? all[0]
          : undefined
        : all.find((entry) => entry.annotations?.[REF_NAME] === name);
    if (found === undefined)
      throw new FormatError(
        `${this.folder}: ${name === undefined ? `has ${all.length} images; say which` : `has no image ${name}`}`,
      );
    return found;
  }

  /** The layout's own files as a tree, for an archive of it. @param mtime  seconds since 1970 */
  tree(mtime: number): FileTree {
    const entry = this.entry();
    const digests = new Set<string>();
    const collect = (digest: string): void => {
      digests.add(digest);
      const value = JSON.parse(readFileSync(this.pathOf(digest), "utf8")) as {
        manifests?: OciDescriptor[];
        config?: OciDescriptor;
        layers?: OciDescriptor[];
      };
      for (const child of value.manifests ?? []) collect(child.digest);
      for (const blob of [...(value.config === undefined ? [] : [value.config]), ...(value.layers ?? [])])
        digests.add(blob.digest);
    };
    collect(entry.digest);
    const file = (path: string, place: string, digest: string): FileEntry =>
      fileEntry(path, "file", { mtime, content: new FileBlob(place, digest) });
    const digestOf = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");
    const own = [
      fileEntry("", "directory", { mtime }),
      fileEntry("blobs", "directory", { mtime }),
      fileEntry("blobs/sha256", "directory", { mtime }),
    ];
    for (const digest of [...digests].sort())
      own.push(file(`blobs/sha256/${digest.slice(7)}`, this.pathOf(digest), digest.slice(7)));
    for (const name of ["index.json", "oci-layout"])
      own.push(file(name, join(this.folder, name), digestOf(join(this.folder, name))));
    return { entries: () => own };
  }

  /**
   * A manifest or a configuration, in whole. @throws FormatError when it is missing, or its bytes are not what the
   * descriptor says
   */
  proved(descriptor: OciDescriptor): Uint8Array {
    const { digest, size } = descriptor;
    if (size > TEXT_BYTES_MAX) throw new FormatError(`${digest}: a manifest or configuration of ${size} bytes`);
    const bytes = readFileSync(this.#blobPath(digest));
    if (bytes.length !== size) throw new FormatError(`${digest}: has ${bytes.length} bytes, and is to have ${size}`);
    const found = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    if (found !== digest) throw new FormatError(`${digest}: the blob has been changed; its digest is ${found}`);
    return bytes;
  }

  /** Path of a blob whose bytes have proved to be what its descriptor says. @throws FormatError */
  async provedPath({ digest, size }: OciDescriptor): Promise<string> {
    const path = this.#blobPath(digest),
      hash = createHash("sha256");
    let done = 0;
    for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Uint8Array>) {
      hash.update(piece);
      done += piece.length;
    }
    if (done !== size) throw new FormatError(`${digest}: has ${done} bytes, and is to have ${size}`);
    const found = `sha256:${hash.digest("hex")}`;
    if (found !== digest) throw new FormatError(`${digest}: the blob has been changed; its digest is ${found}`);
    return path;
  }

  /** Where a blob is. @throws FormatError when it is not there */
  #blobPath(digest: string): string {
    const path = this.pathOf(digest);
    if (!existsSync(path)) throw new FormatError(`${digest}: the blob is missing`);
    return path;
  }

  async has(digest: string): Promise<boolean> {
    try {
      statSync(this.pathOf(digest));
      return true;
    } catch {
      return false;
    }
  }

  async read(digest: string, offset: number, length: number): Promise<Uint8Array> {
    const blob = new FileBlob(this.pathOf(digest), digest.slice(7));
    const bytes = new Uint8Array(length);
    try {
      if (blob.read(offset, bytes) !== length) throw new FormatError(`${digest}: shorter than its manifest says`);
      return bytes;
    } finally {
      blob.close();
    }
  }

  async write(digest: string, size: number, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    const draft = this.#draftPath();
    const stopGuarding = removeAtDeath(draft);
    const fd = openSync(draft, "wx");
    try {
      const hash = createHash("sha256");
      let taken = 0;
      for await (const piece of bytes) {
        taken += piece.length;
        if (taken > size) throw new FormatError(`${digest}: longer than its manifest says`);
        hash.update(piece);
        writeFully(fd, piece);
      }
      const found = `sha256:${hash.digest("hex")}`;
      if (found !== digest) throw new FormatError(`${digest}: what came is ${found}`);
      renameSync(draft, this.pathOf(digest));
    } catch (error) {
      rmSync(draft, { force: true });
      throw failedDraft(draft, this.folder, error);
    } finally {
      closeSync(fd);
      stopGuarding();
    }
  }

  /** Where a blob is, or would be. */
  pathOf(digest: string): string {
    if (!/^sha256:[0-9a-f]{64}$/.test(digest)) throw new FormatError(`${digest}: no sha256 digest`);
    return join(this.folder, "blobs", "sha256", digest.slice(7));
  }

  #draftPath(): string {
    return draftOf(join(this.folder, "blob"));
  }
}

/** A file of the host as content; it is opened at the first read. */
export class FileBlob implements Blob {
  readonly sizeBytes: number;
  readonly digest: string;
  readonly #path: string;
  #fd: number | undefined;

  constructor(path: string, digest: string) {
    this.#path = path;
    this.digest = digest;
    this.sizeBytes = statSync(path).size;
  }

  read(offset: number, into: Uint8Array): number {
    this.#fd ??= openSync(this.#path, "r");
    let done = 0;
    while (done < into.length) {
      const count = readSync(this.#fd, into, done, into.length - done, offset + done);
      if (count === 0) break;
      done += count;
    }
    // Trees have thousands of files; none stays open after its end was read.
    if (offset + done >= this.sizeBytes) this.close();
    return done;
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}
