/**
 * Where artefacts come from: an in-toto statement with SLSA provenance. It holds the merged treefile of the image and
 * the digest of each package, so `stratos compose rebuild` needs nothing else. Source:
 * https://slsa.dev/spec/v1.0/provenance.
 */
import { isList, isObject, type Json, type JsonObject } from "../treefile/json.ts";
import { allPackages, EMPTY_LOCK, type Lock, type LockedImage } from "../gather/lock.ts";
import type { ImageRecord } from "./composeinfo.ts";

const BUILD_TYPE = "urn:stratos:compose:v1";

export interface Provenance {
  readonly treefile: JsonObject;
  readonly locked: LockedImage;
  readonly sources: Readonly<Record<string, string>>;
  /** what its extensions are laid over, by variant */
  readonly over?: Readonly<Record<string, OtherImage>>;
}

/** An image that another one needs. */
interface OtherImage {
  readonly locked: LockedImage;
  readonly sources: Readonly<Record<string, string>>;
}

/** @param runner  which ran the scripts */
export function provenanceStatement(
  record: ImageRecord,
  inputs: Provenance,
  builder: { version: string; runner: string },
): JsonObject {
  return {
    _type: "https://in-toto.io/Statement/v1",
    subject: record.artifacts.map((one) => ({ name: one.path, digest: { sha256: one.sha256 } })),
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: {
      buildDefinition: {
        buildType: BUILD_TYPE,
        externalParameters: {
          treefile: inputs.treefile,
          variant: record.target.variant,
          architecture: record.target.architecture,
        },
        internalParameters: {
          lock: inputs.locked as unknown as Json,
          sources: inputs.sources,
          ...(inputs.over === undefined ? {} : { over: inputs.over as unknown as Json }),
          runner: builder.runner,
          sourceDateEpoch: record.epochSeconds,
        },
        resolvedDependencies: [
          ...new Map(
            [record.locked, ...Object.values(inputs.over ?? {}).map(({ locked }) => locked)]
              .flatMap(allPackages)
              .map((one) => [one.url, { uri: one.url, name: one.name, digest: { sha256: one.sha256 } }]),
          ).values(),
        ],
      },
      runDetails: {
        builder: { id: "urn:stratos:compose", version: { stratos: builder.version } },
        metadata: { invocationId: record.treeKey },
      },
    },
  };
}

/** What of a statement says how to make its subjects again. */
export interface Recipe extends Provenance {
  readonly variant: string;
  readonly architecture: string;
  readonly runner: string;
  /** key of the tree in the store of whoever made it */
  readonly tree: string;
  /** path → digest */
  readonly subjects: Readonly<Record<string, string>>;
}

/** What a compose of the recipe's treefile takes its packages from. */
export function lockOf({ variant, architecture, locked, over = {} }: Recipe): Lock {
  const others = Object.entries(over).map(([below, image]) => [`${below}/${architecture}`, image.locked] as const);
  return { ...EMPTY_LOCK, images: Object.fromEntries([[`${variant}/${architecture}`, locked], ...others]) };
}

export class ProvenanceError extends Error {
  override name = "ProvenanceError";
}

/** @throws ProvenanceError */
export function parseProvenance(text: string, path: string): Recipe {
  let statement: Json;
  try {
    statement = JSON.parse(text) as Json;
  } catch (cause) {
    throw new ProvenanceError(`${path}: is no JSON`, { cause });
  }
  const at = (value: Json | undefined, ...keys: string[]): Json | undefined =>
    keys.reduce<Json | undefined>((found, key) => (isObject(found) ? found[key] : undefined), value);
  const definition = at(statement, "predicate", "buildDefinition");
  if (at(definition, "buildType") !== BUILD_TYPE) throw new ProvenanceError(`${path}: is no provenance of a compose`);
  const treefile = at(definition, "externalParameters", "treefile"),
    locked = at(definition, "internalParameters", "lock"),
    sources = at(definition, "internalParameters", "sources");
  const over = at(definition, "internalParameters", "over");
  const variant = at(definition, "externalParameters", "variant"),
    architecture = at(definition, "externalParameters", "architecture");
  const subjects = at(statement, "subject");
  if (
    !isObject(treefile) ||
    !isObject(locked) ||
    !isObject(sources) ||
    typeof variant !== "string" ||
    typeof architecture !== "string" ||
    !isList(subjects)
  )
    throw new ProvenanceError(`${path}: the provenance is damaged`);
  return {
    treefile,
    locked: locked as unknown as LockedImage,
    sources: sources as Record<string, string>,
    ...(isObject(over) ? { over: over as unknown as Record<string, OtherImage> } : {}),
    variant,
    architecture,
    runner: String(at(definition, "internalParameters", "runner") ?? "auto"),
    tree: String(at(statement, "predicate", "runDetails", "metadata", "invocationId") ?? ""),
    subjects: Object.fromEntries(subjects.map((one) => [String(at(one, "name")), String(at(one, "digest", "sha256"))])),
  };
}
