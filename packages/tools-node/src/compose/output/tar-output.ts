import type { OutputWriter } from "@stratos/compose";
import { archiveTree } from "@stratos/formats";
import { archiveCompression, hasArtifact, writeArtifact } from "./artifact-file.ts";

const SUFFIXES = { none: "", gzip: ".gz", zstd: ".zst" } as const;
const MEDIA_TYPES = { none: "application/x-tar", gzip: "application/gzip", zstd: "application/zstd" } as const;

/** A plain tar archive, as tar(1) reads it. */
export function tarOutput(folder: string): OutputWriter {
  return {
    format: "tar",
    filename: ({ compression }) =>
      "${name}-${variant}-${architecture}.tar" + SUFFIXES[archiveCompression(compression) ?? "none"],
    write: async ({ tree, config, signal }, path) => {
      const compression = archiveCompression(config.compression) ?? "none";
      return [
        await writeArtifact(folder, path, archiveTree(tree), {
          compression,
          level: config.level,
          mediaType: MEDIA_TYPES[compression],
          signal,
        }),
      ];
    },
    has: (artifact) => hasArtifact(folder, artifact),
  };
}
