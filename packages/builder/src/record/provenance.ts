/**
 * Where a build's packages come from: an in-toto statement with SLSA provenance. Source:
 * https://slsa.dev/spec/v1.0/provenance.
 */
import type { Json, JsonObject, LockedPackage } from "@stratos/compose";
import { civilTime } from "@stratos/formats";
import type { Artefact, BuildRequest } from "../build-request.ts";
import type { FetchedSource } from "../source/fetch-source.ts";

const BUILD_TYPE = "urn:stratos:builder:v1";

interface ProvenanceInputs {
  readonly request: BuildRequest;
  readonly source: Pick<FetchedSource, "name" | "version" | "materials">;
  readonly packages: readonly LockedPackage[];
  readonly layers: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly folder: string;
  readonly carrier: string;
  readonly version: string;
  readonly startedMs: number;
  readonly finishedMs: number;
}

export function provenanceStatement(artefacts: readonly Artefact[], inputs: ProvenanceInputs): JsonObject {
  const { request, source } = inputs;
  return {
    _type: "https://in-toto.io/Statement/v1",
    subject: artefacts.map(({ name, sha256 }) => ({ name, digest: { sha256 } })),
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: {
      buildDefinition: {
        buildType: BUILD_TYPE,
        externalParameters: JSON.parse(
          JSON.stringify({
            source: request.source,
            suite: request.suite,
            architecture: request.architecture,
            hostArchitecture: request.hostArchitecture,
            profiles: request.profiles,
            parts: request.parts ?? "both",
            binNmu: request.binNmu,
            resolver: request.resolver ?? "stratos",
          }),
        ) as JsonObject,
        internalParameters: {
          carrier: inputs.carrier,
          layers: [...inputs.layers],
          environment: inputs.environment as unknown as Json,
          folder: inputs.folder,
        },
        resolvedDependencies: [
          ...source.materials.map(({ uri, digest }) => ({
            uri,
            name: `${source.name} ${source.version}`,
            digest: digest as unknown as Json,
          })),
          ...inputs.packages.map((one) => ({
            uri: one.url,
            name: `${one.name}=${one.version}`,
            digest: { sha256: one.sha256 },
          })),
        ],
      },
      runDetails: {
        builder: { id: "urn:stratos:builder", version: { stratos: inputs.version } },
        metadata: {
          invocationId: inputs.layers.join("+"),
          startedOn: isoTime(inputs.startedMs),
          finishedOn: isoTime(inputs.finishedMs),
        },
      },
    },
  };
}

/** Milliseconds since 1970 as RFC 3339 has it, to the second. */
function isoTime(milliseconds: number): string {
  const { year, month, day, hour, minute, second } = civilTime(Math.floor(milliseconds / 1000)),
    two = (value: number): string => String(value).padStart(2, "0");
  return `${year}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}:${two(second)}Z`;
}
