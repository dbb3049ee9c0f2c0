/**
 * OCI images: configuration, manifest and index as JSON whose bytes depend on their content alone. Source: OCI Image
 * Format Specification 1.1, `config.md`, `manifest.md`, `image-index.md`, `image-layout.md`, `annotations.md`.
 */
import { utf8Of } from "@stratos/base";
import { civilTime } from "../calendar/civil-time.ts";
import { sha256Of, type Codecs } from "../codecs.ts";

export const OCI_MEDIA = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
  layerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  layerZstd: "application/vnd.oci.image.layer.v1.tar+zstd",
} as const;

/** The key under which a layout's index names an image. */
export const REF_NAME = "org.opencontainers.image.ref.name";

export interface OciPlatform {
  /** Go's name: amd64, arm64, riscv64 */
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
}

export interface OciDescriptor {
  readonly mediaType: string;
  /** `sha256:…` */
  readonly digest: string;
  readonly size: number;
  readonly platform?: OciPlatform;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A blob: a descriptor's bytes. */
export interface OciBlob {
  readonly descriptor: OciDescriptor;
  readonly bytes: Uint8Array;
}

/** A layer: where its packed bytes are is the caller's business. */
export interface OciLayer {
  readonly descriptor: OciDescriptor;
  /** `sha256:…` of the archive before packing */
  readonly diffId: string;
  /** what made it, for the history */
  readonly createdBy: string;
}

export interface OciRuntime {
  readonly User?: string;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly WorkingDir?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly Volumes?: Readonly<Record<string, object>>;
  readonly StopSignal?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  /** Docker's own, which OCI reserves no name for; times in nanoseconds. Source: Docker Image Specification 1.3 */
  readonly Healthcheck?: {
    readonly Test: readonly string[];
    readonly Interval?: number;
    readonly Timeout?: number;
    readonly StartPeriod?: number;
    readonly Retries?: number;
  };
}

export interface OciImageOptions {
  readonly platform: OciPlatform;
  /** seconds since 1970, for the configuration and its whole history; so that no clock reaches the image */
  readonly created: number;
  readonly runtime: OciRuntime;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface OciImage {
  readonly manifest: OciBlob;
  readonly config: OciBlob;
  readonly layers: readonly OciLayer[];
}

/** An image of `layers`, from the bottom up. */
export function ociImage(
  layers: readonly OciLayer[],
  options: OciImageOptions,
  codecs: Pick<Codecs, "sha256">,
): OciImage {
  const created = rfc3339(options.created);
  const config = jsonBlob(
    OCI_MEDIA.config,
    {
      created,
      architecture: options.platform.architecture,
      os: options.platform.os,
      ...(options.platform.variant === undefined ? {} : { variant: options.platform.variant }),
      config: options.runtime,
      rootfs: { type: "layers", diff_ids: layers.map((layer) => layer.diffId) },
      history: layers.map((layer) => ({ created, created_by: layer.createdBy })),
    },
    codecs,
  );
  const manifest = jsonBlob(
    OCI_MEDIA.manifest,
    {
      schemaVersion: 2,
      mediaType: OCI_MEDIA.manifest,
      config: config.descriptor,
      layers: layers.map((layer) => layer.descriptor),
      ...annotated(options.annotations),
    },
    codecs,
  );
  return {
    manifest: { ...manifest, descriptor: { ...manifest.descriptor, platform: options.platform } },
    config,
    layers,
  };
}

/** An index of several images, one for each platform. */
export function ociIndex(
  manifests: readonly OciDescriptor[],
  annotations: Readonly<Record<string, string>> | undefined,
  codecs: Pick<Codecs, "sha256">,
): OciBlob {
  return jsonBlob(
    OCI_MEDIA.index,
    { schemaVersion: 2, mediaType: OCI_MEDIA.index, manifests, ...annotated(annotations) },
    codecs,
  );
}

/** `index.json` of a layout that has one image (or index) under one name. */
export function ociLayoutIndex(entry: OciDescriptor, name: string): Uint8Array {
  const named = { ...entry, annotations: { ...entry.annotations, [REF_NAME]: name } };
  return utf8Of(canonicalJson({ schemaVersion: 2, mediaType: OCI_MEDIA.index, manifests: [named] }));
}

/** `oci-layout`, the file that says what the folder is. */
export const OCI_LAYOUT: Uint8Array = utf8Of('{"imageLayoutVersion":"1.0.0"}');

function annotated(annotations: Readonly<Record<string, string>> | undefined): {
  annotations?: Readonly<Record<string, string>>;
} {
  return annotations === undefined || Object.keys(annotations).length === 0 ? {} : { annotations };
}

function jsonBlob(mediaType: string, value: object, codecs: Pick<Codecs, "sha256">): OciBlob {
  const bytes = utf8Of(canonicalJson(value));
  return { descriptor: { mediaType, digest: `sha256:${sha256Of(codecs, bytes)}`, size: bytes.length }, bytes };
}

/** JSON with its keys in order and no white space: one value, one text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (inner === null || typeof inner !== "object" || Array.isArray(inner)) return inner;
    return Object.fromEntries(
      Object.entries(inner).sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0)),
    );
  });
}

/** `2024-01-31T12:00:00Z`. */
export function rfc3339(seconds: number): string {
  const { year, month, day, hour, minute, second } = civilTime(seconds);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}:${two(second)}Z`;
}
