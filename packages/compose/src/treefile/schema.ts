/**
 * The treefile's JSON Schema (`stratos compose schema`), once: validation, merging and the published schema are one
 * table; its keys, each with its type of TypeScript, stand by subject in the files beside. A layer's keys may stand in
 * the file itself, in a variant, and in a section for an architecture. The title beside a pattern is its form in words,
 * for who broke it. Each list says by `x-merge` what a higher layer's does to a lower one's; each key has a
 * description, and an example where its kind does not show one: docs/treefile.md is made of them.
 */
import { isObject, type Json, type JsonObject } from "./json.ts";
import { BUILD_KEYS, PHASE_SETTINGS, type BuildConfig, type PhaseConfig, type PhaseName } from "./schema-build.ts";
import { CONTENT_KEYS, type ContentConfig } from "./schema-content.ts";
import {
  CONTAINER,
  OSTREE,
  OUTPUTS,
  type ContainerConfig,
  type OstreeConfig,
  type OutputConfig,
} from "./schema-output.ts";
import { PACKAGE_KEYS, type PackageConfig } from "./schema-packages.ts";
import { SYSTEM_KEYS, type SystemConfig } from "./schema-system.ts";
import { NAME, REPLACED, SEQUENCE, SET, TEXT } from "./schema-vocabulary.ts";

/** Keys of each layer; the schema says each once. */
const LAYER_KEYS = {
  description: { ...TEXT, description: "what the image is, for people", examples: ["a small web server"] },
  ...PACKAGE_KEYS,
  ...SYSTEM_KEYS,
  ...BUILD_KEYS,
  ostree: OSTREE,
  ...CONTENT_KEYS,
  container: CONTAINER,
  outputs: OUTPUTS,
  phases: PHASE_SETTINGS,
  custom: {
    type: "object",
    description: "your own fields; they go into the metadata, and conditions may ask for them",
    examples: [{ edition: "pro" }],
  },
} as const;

const LAYER = Object.fromEntries(Object.keys(LAYER_KEYS).map((key) => [key, { $ref: `#/$defs/${key}` }]));

const OWN_KEYS = { patternProperties: { "^x-": {} }, additionalProperties: false } as const;
/** Debian's names. */
export const ARCHITECTURE_NAMES = ["amd64", "arm64", "armel", "armhf", "i386", "ppc64el", "riscv64", "s390x"] as const;
/** Kernels' names of what Debian calls otherwise. */
export const MACHINE_NAMES: Readonly<Record<string, string>> = {
  amd64: "x86_64",
  arm64: "aarch64",
  armhf: "armv7hl",
  armel: "armv5tel",
  i386: "i686",
  ppc64el: "ppc64le",
};
const ARCHITECTURES = {
  type: "array",
  ...SET,
  minItems: 1,
  items: { enum: [...ARCHITECTURE_NAMES, "-amd64", "-arm64", "-riscv64", "-*"] },
  description:
    "Debian's names of the processors that images are made for (default: the host's where its programs run " +
    "natively, else riscv64)",
  examples: [["amd64", "arm64"]],
} as const;
const SECTIONS = {
  type: "object",
  description: "layers for the architectures that match the key, a pattern; applied in the order written",
  additionalProperties: { type: "object", properties: LAYER, ...OWN_KEYS },
} as const;

const FILE = {
  type: "object",
  properties: {
    schema: { const: 1, description: "version of this format" },
    name: { ...NAME, description: "of the compose and its files; it must be said", examples: ["web"] },
    version: {
      type: "string",
      pattern: "^[A-Za-z0-9][A-Za-z0-9.+~_-]{0,63}$",
      title: "a version of letters, digits, '.', '+', '~', '_' and '-'",
      description: "of the images (default: 0)",
      examples: ["1.2"],
    },
    include: {
      type: "array",
      ...REPLACED,
      items: TEXT,
      description: "treefiles that this one is laid over, in order, beside it",
      examples: [["common.yaml"]],
    },
    "source-date-epoch": {
      type: "integer",
      minimum: 0,
      maximum: 253402300799,
      description: "newest time in the image, in seconds since 1970 (default: the date of the archive's index)",
      examples: [1767225600],
    },
    architectures: ARCHITECTURES,
    architecture: SECTIONS,
    variants: {
      type: "object",
      description: "images of different kinds, by name, each laid over the file (default: one, called default)",
      propertyNames: NAME,
      additionalProperties: {
        type: "object",
        properties: {
          inherit: {
            ...SEQUENCE,
            anyOf: [NAME, { type: "array", items: NAME }],
            description: "variants that this one is laid over, in order",
            examples: [["base", "graphical"]],
          },
          abstract: { type: "boolean", description: "only there to be inherited from" },
          architectures: ARCHITECTURES,
          architecture: SECTIONS,
          ...LAYER,
        },
        ...OWN_KEYS,
      },
    },
    ...LAYER,
  },
  ...OWN_KEYS,
} as const;

/** Keys of a file that its variants have not. */
export const FILE_KEYS: ReadonlySet<string> = new Set(Object.keys(FILE.properties).filter((key) => !(key in LAYER)));

/**
 * What `stratos compose schema` prints, and each file is checked against. What a file may leave to others is checked
 * when all are merged.
 */
export const TREEFILE_SCHEMA: JsonObject = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "Stratos treefile",
  description: "What an image is made of, and what is made of it.",
  ...withNulls(FILE as unknown as JsonObject),
  $defs: Object.fromEntries(
    Object.entries(LAYER_KEYS).map(([key, value]) => [key, nullable(value as unknown as JsonObject)]),
  ),
};

/** Any key may be null, which takes away what a lower layer says. */
function withNulls(schema: JsonObject): JsonObject {
  const inner: Record<string, Json> = { ...schema };
  for (const key of ["properties", "patternProperties"]) {
    const values = schema[key];
    if (isObject(values))
      inner[key] = Object.fromEntries(
        Object.entries(values).map(([name, value]) => [name, nullable(value as JsonObject)]),
      );
  }
  if (isObject(schema["additionalProperties"]))
    inner["additionalProperties"] = nullable(schema["additionalProperties"]);
  return inner;
}

function nullable(schema: JsonObject): JsonObject {
  const {
    const: constant,
    enum: choices,
    type,
    ...rest
  } = withNulls(schema) as { const?: Json; enum?: Json[]; type?: Json } & JsonObject;
  if (constant !== undefined) return { ...(rest as JsonObject), enum: [constant, null] };
  if (choices !== undefined) return { ...(rest as JsonObject), enum: [...choices, null] };
  if (type !== undefined) return { type: [...[type].flat(), "null"], ...(rest as JsonObject) };
  return rest as JsonObject;
}

/** All layers of one image, merged and checked. */
export interface ImageConfig extends PackageConfig, SystemConfig, ContentConfig {
  readonly name: string;
  readonly version?: string;
  readonly "source-date-epoch"?: number;
  readonly description?: string;
  readonly scripts?: readonly string[];
  readonly build?: BuildConfig;
  readonly ostree?: OstreeConfig;
  readonly container?: ContainerConfig;
  readonly outputs?: Readonly<Record<string, OutputConfig>>;
  readonly phases?: Readonly<Partial<Record<PhaseName, PhaseConfig>>>;
  readonly custom?: JsonObject;
}
