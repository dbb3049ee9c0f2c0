/** Keys of a treefile that say what is made of an image: outputs, commits and containers. A part of `schema.ts`. */
import { DISK_FORMATS, FILE_SYSTEM_FORMATS, REPOSITORY_FORMATS } from "@stratos/outputs/format-names";
import { EXTENSION, PARTITIONS, type ExtensionConfig, type PartitionConfig } from "./schema-disk.ts";
import { ENVIRONMENT, NAME, REPLACED, SECONDS, SET, SIZE, TEXT, UNWRITTEN } from "./schema-vocabulary.ts";

export const OUTPUT_FORMATS = [
  "tar",
  "folder",
  "stratos",
  ...REPOSITORY_FORMATS,
  ...DISK_FORMATS,
  "iso",
  "squashfs",
  "cpio",
  "initramfs",
  ...FILE_SYSTEM_FORMATS,
] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** One output. */
const OUTPUT = {
  type: "object",
  additionalProperties: false,
  properties: {
    format: { enum: OUTPUT_FORMATS, description: "what is made of the image's root" },
    filename: {
      type: "string",
      pattern: "^[^/\\u0000]+$",
      title: "a name without '/'",
      not: { enum: [".", ".."] },
      description: "name of the file, with ${name}, ${version}, ${variant}, ${architecture}, ${suite}",
      examples: ["web-${version}.qcow2"],
    },
    destination: {
      type: "string",
      pattern: "^(?!\\.\\.?(/|$))[^/\\u0000]+(/(?!\\.\\.?(/|$))[^/\\u0000]+)*$",
      title: "a path below the compose's folder, without '.' and '..'",
      description: "folder below the compose's, with the same variables (default: the compose's own)",
      examples: ["disks/${variant}"],
    },
    checksum: {
      enum: ["sha256", "sha512"],
      description: "SHA256SUMS names each file; with sha512 SHA512SUMS names this one too",
    },
    compression: {
      enum: ["none", "gzip", "zstd", "lz4"],
      description: "how the output, or the root of a disk, is packed; lz4 is EROFS's",
      examples: ["zstd"],
    },
    level: { type: "integer", minimum: 1, maximum: 22, description: "of the compression", examples: [19] },
    image: { ...NAME, description: "name of the Stratos image (default: the compose's)", examples: ["web"] },
    size: {
      ...SIZE,
      description: "of a disk or a file system (default: what is needed, and a fifth more)",
      examples: ["4G"],
    },
    bootloader: {
      enum: ["systemd-boot", "grub", "unified"],
      description: "of a disk or an ISO (default: what the image has)",
    },
    filesystem: {
      enum: ["ext4", "btrfs", "xfs", "erofs", "aegisfs"],
      ...UNWRITTEN,
      description: "of a disk's root (default: ext4)",
    },
    partitions: PARTITIONS,
    extension: EXTENSION,
    snapshot: {
      type: "string",
      pattern: "^[A-Za-z0-9_.-]{1,64}$",
      title: "a name of letters, digits, '.', '_' and '-'",
      description: "with btrfs: a read-only snapshot of the root, which the boot menu offers",
      examples: ["fresh"],
    },
    "command-line": {
      type: "string",
      description: "further words for the kernel of a disk or an ISO",
      examples: ["console=ttyS0 quiet"],
    },
    deploy: {
      type: "boolean",
      description:
        "of a disk: it holds the image's commit as OSTree deploys it. A later deployment with another kernel is " +
        "started once that is copied to the EFI system partition, as images/edge.yaml does: until then the machine " +
        "starts the newest system of the kernel that it has there",
    },
    when: {
      ...TEXT,
      description: "a condition; nothing is written where it is false",
      examples: ['architecture == "amd64"'],
    },
  },
} as const;

export const OUTPUTS = {
  type: "object",
  description: "what is made of the image, by a name of your own",
  propertyNames: NAME,
  additionalProperties: OUTPUT,
} as const;

const LABELS = { type: "object", additionalProperties: TEXT } as const;

export const OSTREE = {
  type: "object",
  additionalProperties: false,
  description: "commits of the image, and its layout for bootc",
  properties: {
    ref: {
      type: "string",
      pattern: "^[A-Za-z0-9._${}/-]+$",
      title: "a ref of letters, digits, '.', '_', '-' and '/'",
      description: "name of the commit, with the variables of file names (default: ${name}/${architecture}/${variant})",
      examples: ["edge/${architecture}"],
    },
    repository: {
      ...TEXT,
      description: "folder of the repository (default: the compose's own)",
      examples: ["/srv/ostree"],
    },
    mode: {
      enum: ["archive", "bare", "bare-user", "bare-user-only"],
      description: "of the repository, when it is new (default: archive, which serves over HTTP)",
    },
    parent: {
      type: "string",
      pattern: "^[0-9a-f]{64}$",
      title: "a commit, 64 digits of hex",
      description: "commit that this one follows (default: none, so that an image is its own)",
      examples: ["0".repeat(64)],
    },
    subject: {
      ...TEXT,
      description: "of the commit (default: name, version and variant)",
      examples: ["${name} ${version}"],
    },
    metadata: { ...LABELS, description: "further fields of the commit", examples: [{ team: "core" }] },
    bootc: {
      type: "boolean",
      description:
        "lay the root out as OSTree and bootc deploy it, images for containers, too; false: commits hold the " +
        "root as it is, and none deploys them (default: commits of a root with a kernel are laid out)",
    },
    sign: {
      ...TEXT,
      description: "sign commits and the summary by OpenPGP: name of a key of `stratos pkg key`, or file",
      examples: ["releases"],
    },
    "sign-ed25519": {
      ...TEXT,
      description: "sign them by Ed25519: file with the key",
      examples: ["keys/commits.pem"],
    },
    os: { ...NAME, description: "whose deployments share one /var (default: debian)", examples: ["edge"] },
    remote: {
      ...NAME,
      description:
        "where a deployed system's updates come from: the name of a file in /etc/ostree/remotes.d (default: origin)",
      examples: ["updates"],
    },
  },
} as const;

export const CONTAINER = {
  type: "object",
  additionalProperties: false,
  description: "what runs of an image for containers (`oci`, `oci-archive`)",
  properties: {
    entrypoint: {
      type: "array",
      ...REPLACED,
      items: TEXT,
      description: "program and first words, which stay when others are given",
      examples: [["/usr/sbin/nginx", "-g", "daemon off;"]],
    },
    command: {
      type: "array",
      ...REPLACED,
      items: TEXT,
      description: "words behind the entrypoint, or the program, which others may be given for",
      examples: [["/bin/sh", "-c", "exec sleep infinity"]],
    },
    environment: { ...ENVIRONMENT, description: "variables", examples: [{ LANG: "C.UTF-8" }] },
    labels: {
      ...LABELS,
      description: "labels of the image",
      examples: [{ "org.opencontainers.image.vendor": "Example" }],
    },
    user: {
      ...TEXT,
      description: "who runs it: USER, USER:GROUP or numbers (default: root)",
      examples: ["www-data"],
    },
    workdir: {
      type: "string",
      pattern: "^/",
      title: "a path that begins with /",
      description: "folder in which it runs (default: /)",
      examples: ["/srv"],
    },
    ports: {
      type: "array",
      ...SET,
      items: { type: "string", pattern: "^[0-9]+/(tcp|udp|sctp)$", title: "a port, such as 80/tcp" },
      description: "ports that it listens on",
      examples: [["80/tcp"]],
    },
    volumes: {
      type: "array",
      ...SET,
      items: { type: "string", pattern: "^/.", title: "a path that begins with /" },
      description: "folders whose content outlives a container",
      examples: [["/var/lib/app"]],
    },
    "stop-signal": {
      type: "string",
      pattern: "^(SIG[A-Z][A-Z0-9]*([+-][0-9]+)?|[0-9]+)$",
      title: "a signal, such as SIGQUIT",
      description: "what asks it to end (default: SIGTERM)",
      examples: ["SIGQUIT"],
    },
    healthcheck: {
      type: "object",
      additionalProperties: false,
      description:
        "how it is asked whether it works. OCI has no words for that: it is written as in Docker's images, which " +
        "Docker and podman read",
      properties: {
        command: {
          type: "array",
          ...REPLACED,
          minItems: 1,
          items: TEXT,
          description:
            "program and words, run within it: status 0 says that it works. A shell's line is [sh, -c, LINE]",
          examples: [["/usr/bin/curl", "-fsS", "http://localhost/"]],
        },
        interval: { ...SECONDS, description: "seconds from one to the next (default: 30)", examples: [60] },
        timeout: { ...SECONDS, description: "seconds after which one has failed (default: 30)", examples: [5] },
        "start-period": {
          ...SECONDS,
          description: "seconds at the start in which failures don't count (default: 0)",
          examples: [20],
        },
        retries: {
          type: "integer",
          minimum: 1,
          description: "so many failures in a row, and it works no longer (default: 3)",
          examples: [5],
        },
      },
    },
  },
} as const;

export interface OutputConfig {
  readonly format: OutputFormat;
  readonly filename?: string;
  readonly destination?: string;
  readonly checksum?: "sha256" | "sha512";
  readonly compression?: "none" | "gzip" | "zstd" | "lz4";
  readonly level?: number;
  readonly image?: string;
  readonly size?: string;
  readonly bootloader?: "systemd-boot" | "grub" | "unified";
  readonly filesystem?: "ext4" | "btrfs" | "xfs" | "erofs" | "aegisfs";
  readonly snapshot?: string;
  readonly "command-line"?: string;
  readonly deploy?: boolean;
  readonly partitions?: Readonly<Record<string, PartitionConfig>>;
  readonly extension?: ExtensionConfig;
  readonly when?: string;
}

export interface OstreeConfig {
  readonly ref?: string;
  readonly repository?: string;
  readonly mode?: "archive" | "bare" | "bare-user" | "bare-user-only";
  readonly parent?: string;
  readonly subject?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly bootc?: boolean;
  readonly sign?: string;
  readonly "sign-ed25519"?: string;
  readonly os?: string;
  readonly remote?: string;
}

export interface ContainerConfig {
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly workdir?: string;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly "stop-signal"?: string;
  readonly healthcheck?: HealthcheckConfig;
}

/** Times in seconds. */
export interface HealthcheckConfig {
  readonly command?: readonly string[];
  readonly interval?: number;
  readonly timeout?: number;
  readonly "start-period"?: number;
  readonly retries?: number;
}
