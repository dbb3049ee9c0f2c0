/**
 * OCI images: `oci-archive`, one image in one file, and `oci`, a layout folder with an index of all architectures that
 * are composed together. Layers that were packed before are taken from a layout of the store's own.
 */
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, linkSync, renameSync } from "node:fs";
import { join } from "node:path";
import {
  DEFAULT_VARIANT,
  type Artifact,
  type ContainerConfig,
  type HealthcheckConfig,
  type ImageTarget,
  type OutputJob,
  type OutputWriter,
  type TreeLayer,
} from "@stratos/compose";
import {
  archiveTree,
  OCI_MEDIA,
  type FileEntry,
  type LayerCompression,
  type OciDescriptor,
  type OciImage,
  type OciLayer,
  type OciRuntime,
} from "@stratos/formats";
import { bootcImage } from "@stratos/outputs";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { scratchFolder } from "@stratos/host-node/files";
import { OciLayoutFolder } from "../../outputs/oci-layout-folder.ts";
import { ComposeFolder } from "../compose-folder.ts";
import { archiveCompression, hasArtifact, writeArtifact } from "./artifact-file.ts";

/** Part of the names of packed layers. */
const LAYER_CODE = 2;

/**
 * @param folder  where the compose writes
 * @param store  folder of the store
 */
export function ociOutputs(folder: string, store: string): OutputWriter[] {
  const kept = new ComposeFolder(store);
  /** layout → architecture → manifest, of this compose */
  const indices = new Map<string, Map<string, OciDescriptor>>();
  const archive: OutputWriter = {
    format: "oci-archive",
    filename: () => "${name}-${variant}-${architecture}.oci.tar",
    async write(job, path) {
      const { layout, image } = await packImage(job, kept, join(store, "oci"));
      // The store's layout names no image, since several composes share it.
      const { path: place, remove } = scratchFolder("archive-", join(store, "oci"));
      const own = new OciLayoutFolder(place, nodeCodecs());
      try {
        for (const digest of blobsOf(image)) takeBlob(layout, own, digest);
        own.publish(image.manifest.descriptor, imageName(job.target));
        return [
          await writeArtifact(folder, path, archiveTree(own.tree(job.epochSeconds), { prefix: "" }), {
            compression: "none",
            mediaType: "application/vnd.oci.image.layout.v1.tar",
            signal: job.signal,
          }),
        ];
      } finally {
        remove();
      }
    },
    has: (artifact) => hasArtifact(folder, artifact),
  };
  const layoutFolder: OutputWriter = {
    format: "oci",
    isShared: true,
    filename: () => "${name}-${variant}.oci",
    async write(job, path) {
      const { layout, image } = await packImage(job, kept, join(store, "oci"));
      const target = join(folder, path);
      const own = new OciLayoutFolder(target, nodeCodecs());
      for (const digest of blobsOf(image)) takeBlob(layout, own, digest);
      let index = indices.get(target);
      if (index === undefined) indices.set(target, (index = new Map()));
      index.set(job.target.architecture, image.manifest.descriptor);
      const manifests = [...index]
        .sort(([left], [right]) => (left < right ? -1 : 1))
        .map(([, descriptor]) => descriptor);
      own.publish(
        manifests.length === 1 ? manifests[0]! : own.addIndex(manifests),
        job.target.config.version ?? "latest",
      );
      const sizeBytes = image.layers.reduce(
        (sum, layer) => sum + layer.descriptor.size,
        image.manifest.bytes.length + image.config.bytes.length,
      );
      return [
        {
          path,
          sizeBytes,
          sha256: image.manifest.descriptor.digest.slice(7),
          mediaType: OCI_MEDIA.manifest,
          isFile: false,
        } satisfies Artifact,
      ];
    },
    // Cheap to make again from packed layers, and the index needs each image.
    has: async () => false,
  };
  return [archive, layoutFolder];
}

async function packImage(
  job: OutputJob,
  kept: ComposeFolder,
  layoutPath: string,
): Promise<{ layout: OciLayoutFolder; image: OciImage }> {
  const { config, target, epochSeconds } = job;
  const compression: LayerCompression = archiveCompression(config.compression) ?? "gzip";
  const layout = new OciLayoutFolder(
    layoutPath,
    nodeCodecs(config.level === undefined ? {} : { gzip: Math.min(config.level, 9), zstd: config.level }),
  );
  const bootc = target.config.ostree?.bootc === true ? bootcImage(job.tree, nodeCodecs(), epochSeconds) : null;
  for (const note of bootc?.notes ?? []) job.onNote(note);
  const layers: OciLayer[] = [];
  for (const layer of bootc === null ? job.layers() : job.layers(bootc.tree)) {
    job.signal.throwIfAborted();
    layers.push(await packLayerOnce(layer, { compression, level: config.level }, kept, layout));
    // Packing is synchronous; other phases and signals get their turn between layers.
    await new Promise((resolve) => void setImmediate(resolve));
  }
  const { container = {}, name, version, description } = target.config;
  const image = layout.addImage(layers, {
    platform: platformOf(target.architecture),
    created: epochSeconds,
    runtime: runtimeOf(bootc === null ? container : { ...container, labels: { ...bootc.labels, ...container.labels } }),
    annotations: {
      "org.opencontainers.image.title": name,
      ...(version === undefined ? {} : { "org.opencontainers.image.version": version }),
      ...(description === undefined ? {} : { "org.opencontainers.image.description": description }),
    },
  });
  return { layout, image };
}

async function packLayerOnce(
  layer: TreeLayer,
  packing: { compression: LayerCompression; level: number | undefined },
  kept: ComposeFolder,
  layout: OciLayoutFolder,
): Promise<OciLayer> {
  const name = `results/oci-${layerKey(layer, packing)}.json`;
  const known = await kept.read(name);
  if (known !== undefined) {
    const packed = JSON.parse(Buffer.from(known).toString("utf8")) as OciLayer;
    if (existsSync(layout.pathOf(packed.descriptor.digest))) return packed;
  }
  const packed = layout.addLayer(layer.tree, {
    compression: packing.compression,
    createdBy: `stratos compose: ${layer.name}`,
  });
  await kept.write(name, [Buffer.from(JSON.stringify(packed))]);
  return packed;
}

/** What the layer's bytes follow from, without reading any content. */
function layerKey(
  { name, tree }: TreeLayer,
  packing: { compression: LayerCompression; level: number | undefined },
): string {
  const hash = createHash("sha256");
  hash.update(JSON.stringify([LAYER_CODE, name, packing.compression, packing.level ?? null]));
  for (const entry of tree.entries()) hash.update(JSON.stringify(describe(entry)));
  return hash.digest("hex");
}

function describe(entry: FileEntry): unknown[] {
  const { path, kind, mode, uid, gid, mtime, content, target, deviceMajor, deviceMinor, xattrs } = entry;
  return [path, kind, mode, uid, gid, mtime, content?.digest ?? null, target, deviceMajor, deviceMinor, [...xattrs]];
}

function blobsOf(image: OciImage): string[] {
  return [
    image.manifest.descriptor.digest,
    image.config.descriptor.digest,
    ...image.layers.map(({ descriptor }) => descriptor.digest),
  ];
}

function takeBlob(from: OciLayoutFolder, to: OciLayoutFolder, digest: string): void {
  const source = from.pathOf(digest),
    target = to.pathOf(digest);
  if (existsSync(target)) return;
  try {
    linkSync(source, target);
  } catch {
    // Another file system, or one without hard links.
    const draft = `${target}.new.${process.pid}`;
    copyFileSync(source, draft);
    renameSync(draft, target);
  }
}

/**
 * What an archive's image is called, and `podman load` calls it then: NAME:VERSION, or NAME-VARIANT:VERSION where the
 * treefile has variants. Names of images have small letters, with single separators, and tags no `+` and `~`. Source:
 * OCI Distribution Specification 1.1, "Pulling manifests".
 */
export function imageName({ variant, config }: ImageTarget): string {
  const name = (variant === DEFAULT_VARIANT ? config.name : `${config.name}-${variant}`)
    .toLowerCase()
    .replace(/[._-]{2,}/g, "-")
    .replace(/[._-]+$/, "");
  return `${name}:${(config.version ?? "latest").replace(/[+~]/g, "_")}`;
}

/** Go's names. Source: OCI Image Format Specification 1.1, `image-index.md`, "Platform Variants". */
const PLATFORMS: Readonly<Record<string, { architecture: string; variant?: string }>> = {
  armhf: { architecture: "arm", variant: "v7" },
  armel: { architecture: "arm", variant: "v5" },
  i386: { architecture: "386" },
  ppc64el: { architecture: "ppc64le" },
  arm64: { architecture: "arm64", variant: "v8" },
};

function platformOf(architecture: string): { architecture: string; os: string; variant?: string } {
  return { os: "linux", ...(PLATFORMS[architecture] ?? { architecture }) };
}

function runtimeOf(container: ContainerConfig): OciRuntime {
  const { entrypoint, command, environment, labels, user, workdir, ports, volumes, healthcheck } = container;
  const stopSignal = container["stop-signal"];
  return {
    ...(user === undefined ? {} : { User: user }),
    ...(entrypoint === undefined ? {} : { Entrypoint: entrypoint }),
    ...(command === undefined ? {} : { Cmd: command }),
    ...(workdir === undefined ? {} : { WorkingDir: workdir }),
    ...(labels === undefined ? {} : { Labels: labels }),
    Env: Object.entries({ PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", ...environment }).map(
      ([name, value]) => `${name}=${value}`,
    ),
    ...(ports === undefined ? {} : { ExposedPorts: emptyFor(ports) }),
    ...(volumes === undefined ? {} : { Volumes: emptyFor(volumes) }),
    ...(stopSignal === undefined ? {} : { StopSignal: stopSignal }),
    ...(healthcheck?.command === undefined ? {} : { Healthcheck: healthcheckOf(healthcheck) }),
  };
}

/** Sets, as Go has them in JSON. */
const emptyFor = (names: readonly string[]): Record<string, object> =>
  Object.fromEntries(names.map((name) => [name, {}]));

function healthcheckOf(check: HealthcheckConfig): NonNullable<OciRuntime["Healthcheck"]> {
  const { command = [], interval, timeout, retries } = check;
  const startPeriod = check["start-period"];
  const nanoseconds = (seconds: number): number => Math.round(seconds * 1e9);
  return {
    Test: ["CMD", ...command],
    ...(interval === undefined ? {} : { Interval: nanoseconds(interval) }),
    ...(timeout === undefined ? {} : { Timeout: nanoseconds(timeout) }),
    ...(startPeriod === undefined ? {} : { StartPeriod: nanoseconds(startPeriod) }),
    ...(retries === undefined ? {} : { Retries: retries }),
  };
}
