/**
 * Where artefacts come from: an in-toto statement with SLSA provenance. It holds the merged treefile of the image and the digest of each package,
 * so `stratos compose rebuild` needs nothing else. Source: https://slsa.dev/spec/v1.0/provenance.
 */
import type { Json, JsonObject } from "../treefile/json.ts";
import type { LockedImage } from "../gather/lock.ts";
import type { ImageRecord } from "./composeinfo.ts";

export const BUILD_TYPE = "urn:stratos:compose:v1";

export interface Provenance {
  readonly treefile: JsonObject;
  readonly locked: LockedImage;
  readonly sources: Readonly<Record<string, string>>;
}

/** @param runner  which ran the scripts */
export function provenanceStatement(record: ImageRecord, inputs: Provenance, builder: { version: string; runner: string }): JsonObject {
  return {
    _type: "https://in-toto.io/Statement/v1",
    subject: record.artifacts.map((one) => ({ name: one.path, digest: { sha256: one.sha256 } })),
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: {
      buildDefinition: {
        buildType: BUILD_TYPE,
        externalParameters: { treefile: inputs.treefile, variant: record.target.variant, architecture: record.target.architecture },
        internalParameters: { lock: inputs.locked as unknown as Json, sources: inputs.sources, runner: builder.runner, sourceDateEpoch: record.epochSeconds },
        resolvedDependencies: record.locked.packages.map((one) => ({ uri: one.url, name: one.name, digest: { sha256: one.sha256 } })),
      },
      runDetails: { builder: { id: "urn:stratos:compose", version: { stratos: builder.version } }, metadata: { invocationId: record.treeKey } },
    },
  };
}
