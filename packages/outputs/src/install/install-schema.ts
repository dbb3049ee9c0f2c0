/** What an installation is told: the file of `stratos install --config`, as JSON Schema and as types. */

export interface PartitionConfig {
  readonly name: string;
  /** by default `esp` for vfat, `swap` for swap, `root-ARCH` where it is mounted on /, else `linux` */
  readonly type?: string;
  /** `512M`, `20G`; `rest` takes what is left, once */
  readonly size: string;
  readonly format: "vfat" | "ext4" | "btrfs" | "xfs" | "erofs" | "aegisfs" | "swap" | "none";
  readonly mount?: string;
  readonly options?: string;
  /** of btrfs, instead of one mount; by default `@` and `@home` where the partition is mounted on / */
  readonly subvolumes?: readonly SubvolumeConfig[];
  /** of btrfs: read-only snapshots of the root as it is installed, which the boot menu offers */
  readonly snapshots?: readonly string[];
}

interface SubvolumeConfig {
  readonly name: string;
  readonly mount: string;
  readonly options?: string;
}

export interface UserConfig {
  readonly name: string;
  readonly uid?: number;
  readonly comment?: string;
  readonly shell?: string;
  readonly groups?: readonly string[];
  /** as crypt(3) makes it; without one only keys let in */
  readonly password_hash?: string;
  readonly ssh_keys?: readonly string[];
}

export interface NetworkConfig {
  /** name or pattern, as systemd-networkd matches it */
  readonly interface: string;
  readonly dhcp?: boolean;
  readonly addresses?: readonly string[];
  readonly gateway?: string;
  readonly dns?: readonly string[];
}

export interface InstallConfig {
  readonly architecture?: "amd64" | "arm64" | "riscv64";
  readonly disk?: {
    readonly target?: string;
    readonly size?: string;
    readonly sector_size?: 512 | 4096;
    readonly loader?: "systemd-boot" | "grub" | "unified";
    readonly kernel_options?: string;
  };
  readonly partition?: readonly PartitionConfig[];
  readonly system?: {
    readonly source?: string;
    readonly hostname?: string;
    readonly locale?: string;
    readonly timezone?: string;
    readonly keymap?: string;
  };
  readonly root?: { readonly password_hash?: string; readonly ssh_keys?: readonly string[] };
  readonly user?: readonly UserConfig[];
  readonly network?: readonly NetworkConfig[];
  /** further files, by path */
  readonly file?: readonly { readonly path: string; readonly content: string; readonly mode?: string }[];
}

const text = { type: "string", minLength: 1 } as const;
const size = { ...text, description: "512M, 20G, or rest, which takes what is left" } as const;
const line = { type: "string", description: "one line", pattern: "^[^\\n\\r]*$" } as const;
const keys = {
  type: "array",
  items: {
    type: "string",
    description: "a public key as ssh-keygen writes it",
    pattern: "^(ssh-|ecdsa-|sk-)[^\\n\\r]+$",
  },
} as const;
const hash = {
  type: "string",
  description: "a password as crypt(5) has it, such as $6$salt$hash",
  pattern: "^(\\$[A-Za-z0-9./$=,+-]+|[!*]*)$",
} as const;
const mount = {
  type: "string",
  description: "an absolute path, without . and ..",
  pattern: "^/((?!\\.\\.?(/|$))[^/\\s]+(/(?!\\.\\.?(/|$))[^/\\s]+)*)?$",
} as const;
const options = { type: "string", description: "options of mount(8), separated by commas", pattern: "^\\S+$" } as const;
const subvolume = {
  type: "string",
  description: "letters, digits and @ _ . -",
  pattern: "^[A-Za-z0-9@_.-]{1,64}$",
} as const;
const object = (properties: object, required: readonly string[] = []): object => ({
  type: "object",
  additionalProperties: false,
  properties,
  required,
});

export const INSTALL_SCHEMA: object = {
  $schema: "http://json-schema.org/draft-07/schema#",
  title: "stratos install",
  ...object({
    architecture: { enum: ["amd64", "arm64", "riscv64"] },
    disk: object({
      target: text,
      size: { ...text, description: "512M, 20G" },
      sector_size: {
        enum: [512, 4096],
        description: "of an image, the logical blocks of the disk that it is for (default: 512); a device has its own",
      },
      loader: { enum: ["systemd-boot", "grub", "unified"] },
      kernel_options: line,
    }),
    partition: {
      type: "array",
      minItems: 1,
      maxItems: 128,
      items: object(
        {
          name: { type: "string", description: "at most 36 characters without /", pattern: "^[^\\n\\r/]{1,36}$" },
          type: text,
          size,
          format: { enum: ["vfat", "ext4", "btrfs", "xfs", "erofs", "aegisfs", "swap", "none"] },
          mount,
          options,
          subvolumes: {
            type: "array",
            minItems: 1,
            maxItems: 64,
            items: object({ name: subvolume, mount, options }, ["name", "mount"]),
          },
          snapshots: { type: "array", maxItems: 16, items: subvolume },
        },
        ["name", "size", "format"],
      ),
    },
    system: object({
      source: text,
      hostname: {
        type: "string",
        description: "lower-case letters, digits and -, with dots between",
        pattern: "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$",
      },
      locale: { type: "string", description: "a locale such as en_GB.UTF-8", pattern: "^[A-Za-z0-9_.@-]+$" },
      timezone: {
        type: "string",
        description: "a zone such as Europe/Berlin",
        pattern: "^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$",
      },
      keymap: { type: "string", description: "a key map such as de or us", pattern: "^[A-Za-z0-9_-]+$" },
    }),
    root: object({ password_hash: hash, ssh_keys: keys }),
    user: {
      type: "array",
      items: object(
        {
          name: {
            type: "string",
            description: "lower-case letters, digits, _ and -",
            pattern: "^[a-z_][a-z0-9_-]{0,31}$",
          },
          uid: { type: "integer", minimum: 1, maximum: 4294967294 },
          comment: { type: "string", pattern: "^[^:\\n\\r]*$" },
          shell: { type: "string", pattern: "^/[^:\\s]*$" },
          groups: { type: "array", items: { type: "string", pattern: "^[a-z_][a-z0-9_-]*$" } },
          password_hash: hash,
          ssh_keys: keys,
        },
        ["name"],
      ),
    },
    network: {
      type: "array",
      items: object(
        {
          interface: { type: "string", pattern: "^[^\\s]+$" },
          dhcp: { type: "boolean" },
          addresses: {
            type: "array",
            items: {
              type: "string",
              description: "an address with its prefix, such as 192.0.2.7/24",
              pattern: "^[0-9a-fA-F.:]+/[0-9]+$",
            },
          },
          gateway: { type: "string", description: "an address", pattern: "^[0-9a-fA-F.:]+$" },
          dns: { type: "array", items: { type: "string", description: "an address", pattern: "^[0-9a-fA-F.:]+$" } },
        },
        ["interface"],
      ),
    },
    file: {
      type: "array",
      items: object(
        {
          path: { type: "string", description: "an absolute path", pattern: "^/([^/]+/)*[^/]+$" },
          content: { type: "string" },
          mode: { type: "string", description: "octal digits, such as 0644", pattern: "^0?[0-7]{3,4}$" },
        },
        ["path", "content"],
      ),
    },
  }),
};
