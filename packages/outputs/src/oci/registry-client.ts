/**
 * Pulls and pushes images. A blob is taken only when its bytes are its digest; a push brings blobs that are missing,
 * then manifests, so that no tag names what is not whole. Source: OCI Distribution Specification 1.1, "Pull" and
 * "Push".
 */
import { byteString, byteStringToUtf8 } from "@stratos/base";
import { FormatError, OCI_MEDIA, sha256Of, type Codecs, type OciDescriptor, type OciPlatform } from "@stratos/formats";
import { formatReference, isLocalRegistry, registryHost, type ImageReference } from "./reference.ts";
import type { BlobStore, HttpResponse, HttpTransport, RegistryCredentials } from "./registry-ports.ts";
import { bytesOf, drain, reasonOf, RegistryError, RegistrySession } from "./registry-session.ts";

const DOCKER = {
  list: "application/vnd.docker.distribution.manifest.list.v2+json",
  manifest: "application/vnd.docker.distribution.manifest.v2+json",
} as const;
const ACCEPT = [OCI_MEDIA.index, OCI_MEDIA.manifest, DOCKER.list, DOCKER.manifest].join(", ");
/** Bytes of one PATCH, unless the registry wants larger ones. */
const CHUNK_BYTES = 8 << 20;
const CHUNK_BYTES_MAX = 256 << 20;
/** How often a transfer of one blob goes on after it broke off. */
const RESUMES_MAX = 5;

export interface RegistryPorts {
  readonly transport: HttpTransport;
  readonly codecs: Pick<Codecs, "sha256">;
}

export interface RegistryOptions {
  readonly credentials?: RegistryCredentials;
  /** speak HTTP in the clear; the default for registries on this computer */
  readonly isPlain?: boolean;
  /** a repository of the same registry that may have blobs already, so that they need not be sent */
  readonly mountFrom?: string;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

export interface Manifest {
  readonly descriptor: OciDescriptor;
  readonly bytes: Uint8Array;
  readonly value: ManifestValue;
}

/** What we read of manifests and indices, of OCI and of Docker alike. */
export interface ManifestValue {
  readonly mediaType?: string;
  readonly manifests?: readonly OciDescriptor[];
  readonly config?: OciDescriptor;
  readonly layers?: readonly OciDescriptor[];
}

export class RegistryClient {
  readonly #reference: ImageReference;
  readonly #ports: RegistryPorts;
  readonly #options: RegistryOptions;
  readonly #session: RegistrySession;

  constructor(
    reference: ImageReference,
    access: "pull" | "pull,push",
    ports: RegistryPorts,
    options: RegistryOptions = {},
  ) {
    this.#reference = reference;
    this.#ports = ports;
    this.#options = options;
    const isPlain = options.isPlain ?? isLocalRegistry(reference);
    this.#session = new RegistrySession({
      origin: `${isPlain ? "http" : "https"}://${registryHost(reference)}`,
      repository: reference.repository,
      access,
      transport: ports.transport,
      credentials: options.credentials,
      mountFrom: options.mountFrom,
    });
  }

  /** @throws RegistryError when there is none, or it is not what its digest says */
  async manifest(digestOrTag: string = this.#reference.digest ?? this.#reference.tag): Promise<Manifest> {
    const response = await this.#session.request({
      method: "GET",
      path: this.#path(`manifests/${digestOrTag}`),
      headers: { accept: ACCEPT },
    });
    if (response.status !== 200)
      throw new RegistryError(`${formatReference(this.#reference)}: ${await reasonOf(response)}`, response.status);
    const bytes = await bytesOf(response);
    const digest = `sha256:${sha256Of(this.#ports.codecs, bytes)}`;
    if (digestOrTag.includes(":") && digest !== digestOrTag)
      throw new RegistryError(`${formatReference(this.#reference)}: the manifest is ${digest}, not ${digestOrTag}`);
    const value = parseManifest(bytes, formatReference(this.#reference));
    const mediaType = value.mediaType ?? response.headers["content-type"]?.split(";")[0] ?? OCI_MEDIA.manifest;
    return { descriptor: { mediaType, digest, size: bytes.length }, bytes, value };
  }

  /**
   * Brings an image and all that it names into `store`. Of an index, the image for `platform`.
   * @param options.acceptsOther  also an image that is for another platform, when it is the only one
   * @returns the image's own manifest
   */
  async pull(
    store: BlobStore,
    platform: OciPlatform,
    options: { readonly acceptsOther?: boolean } = {},
  ): Promise<Manifest> {
    let manifest = await this.manifest();
    if (manifest.value.manifests !== undefined)
      manifest = await this.manifest(
        choosePlatform(manifest.value.manifests, platform, formatReference(this.#reference)).digest,
      );
    const { config, layers } = manifest.value;
    if (config === undefined || layers === undefined)
      throw new RegistryError(`${formatReference(this.#reference)}: the manifest is no image's`);
    const blobs = [config, ...layers];
    const total = blobs.reduce((sum, blob) => sum + blob.size, 0);
    let done = 0;
    for (const blob of blobs) {
      if (!(await store.has(blob.digest)))
        await this.#pullBlob(blob, store, (bytes) => this.#options.onProgress?.(done + bytes, total));
      if (blob === config && options.acceptsOther !== true)
        checkPlatform(await store.read(config.digest, 0, config.size), platform, formatReference(this.#reference));
      done += blob.size;
      this.#options.onProgress?.(done, total);
    }
    await store.write(manifest.descriptor.digest, manifest.bytes.length, once(manifest.bytes));
    return manifest;
  }

  /**
   * Pushes what `entry` (a manifest or an index in `store`) names, then it, under its tag.
   * @returns bytes that had to be sent
   */
  async push(store: BlobStore, entry: OciDescriptor): Promise<number> {
    const manifests: { descriptor: OciDescriptor; bytes: Uint8Array }[] = [];
    const blobs = new Map<string, OciDescriptor>();
    const collect = async (descriptor: OciDescriptor): Promise<void> => {
      const bytes = await store.read(descriptor.digest, 0, descriptor.size),
        found = `sha256:${sha256Of(this.#ports.codecs, bytes)}`;
      // A registry believes what is put under a tag.
      if (found !== descriptor.digest)
        throw new RegistryError(`${descriptor.digest}: the manifest has been changed; its digest is ${found}`);
      const value = parseManifest(bytes, descriptor.digest);
      for (const child of value.manifests ?? []) await collect(child);
      for (const blob of [...(value.config === undefined ? [] : [value.config]), ...(value.layers ?? [])])
        blobs.set(blob.digest, blob);
      manifests.push({ descriptor, bytes });
    };
    await collect(entry);
    const total = [...blobs.values()].reduce((sum, blob) => sum + blob.size, 0);
    let done = 0,
      sent = 0;
    for (const blob of blobs.values()) {
      if (
        !(await this.#hasBlob(blob)) &&
        (await this.#pushBlob(blob, store, (bytes) => this.#options.onProgress?.(done + bytes, total)))
      )
        sent += blob.size;
      done += blob.size;
      this.#options.onProgress?.(done, total);
    }
    for (const { descriptor, bytes } of manifests) {
      const isEntry = descriptor.digest === entry.digest;
      const name = isEntry && this.#reference.digest === undefined ? this.#reference.tag : descriptor.digest;
      const response = await this.#session.request({
        method: "PUT",
        path: this.#path(`manifests/${name}`),
        headers: { "content-type": descriptor.mediaType },
        body: bytes,
      });
      if (response.status !== 201)
        throw new RegistryError(
          `${formatReference(this.#reference)}: the registry refuses the manifest: ${await reasonOf(response)}`,
          response.status,
        );
      await drain(response);
    }
    return sent;
  }

  /** All tags of the repository. */
  async tags(): Promise<string[]> {
    const tags: string[] = [];
    for (let path: string | undefined = this.#path("tags/list?n=1000"); path !== undefined;) {
      const response = await this.#session.request({ method: "GET", path });
      if (response.status !== 200)
        throw new RegistryError(`${this.#reference.repository}: ${await reasonOf(response)}`, response.status);
      const value = JSON.parse(byteStringToUtf8(byteString(await bytesOf(response)))) as { tags?: string[] | null };
      tags.push(...(value.tags ?? []));
      path = /<([^>]+)>;\s*rel="?next"?/.exec(response.headers["link"] ?? "")?.[1];
    }
    return tags;
  }

  async #pullBlob(blob: OciDescriptor, store: BlobStore, onBytes: (done: number) => void): Promise<void> {
    await store.write(blob.digest, blob.size, this.#blobPieces(blob, onBytes));
  }

  /** A blob's bytes; when the connection breaks, another goes on where it was (RFC 9110 §14). */
  async *#blobPieces(blob: OciDescriptor, onBytes: (done: number) => void): AsyncGenerator<Uint8Array> {
    let done = 0;
    for (let failures = 0; ; failures++) {
      let response: HttpResponse | null = null,
        why = "it ended early";
      try {
        response = await this.#session.request({
          method: "GET",
          path: this.#path(`blobs/${blob.digest}`),
          headers: done === 0 ? {} : { range: `bytes=${done}-` },
        });
      } catch (error) {
        if ((error as { status?: number }).status !== 0) throw error;
        why = (error as Error).message;
      }
      if (response !== null && response.status !== 200 && (done === 0 || response.status !== 206))
        throw new RegistryError(`${blob.digest}: ${await reasonOf(response)}`, response.status);
      // Who knows no parts sends all of it again.
      let known = response?.status === 200 ? done : 0;
      try {
        for await (const piece of response?.body ?? []) {
          const fresh = piece.subarray(Math.min(known, piece.length));
          known -= piece.length - fresh.length;
          if (fresh.length === 0) continue;
          done += fresh.length;
          onBytes(done);
          yield fresh;
        }
      } catch (error) {
        why = (error as Error).message;
      }
      if (done >= blob.size) return;
      if (failures === RESUMES_MAX)
        throw new RegistryError(`${blob.digest}: broke off after ${done} of ${blob.size} bytes: ${why}`);
    }
  }

  async #hasBlob(blob: OciDescriptor): Promise<boolean> {
    const response = await this.#session.request({ method: "HEAD", path: this.#path(`blobs/${blob.digest}`) });
    await drain(response);
    if (response.status === 200) return true;
    if (response.status === 404) return false;
    throw new RegistryError(`${formatReference(this.#reference)}: status ${response.status}`, response.status);
  }

  /** @returns false when the registry had it in another repository, and nothing was sent */
  async #pushBlob(blob: OciDescriptor, store: BlobStore, onBytes: (done: number) => void): Promise<boolean> {
    let upload = await this.#startUpload(blob, this.#options.mountFrom);
    for (let offset = 0, failures = 0; upload !== null;) {
      const isLast = blob.size - offset <= upload.chunkBytes,
        body = await store.read(blob.digest, offset, isLast ? blob.size - offset : upload.chunkBytes);
      const headers: Record<string, string> = {
        "content-type": "application/octet-stream",
        "content-length": String(body.length),
        ...(isLast && offset === 0 ? {} : { "content-range": `${offset}-${offset + body.length - 1}` }),
      };
      let response: HttpResponse;
      try {
        // All but the last chunk; that one closes the upload.
        response = await this.#session.request(
          isLast
            ? {
                method: "PUT",
                path:
                  `${upload.place}` +
                  `${upload.place.includes("?") ? "&" : "?"}digest=${encodeURIComponent(blob.digest)}`,
                headers,
                body,
              }
            : { method: "PATCH", path: upload.place, headers, body },
        );
        if (response.status >= 500)
          throw new RegistryError(
            `${blob.digest}: the registry breaks the upload off: ${await reasonOf(response)}`,
            response.status,
          );
      } catch (error) {
        if (++failures > RESUMES_MAX) throw error;
        if (await this.#hasBlob(blob)) return true;
        // What has arrived is there still, or the upload is over and begins anew.
        const arrived: { place: string; offset: number } | null = await this.#arrived(upload.place);
        if (arrived === null) upload = await this.#startUpload(blob, undefined);
        else upload = { ...upload, place: arrived.place };
        offset = arrived?.offset ?? 0;
        continue;
      }
      if (response.status !== (isLast ? 201 : 202))
        throw new RegistryError(
          `${blob.digest}: the registry ${isLast ? "refuses the blob" : "breaks the upload off"}: ` +
            `${await reasonOf(response)}`,
          response.status,
        );
      await drain(response);
      offset += body.length;
      onBytes(offset);
      if (isLast) return true;
      upload = { ...upload, place: uploadPlace(response, blob) };
    }
    return false;
  }

  /** @returns null when the registry has taken the blob over from another repository */
  async #startUpload(
    blob: OciDescriptor,
    from: string | undefined,
  ): Promise<{ place: string; chunkBytes: number } | null> {
    const response = await this.#session.request({
      method: "POST",
      path: this.#path(
        "blobs/uploads/" +
          (from === undefined ? "" : `?mount=${encodeURIComponent(blob.digest)}&from=${encodeURIComponent(from)}`),
      ),
      headers: { "content-length": "0" },
    });
    if (response.status === 201 && from !== undefined) {
      await drain(response);
      return null;
    }
    if (response.status !== 202)
      throw new RegistryError(
        `${formatReference(this.#reference)}: the registry takes no upload: ${await reasonOf(response)}`,
        response.status,
      );
    await drain(response);
    const wanted = Number(response.headers["oci-chunk-min-length"] ?? "0");
    return {
      place: uploadPlace(response, blob),
      chunkBytes: Number.isInteger(wanted) ? Math.min(CHUNK_BYTES_MAX, Math.max(CHUNK_BYTES, wanted)) : CHUNK_BYTES,
    };
  }

  /** How much of an upload the registry has, and where it goes on; null when it knows nothing of it. */
  async #arrived(place: string): Promise<{ place: string; offset: number } | null> {
    const response = await this.#session.request({ method: "GET", path: place });
    await drain(response);
    if (response.status !== 204 && response.status !== 202) return null;
    const last = Number(/^(?:bytes=)?0-(\d+)$/.exec(response.headers["range"] ?? "")?.[1] ?? "0");
    // Where nothing has arrived registries say 0-0, as if it were one byte.
    return { place: response.headers["location"] ?? place, offset: last === 0 ? 0 : last + 1 };
  }

  #path(rest: string): string {
    return `/v2/${this.#reference.repository}/${rest}`;
  }
}

/** The image for a platform. @throws RegistryError that names those which there are */
export function choosePlatform(
  manifests: readonly OciDescriptor[],
  platform: OciPlatform,
  what: string,
): OciDescriptor {
  const found = manifests.find(
    (entry) =>
      entry.platform?.architecture === platform.architecture &&
      entry.platform.os === platform.os &&
      (platform.variant === undefined || entry.platform.variant === platform.variant),
  );
  if (found !== undefined) return found;
  const only = manifests.length === 1 && manifests[0]!.platform === undefined ? manifests[0] : undefined;
  if (only !== undefined) return only;
  const there = manifests
    .map((entry) => `${entry.platform?.os ?? "?"}/${entry.platform?.architecture ?? "?"}`)
    .join(", ");
  throw new RegistryError(`${what}: has no image for ${platform.os}/${platform.architecture}; there are ${there}`);
}

/** An image by itself says in its configuration what it is for. @throws RegistryError when that is another platform */
function checkPlatform(config: Uint8Array, platform: OciPlatform, what: string): void {
  let own: { os?: unknown; architecture?: unknown };
  try {
    own = (JSON.parse(byteStringToUtf8(byteString(config))) ?? {}) as typeof own;
  } catch {
    throw new RegistryError(`${what}: its configuration is no JSON`);
  }
  if (
    typeof own.architecture !== "string" ||
    own.architecture === "" ||
    (own.architecture === platform.architecture && own.os === platform.os)
  )
    return;
  throw new RegistryError(
    `${what}: is for ${typeof own.os === "string" ? own.os : "?"}/${own.architecture}, not for ` +
      `${platform.os}/${platform.architecture}`,
  );
}

/** The images that a layout's `index.json` names. @throws FormatError when it is damaged */
export function parseIndex(bytes: Uint8Array, what: string): readonly OciDescriptor[] {
  try {
    const { manifests } = parseManifest(bytes, what);
    if (manifests !== undefined) return manifests;
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
  }
  throw new FormatError(`${what}: is damaged, and names no images`);
}

/** @throws RegistryError when the bytes are no manifest, or a descriptor in it is malformed */
export function parseManifest(bytes: Uint8Array, what: string): ManifestValue {
  let value: unknown;
  try {
    value = JSON.parse(byteStringToUtf8(byteString(bytes)));
  } catch {
    throw new RegistryError(`${what}: the manifest is no JSON`);
  }
  const { manifests, config, layers } = (value ?? {}) as { manifests?: unknown; config?: unknown; layers?: unknown };
  const lists = [manifests, layers].filter((list) => list !== undefined);
  const isGood =
    lists.every((list) => Array.isArray(list) && list.every(isDescriptor)) &&
    (config === undefined || isDescriptor(config)) &&
    (manifests !== undefined || config !== undefined);
  if (!isGood) throw new RegistryError(`${what}: the manifest does not follow the specification`);
  return value as ManifestValue;
}

function isDescriptor(value: unknown): boolean {
  const { mediaType, digest, size } = (value ?? {}) as Partial<Record<keyof OciDescriptor, unknown>>;
  return (
    typeof mediaType === "string" &&
    typeof digest === "string" &&
    /^sha256:[0-9a-f]{64}$/.test(digest) &&
    Number.isSafeInteger(size) &&
    (size as number) >= 0
  );
}

function uploadPlace(response: { headers: Readonly<Record<string, string | undefined>> }, blob: OciDescriptor): string {
  const location = response.headers["location"];
  if (location === undefined) throw new RegistryError(`${blob.digest}: the registry does not say where to upload`);
  return location;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
