/**
 * Keys of an output that say how a disk is divided. A part of the schema (`schema.ts`); what they mean together,
 * `outputs` checks.
 */
import { SIZE, UNWRITTEN } from "./schema-vocabulary.ts";

const MOUNT = { type: "string", pattern: "^/[^\\s,]*$", title: "a path that begins with /, without blanks" } as const;
const FILE_SYSTEMS = ["ext4", "btrfs", "xfs", "erofs", "squashfs", "vfat", "swap", "lvm", "none"] as const;

const ENCRYPTION = {
  type: "object",
  additionalProperties: false,
  description:
    "encrypted by LUKS2 (AES-XTS), opened by a passphrase or a key. /etc/crypttab names it; of the root the " +
    "first root asks at the console. What others take from chance is derived from the secret, so that the same " +
    "secret makes the same bytes: all machines that are made from the image share a volume key until `cryptsetup " +
    "reencrypt` gives one its own. Free space is encrypted as well, so that nobody sees how full it is: the file " +
    "holds all of the partition, which is best small, with `grow`",
  examples: [{ "passphrase-env": "DISK_PASSPHRASE" }, { "key-file": "disk.key", derivation: "pbkdf2" }],
  properties: {
    "passphrase-file": {
      type: "string",
      minLength: 1,
      description: "file beside the treefile whose first line is the passphrase",
      examples: ["disk.passphrase"],
    },
    "passphrase-env": {
      type: "string",
      pattern: "^[A-Za-z_][A-Za-z0-9_]*$",
      title: "a name of letters, digits and '_'",
      description: "variable of the environment that has the passphrase",
      examples: ["DISK_PASSPHRASE"],
    },
    "key-file": {
      type: "string",
      minLength: 1,
      description: "file beside the treefile whose bytes are the key",
      examples: ["disk.key"],
    },
    derivation: { enum: ["argon2id", "pbkdf2"], description: "how a key is made of it (default: argon2id)" },
    random: {
      type: "boolean",
      description: "volume key and salts from chance: the bytes are others each time (default: false)",
    },
    "keep-key": {
      type: "boolean",
      description:
        "the key lies in the image (/etc/cryptsetup-keys.d), and opens it at boot; only where the root is " +
        "encrypted itself (default: false)",
    },
  },
} as const;

const VOLUME = {
  type: "object",
  additionalProperties: false,
  description: "one volume",
  properties: {
    filesystem: {
      enum: ["ext4", "btrfs", "xfs", "erofs", "swap"],
      ...UNWRITTEN,
      description: "what it is formatted with",
    },
    mount: { ...MOUNT, description: "where it is mounted: the image's files below it lie there", examples: ["/var"] },
    size: {
      ...SIZE,
      description: "in whole extents of 4M (default: what its files need, and a fifth more)",
      examples: ["2G"],
    },
    min: { ...SIZE, description: "at least", examples: ["1G"] },
    max: { ...SIZE, description: "at most", examples: ["20G"] },
    "read-only": { type: "boolean", description: "mounted ro (default: false; of erofs true)" },
    options: {
      type: "string",
      pattern: "^[^\\s]*$",
      title: "options of mounting, with ',' between, without blanks",
      description: "of mounting, instead of the usual ones",
      examples: ["noatime,discard"],
    },
    fstab: { type: "boolean", description: "/etc/fstab mounts it (default: true)" },
    compression: {
      enum: ["none", "zstd", "lz4"],
      description: "how its files are packed: zstd of btrfs, lz4 of EROFS (default: none)",
    },
  },
} as const;

const PARTITION = {
  type: "object",
  additionalProperties: false,
  description: "one partition",
  properties: {
    filesystem: { enum: FILE_SYSTEMS, ...UNWRITTEN, description: "what it is formatted with; none leaves it empty" },
    mount: { ...MOUNT, description: "where it is mounted: the image's files below it lie there", examples: ["/var"] },
    type: {
      type: "string",
      minLength: 1,
      description:
        "kind in the table: esp, xbootldr, bios-boot, root, usr, home, srv, var, tmp, swap, linux, luks, lvm, or " +
        "a GUID (default: by its mount and file system, as the Discoverable Partitions Specification has it)",
      examples: ["root"],
    },
    size: {
      ...SIZE,
      description:
        "exactly (default: what its files need, and a fifth more); of an encrypted one the file holds all of it, " +
        "free space too",
      examples: ["4G"],
    },
    min: { ...SIZE, description: "at least", examples: ["1G"] },
    max: { ...SIZE, description: "at most", examples: ["20G"] },
    weight: {
      type: "integer",
      minimum: 0,
      maximum: 1000000,
      description:
        "its share of what a disk with a size has left (default: 1000; of what is never written, and of the EFI " +
        "system partition, 0)",
      examples: [2000],
    },
    label: {
      type: "string",
      minLength: 1,
      maxLength: 36,
      description: "name in the table (default: the key)",
      examples: ["data"],
    },
    uuid: {
      type: "string",
      pattern: "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
      title: "a UUID in small letters",
      description: "of the partition (default: derived from the image's name)",
      examples: ["0f0f0f0f-1234-5678-9abc-0123456789ab"],
    },
    "read-only": {
      type: "boolean",
      description: "never written: mounted ro, and marked so in the table (default: false; of erofs and squashfs true)",
    },
    grow: {
      type: "boolean",
      description:
        "the last partition becomes as large as the disk that it is put on, and its file system with it: the " +
        "image needs the package systemd-repart (default: false)",
    },
    options: {
      type: "string",
      pattern: "^[^\\s]*$",
      title: "options of mounting, with ',' between, without blanks",
      description: "of mounting, instead of the usual ones",
      examples: ["noatime,discard"],
    },
    fstab: {
      type: "boolean",
      description: "/etc/fstab mounts it; without a line there systemd finds it by its type (default: true)",
    },
    mbr: {
      type: "boolean",
      description: "also in the MBR, for firmware that reads no GPT; at most three (default: false)",
    },
    compression: {
      enum: ["none", "zstd", "lz4"],
      description: "how its files are packed: zstd of btrfs, lz4 of EROFS; squashfs is packed always (default: none)",
    },
    encrypt: ENCRYPTION,
    "volume-group": {
      type: "string",
      pattern: "^[A-Za-z0-9_][A-Za-z0-9_.]{0,63}$",
      title: "a name of letters, digits, '_' and '.'",
      description: "of lvm: how its volumes are called together (default: the partition's key)",
      examples: ["vg0"],
    },
    volumes: {
      type: "object",
      propertyNames: { pattern: "^[A-Za-z0-9_][A-Za-z0-9_.]{0,63}$", title: "a name of letters, digits, '_' and '.'" },
      additionalProperties: VOLUME,
      description:
        "of lvm: what it is divided into, by name; room that is left stays free for lvextend(8). The image needs " +
        "the package lvm2",
      examples: [{ root: { filesystem: "ext4", mount: "/", size: "8G" }, swap: { filesystem: "swap", size: "2G" } }],
    },
    verity: {
      type: "boolean",
      description:
        "of the root, on erofs, squashfs, or ext4 with read-only: a partition of hashes follows it, and the " +
        "kernel's command line has the root hash, which vouches for each block (dm-verity). The image needs the " +
        "package cryptsetup-bin (default: false)",
    },
  },
} as const;

export const PARTITIONS = {
  type: "object",
  propertyNames: { pattern: "^[A-Za-z0-9][A-Za-z0-9_.-]{0,35}$", title: "a name of letters, digits, '.', '_' and '-'" },
  description:
    "of a disk, instead of an EFI system partition and a root: by name, in the order that they lie on it. The " +
    "files of the image are divided by `mount`",
  examples: [
    {
      esp: { filesystem: "vfat", mount: "/boot/efi", size: "256M" },
      root: { filesystem: "erofs", mount: "/", verity: true },
      swap: { filesystem: "swap", size: "1G" },
      var: { filesystem: "ext4", mount: "/var", min: "2G", grow: true },
    },
  ],
  additionalProperties: PARTITION,
} as const;

export const EXTENSION = {
  type: "object",
  additionalProperties: false,
  description:
    "only what this image has beyond another of the same treefile, as systemd lays it over a running system: of " +
    "erofs, squashfs, ext4, folder and tar. Its file is called NAME.raw, and extension-release.NAME says which " +
    "system it is for",
  examples: [{ kind: "sysext", over: "base" }],
  properties: {
    kind: {
      enum: ["sysext", "confext"],
      description: "sysext: what is below /usr and /opt; confext: what is below /etc",
    },
    over: {
      type: "string",
      pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
      title: "the name of a variant",
      description: "variant of the image that it is laid over",
      examples: ["base"],
    },
    level: {
      type: "string",
      pattern: "^[A-Za-z0-9._-]+$",
      title: "letters, digits, '.', '_' and '-'",
      description: "SYSEXT_LEVEL or CONFEXT_LEVEL, which then decides instead of the system's version",
      examples: ["1.0"],
    },
    "any-system": { type: "boolean", description: "fits whatever system there is (ID=_any) (default: false)" },
  },
} as const;

export interface ExtensionConfig {
  readonly kind?: "sysext" | "confext";
  readonly over?: string;
  readonly level?: string;
  readonly "any-system"?: boolean;
}

export interface PartitionConfig {
  readonly filesystem?: (typeof FILE_SYSTEMS)[number];
  readonly mount?: string;
  readonly type?: string;
  readonly size?: string;
  readonly min?: string;
  readonly max?: string;
  readonly weight?: number;
  readonly label?: string;
  readonly uuid?: string;
  readonly "read-only"?: boolean;
  readonly grow?: boolean;
  readonly options?: string;
  readonly fstab?: boolean;
  readonly mbr?: boolean;
  readonly compression?: "none" | "zstd" | "lz4";
  readonly verity?: boolean;
  readonly encrypt?: EncryptionConfig;
  readonly "volume-group"?: string;
  readonly volumes?: Readonly<Record<string, VolumeConfig>>;
}

interface VolumeConfig {
  readonly filesystem?: "ext4" | "btrfs" | "xfs" | "erofs" | "swap";
  readonly mount?: string;
  readonly size?: string;
  readonly min?: string;
  readonly max?: string;
  readonly "read-only"?: boolean;
  readonly options?: string;
  readonly fstab?: boolean;
  readonly compression?: "none" | "zstd" | "lz4";
}

export interface EncryptionConfig {
  readonly "passphrase-file"?: string;
  readonly "passphrase-env"?: string;
  readonly "key-file"?: string;
  readonly derivation?: "argon2id" | "pbkdf2";
  readonly random?: boolean;
  readonly "keep-key"?: boolean;
}
