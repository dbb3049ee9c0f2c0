/**
 * The treefile's JSON Schema (`stratos compose schema`), once: validation, merging, the types of TypeScript below and the published schema are one
 * table. A layer's keys may stand in the file itself, in a variant, and in a section for an architecture. The title beside a pattern is its form in words, for who broke it.
 * Each list says by `x-merge` what a higher layer's does to a lower one's.
 */
import { isObject, type Json, type JsonObject } from "./json.ts";
import { CONTENT_KEYS, type ContentConfig } from "./schema-content.ts";
import { EXTENSION, PARTITIONS, UNWRITTEN, type ExtensionConfig, type PartitionConfig } from "./schema-disk.ts";

/**
 * What a list is when one layer is laid over another (`merge.ts`):
 *
 * - `set`: names, each once. The higher layer's are added; `-PATTERN` takes away those before it that match;
 * - `sequence`: things done or read in order. The higher layer's come after the lower's, and each stays as often as it is there;
 * - `replaced`: one value in several words, such as a command line. The higher layer's stands in place of the lower's.
 */
export type MergeRule = "set" | "sequence" | "replaced";
const SET = { "x-merge": "set" } as const;
const SEQUENCE = { "x-merge": "sequence" } as const;
const REPLACED = { "x-merge": "replaced" } as const;

const NAME = { type: "string", pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", title: "a name of letters, digits, '.', '_' and '-', which begins with a letter or digit" } as const;
const TEXT = { type: "string" } as const;
const SECONDS = { type: "number", exclusiveMinimum: 0, maximum: 604800 } as const;
const VARIABLE = { pattern: "^[A-Za-z_][A-Za-z0-9_]*$", title: "a name of letters, digits and '_'" } as const;
const ENVIRONMENT = { type: "object", propertyNames: VARIABLE, additionalProperties: TEXT } as const;
const LABELS = { type: "object", additionalProperties: TEXT } as const;
/** Names; `-NAME` takes one of a lower layer away. */
const WORDS = { type: "array", ...SET, items: { type: "string", pattern: "^\\S+$", title: "a word without blanks" } } as const;
const PACKAGES = { type: "array", ...SET, items: { type: "string", pattern: "^-?[a-z0-9*?\\[{][a-z0-9+.*?\\[\\]{},!-]*(:[a-z0-9]+)?(=[A-Za-z0-9.+~:-]+)?$|^-?[^\\s-][^\\n]*/[^/\\n]+\\.deb$", title: "a package: NAME in small letters, NAME=VERSION, a pattern, a file such as ./NAME.deb, or one of these after '-'" } } as const;
const ID = { type: "integer", minimum: 0, maximum: 4294967294 } as const;
const MODE = { type: "string", pattern: "^0?[0-7]{3,4}$", title: "a mode in octal, such as \"0644\"" } as const;
const URL = { type: "string", pattern: "^(https?|file)://\\S+$", title: "an address that begins with http://, https:// or file://" } as const;
const PATH = { type: "string", pattern: "^/[^:\\n]*$", title: "a path that begins with / and has no ':'" } as const;
const FIELD = { type: "string", pattern: "^[^:\\n]*$", title: "one line without ':'" } as const;

export const PHASES = ["init", "gather", "build", "ostree", "output", "cleanup"] as const;
export type PhaseName = (typeof PHASES)[number];

const PHASE = {
  type: "object", additionalProperties: false,
  properties: {
    skip: { type: "boolean", description: "leave the phase out" },
    when: { ...TEXT, description: "a condition; the phase is left out where it is false" },
    timeout: { ...SECONDS, description: "seconds after which the phase has failed" },
    after: { ...WORDS, description: "phases that must be over before it begins: PHASE, or VARIANT/PHASE of another variant" },
    "on-skip": { enum: ["skip", "fail"], description: "what becomes of phases that need it when it is left out (default: skip)" },
  },
} as const;

export const OUTPUT_FORMATS = ["tar", "folder", "stratos", "oci", "oci-archive", "ostree", "raw", "qcow2", "vmdk", "vhd", "vhd-fixed", "ova", "iso", "squashfs", "cpio", "initramfs", "ext4", "btrfs", "erofs"] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

const OUTPUT = {
  type: "object", additionalProperties: false,
  properties: {
    format: { enum: OUTPUT_FORMATS },
    filename: { type: "string", pattern: "^[^/\\u0000]+$", title: "a name without '/'", not: { enum: [".", ".."] }, description: "name of the file, with ${name}, ${version}, ${variant}, ${architecture}" },
    destination: { type: "string", pattern: "^(?!\\.\\.?(/|$))[^/\\u0000]+(/(?!\\.\\.?(/|$))[^/\\u0000]+)*$", title: "a path below the compose's folder, without '.' and '..'", description: "folder below the compose's, with the same variables (default: the compose's own)" },
    checksum: { enum: ["sha256", "sha512"], description: "SHA256SUMS names each file; with sha512 SHA512SUMS names this one too" },
    compression: { enum: ["none", "gzip", "zstd", "lz4"], description: "lz4 is EROFS's" },
    level: { type: "integer", minimum: 1, maximum: 22, description: "of the compression" },
    image: { ...NAME, description: "name of the Stratos image" },
    size: { type: "string", pattern: "^[0-9]+[KMGT]?$", title: "a size, such as 4G or 512M", description: "of a disk or a file system (default: what is needed, and a fifth more)" },
    bootloader: { enum: ["systemd-boot", "grub", "unified"], description: "of a disk or an ISO (default: what the image has)" },
    filesystem: { enum: ["ext4", "btrfs", "erofs", "aegisfs"], ...UNWRITTEN, description: "of a disk's root (default: ext4)" },
    partitions: PARTITIONS,
    extension: EXTENSION,
    snapshot: { type: "string", pattern: "^[A-Za-z0-9_.-]{1,64}$", title: "a name of letters, digits, '.', '_' and '-'", description: "with btrfs: a read-only snapshot of the root, which the boot menu offers" },
    "command-line": { type: "string", description: "further words for the kernel of a disk or an ISO" },
    deploy: { type: "boolean", description: "of a disk: it holds the image's commit as OSTree deploys it, and takes updates from a repository (with ostree.bootc)" },
    when: { ...TEXT, description: "a condition; nothing is written where it is false" },
  },
} as const;

/** Keys of each layer; the schema says each once. */
const LAYER_KEYS = {
  description: TEXT,
  suite: { ...TEXT, pattern: "^[A-Za-z0-9][A-Za-z0-9./_-]*$", title: "a suite, such as trixie", description: "Debian suite (default: trixie)" },
  components: { ...WORDS, description: "of the suite (default: main)" },
  mirror: { ...URL, description: "Debian mirror (default: the host's)" },
  repositories: {
    type: "object", propertyNames: NAME, description: "archives besides the mirror's suite",
    additionalProperties: {
      type: "object", additionalProperties: false,
      properties: { uri: URL, suite: TEXT, components: WORDS, keyring: { ...TEXT, description: "file with its keys, beside the treefile" } },
    },
  },
  base: { enum: ["minbase", "essential", "important", "standard", "none"], description: "what every image has: essential packages (essential), with the required ones and apt (minbase, the default), with those of priority important, with those of priority standard too; or nothing" },
  recommends: { type: "boolean", description: "also take recommended packages (default: false)" },
  packages: { ...PACKAGES, description: "names, NAME=VERSION, patterns over all names of the archive, or paths of .deb files beside the treefile (with a /: ./NAME.deb)" },
  exclude: { ...PACKAGES, description: "patterns; what matches is never taken, and a package that needs it is an error" },
  hostname: { type: "string", pattern: "^[A-Za-z0-9$]([A-Za-z0-9.${}-]{0,62}[A-Za-z0-9}])?$", title: "a host's name of letters, digits, '.' and '-'" },
  timezone: { type: "string", pattern: "^[A-Za-z0-9+_-]+(/[A-Za-z0-9+_-]+)*$", title: "a time zone, such as Europe/Berlin" },
  locale: { type: "string", pattern: "^[A-Za-z_]+(\\.[A-Za-z0-9-]+)?(@[a-z]+)?$", title: "a locale, such as de_DE.UTF-8" },
  users: {
    type: "object", propertyNames: { pattern: "^[a-z_][a-z0-9_-]{0,31}$", title: "a user's name in small letters" },
    additionalProperties: {
      type: "object", additionalProperties: false,
      properties: {
        uid: ID, gid: ID, groups: WORDS, home: PATH, shell: PATH,
        comment: FIELD, system: { type: "boolean" },
        password: { ...FIELD, description: "as crypt(5) has it; without one the password is locked" },
        "ssh-keys": { type: "array", ...SET, items: { type: "string", pattern: "^[^\\n]+$", title: "one line" } },
      },
    },
  },
  files: {
    type: "object", propertyNames: { pattern: "^/[^\\u0000]*[^/\\u0000]$", title: "a path that begins with / and does not end with it" },
    additionalProperties: {
      type: "object", additionalProperties: false,
      properties: {
        content: TEXT, source: { ...TEXT, description: "file beside the treefile" }, link: { ...TEXT, minLength: 1, description: "makes a symbolic link that leads there" },
        folder: { const: true }, mode: MODE, uid: ID, gid: ID,
      },
    },
  },
  "remove-files": { type: "array", ...SET, items: { type: "string", pattern: "^-?/.*$", title: "a path or pattern that begins with /, or with -/" }, description: "patterns of paths; ** crosses folders" },
  services: {
    type: "object", additionalProperties: false, description: "systemd units",
    properties: { enable: WORDS, disable: WORDS, mask: WORDS },
  },
  scripts: {
    type: "array", ...SEQUENCE, description: "shell scripts, run in the image after all packages are configured, in order: those of lower layers first",
    items: { type: "string", pattern: "^(?!-[^\\s-]\\S*$)", title: "a shell script (none is taken away by '-…' : they are a sequence; `scripts: null` takes all of lower layers away)" },
  },
  build: {
    type: "object", additionalProperties: false,
    properties: {
      environment: ENVIRONMENT, runner: { enum: ["auto", "stratos", "native"], description: "where maintainer scripts run" }, network: { type: "boolean" },
      packages: { ...PACKAGES, description: "there while `scripts` run, and not in the image" },
      mock: { type: "object", propertyNames: VARIABLE, description: "further options of the configuration for mock(1) that `stratos compose export --format mock` writes" },
    },
  },
  ostree: {
    type: "object", additionalProperties: false,
    properties: {
      ref: { type: "string", pattern: "^[A-Za-z0-9._${}/-]+$", title: "a ref of letters, digits, '.', '_', '-' and '/'" }, repository: { ...TEXT, description: "folder of the repository (default: the compose's own)" },
      mode: { enum: ["archive", "bare", "bare-user", "bare-user-only"] }, parent: { type: "string", pattern: "^[0-9a-f]{64}$", title: "a commit, 64 digits of hex" }, subject: TEXT, metadata: LABELS, bootc: { type: "boolean", description: "lay the root out as OSTree and bootc deploy it; images for containers, too" },
      sign: { ...TEXT, description: "sign commits and the summary by OpenPGP: name of a key of `stratos pkg key`, or file" }, "sign-ed25519": { ...TEXT, description: "sign them by Ed25519: file with the key" },
      os: { ...NAME, description: "whose deployments share one /var (default: debian)" }, remote: { ...NAME, description: "where a deployed system's updates come from: the name of a file in /etc/ostree/remotes.d (default: origin)" },
    },
  },
  ...CONTENT_KEYS,
  container: {
    type: "object", additionalProperties: false,
    properties: {
      entrypoint: { type: "array", ...REPLACED, items: TEXT }, command: { type: "array", ...REPLACED, items: TEXT }, environment: ENVIRONMENT, labels: LABELS, user: TEXT,
      workdir: { type: "string", pattern: "^/", title: "a path that begins with /" }, ports: { type: "array", ...SET, items: { type: "string", pattern: "^[0-9]+/(tcp|udp|sctp)$", title: "a port, such as 80/tcp" } },
    },
  },
  outputs: { type: "object", propertyNames: NAME, additionalProperties: OUTPUT },
  phases: { type: "object", additionalProperties: false, properties: Object.fromEntries(PHASES.map((name) => [name, PHASE])) },
  custom: { type: "object", description: "your own fields; they go into the metadata, and conditions may ask for them" },
} as const;

const LAYER = Object.fromEntries(Object.keys(LAYER_KEYS).map((key) => [key, { $ref: `#/$defs/${key}` }]));

const OWN_KEYS = { patternProperties: { "^x-": {} }, additionalProperties: false } as const;
/** Debian's names. */
export const ARCHITECTURE_NAMES = ["amd64", "arm64", "armel", "armhf", "i386", "ppc64el", "riscv64", "s390x"] as const;
const ARCHITECTURES = { type: "array", ...SET, minItems: 1, items: { enum: [...ARCHITECTURE_NAMES, "-amd64", "-arm64", "-riscv64", "-*"] } } as const;
const SECTIONS = {
  type: "object", description: "layers for the architectures that match the key, a pattern; applied in the order written",
  additionalProperties: { type: "object", properties: LAYER, ...OWN_KEYS },
} as const;

const FILE = {
  type: "object",
  properties: {
    schema: { const: 1, description: "version of this format" },
    name: { ...NAME, description: "of the compose" },
    version: { type: "string", pattern: "^[A-Za-z0-9][A-Za-z0-9.+~_-]{0,63}$", title: "a version of letters, digits, '.', '+', '~', '_' and '-'" },
    include: { type: "array", ...REPLACED, items: TEXT, description: "treefiles that this one is laid over, in order, beside it" },
    "source-date-epoch": { type: "integer", minimum: 0, maximum: 253402300799, description: "newest time in the image, in seconds since 1970 (default: the date of the archive's index)" },
    architectures: ARCHITECTURES,
    architecture: SECTIONS,
    variants: {
      type: "object", propertyNames: NAME,
      additionalProperties: {
        type: "object",
        properties: {
          inherit: { ...SEQUENCE, anyOf: [NAME, { type: "array", items: NAME }], description: "variants that this one is laid over, in order" },
          abstract: { type: "boolean", description: "only there to be inherited from" },
          architectures: ARCHITECTURES, architecture: SECTIONS, ...LAYER,
        },
        ...OWN_KEYS,
      },
    },
    ...LAYER,
  },
  ...OWN_KEYS,
} as const;

/** What `stratos compose schema` prints, and each file is checked against. What a file may leave to others is checked when all are merged. */
export const TREEFILE_SCHEMA: JsonObject = {
  $schema: "https://json-schema.org/draft/2020-12/schema", title: "Stratos treefile", description: "What an image is made of, and what is made of it.",
  ...withNulls(FILE as unknown as JsonObject),
  $defs: Object.fromEntries(Object.entries(LAYER_KEYS).map(([key, value]) => [key, nullable(value as unknown as JsonObject)])),
};

/** Any key may be null, which takes away what a lower layer says. */
function withNulls(schema: JsonObject): JsonObject {
  const inner: Record<string, Json> = { ...schema };
  for (const key of ["properties", "patternProperties"]) {
    const values = schema[key];
    if (isObject(values)) inner[key] = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, nullable(value as JsonObject)]));
  }
  if (isObject(schema["additionalProperties"])) inner["additionalProperties"] = nullable(schema["additionalProperties"]);
  return inner;
}

function nullable(schema: JsonObject): JsonObject {
  const { const: constant, enum: choices, type, ...rest } = withNulls(schema) as { const?: Json; enum?: Json[]; type?: Json } & JsonObject;
  if (constant !== undefined) return { ...(rest as JsonObject), enum: [constant, null] };
  if (choices !== undefined) return { ...(rest as JsonObject), enum: [...choices, null] };
  if (type !== undefined) return { type: [...[type].flat(), "null"], ...(rest as JsonObject) };
  return rest as JsonObject;
}

export interface RepositoryConfig { readonly uri: string; readonly suite: string; readonly components?: readonly string[]; readonly keyring?: string }
export interface UserConfig {
  readonly uid?: number; readonly gid?: number; readonly groups?: readonly string[]; readonly home?: string; readonly shell?: string; readonly comment?: string;
  readonly system?: boolean; readonly password?: string; readonly "ssh-keys"?: readonly string[];
}
export interface FileConfig { readonly content?: string; readonly source?: string; readonly link?: string; readonly folder?: true; readonly mode?: string; readonly uid?: number; readonly gid?: number }
export interface PhaseConfig { readonly skip?: boolean; readonly when?: string; readonly timeout?: number; readonly after?: readonly string[]; readonly "on-skip"?: "skip" | "fail" }
export interface OutputConfig {
  readonly format: OutputFormat; readonly filename?: string; readonly destination?: string; readonly checksum?: "sha256" | "sha512"; readonly compression?: "none" | "gzip" | "zstd" | "lz4"; readonly level?: number; readonly image?: string;
  readonly size?: string; readonly bootloader?: "systemd-boot" | "grub" | "unified"; readonly filesystem?: "ext4" | "btrfs" | "erofs" | "aegisfs"; readonly snapshot?: string; readonly "command-line"?: string; readonly deploy?: boolean; readonly partitions?: Readonly<Record<string, PartitionConfig>>; readonly extension?: ExtensionConfig; readonly when?: string;
}
export interface OstreeConfig { readonly ref?: string; readonly repository?: string; readonly mode?: "archive" | "bare" | "bare-user" | "bare-user-only"; readonly parent?: string; readonly subject?: string; readonly metadata?: Readonly<Record<string, string>>; readonly bootc?: boolean; readonly sign?: string; readonly "sign-ed25519"?: string; readonly os?: string; readonly remote?: string }
export interface ContainerConfig {
  readonly entrypoint?: readonly string[]; readonly command?: readonly string[]; readonly environment?: Readonly<Record<string, string>>; readonly labels?: Readonly<Record<string, string>>;
  readonly user?: string; readonly workdir?: string; readonly ports?: readonly string[];
}
export interface BuildConfig { readonly environment?: Readonly<Record<string, string>>; readonly runner?: "auto" | "stratos" | "native"; readonly network?: boolean; readonly packages?: readonly string[]; readonly mock?: JsonObject }

export type BaseName = "minbase" | "essential" | "important" | "standard" | "none";

/** All layers of one image, merged and checked. */
export interface ImageConfig extends ContentConfig {
  readonly name: string;
  readonly version?: string;
  readonly "source-date-epoch"?: number;
  readonly description?: string;
  readonly suite?: string;
  readonly components?: readonly string[];
  readonly mirror?: string;
  readonly repositories?: Readonly<Record<string, RepositoryConfig>>;
  readonly base?: BaseName;
  readonly recommends?: boolean;
  readonly packages?: readonly string[];
  readonly exclude?: readonly string[];
  readonly hostname?: string;
  readonly timezone?: string;
  readonly locale?: string;
  readonly users?: Readonly<Record<string, UserConfig>>;
  readonly files?: Readonly<Record<string, FileConfig>>;
  readonly "remove-files"?: readonly string[];
  readonly services?: { readonly enable?: readonly string[]; readonly disable?: readonly string[]; readonly mask?: readonly string[] };
  readonly scripts?: readonly string[];
  readonly build?: BuildConfig;
  readonly ostree?: OstreeConfig;
  readonly container?: ContainerConfig;
  readonly outputs?: Readonly<Record<string, OutputConfig>>;
  readonly phases?: Readonly<Partial<Record<PhaseName, PhaseConfig>>>;
  readonly custom?: JsonObject;
}
