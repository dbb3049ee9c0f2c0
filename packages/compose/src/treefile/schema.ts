/**
 * The treefile's JSON Schema (`stratos compose schema`), once: validation, merging, the types of TypeScript below and
 * the published schema are one table. A layer's keys may stand in the file itself, in a variant, and in a section for
 * an architecture. The title beside a pattern is its form in words, for who broke it. Each list says by `x-merge` what
 * a higher layer's does to a lower one's; each key has a description, and an example where its kind does not show one:
 * docs/treefile.md is made of them.
 */
import { DISK_FORMATS, FILE_SYSTEM_FORMATS, REPOSITORY_FORMATS } from "@stratos/outputs/format-names";
import { isObject, type Json, type JsonObject } from "./json.ts";
import { CONTENT_KEYS, type ContentConfig } from "./schema-content.ts";
import { EXTENSION, PARTITIONS, UNWRITTEN, type ExtensionConfig, type PartitionConfig } from "./schema-disk.ts";

/**
 * What a list is when one layer is laid over another (`merge.ts`):
 *
 * - `set`: names, each once. The higher layer's are added; `-PATTERN` takes away those before it that match;
 * - `sequence`: things done or read in order. The higher layer's come after the lower's, and each stays as often as it
 *   is there;
 * - `replaced`: one value in several words, such as a command line. The higher layer's stands in place of the lower's.
 */
export type MergeRule = "set" | "sequence" | "replaced";
const SET = { "x-merge": "set" } as const;
const SEQUENCE = { "x-merge": "sequence" } as const;
const REPLACED = { "x-merge": "replaced" } as const;

const NAME = {
  type: "string",
  pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
  title: "a name of letters, digits, '.', '_' and '-', which begins with a letter or digit",
} as const;
const TEXT = { type: "string" } as const;
const SECONDS = { type: "number", exclusiveMinimum: 0, maximum: 604800 } as const;
const VARIABLE = { pattern: "^[A-Za-z_][A-Za-z0-9_]*$", title: "a name of letters, digits and '_'" } as const;
const ENVIRONMENT = { type: "object", propertyNames: VARIABLE, additionalProperties: TEXT } as const;
const LABELS = { type: "object", additionalProperties: TEXT } as const;
/** Names; `-NAME` takes one of a lower layer away. */
const WORDS = {
  type: "array",
  ...SET,
  items: { type: "string", pattern: "^\\S+$", title: "a word without blanks" },
} as const;
const PACKAGES = {
  type: "array",
  ...SET,
  items: {
    type: "string",
    pattern:
      "^-?[a-z0-9*?\\[{][a-z0-9+.*?\\[\\]{},!-]*(:[a-z0-9]+)?(=[A-Za-z0-9.+~:-]+|\\^)?$|^-?[^\\s-][^\\n]*/[^/\\n]" +
      "+\\.deb$",
    title:
      "a package: NAME in small letters, NAME=VERSION, a pattern, TASK^, a file such as ./NAME.deb, or one of " +
      "these after '-'",
  },
} as const;
const ID = { type: "integer", minimum: 0, maximum: 4294967294 } as const;
const MODE = { type: "string", pattern: "^0?[0-7]{3,4}$", title: 'a mode in octal, such as "0644"' } as const;
const URL = {
  type: "string",
  pattern: "^(https?|file)://\\S+$",
  title: "an address that begins with http://, https:// or file://",
} as const;
const PATH = { type: "string", pattern: "^/[^:\\n]*$", title: "a path that begins with / and has no ':'" } as const;
const FIELD = { type: "string", pattern: "^[^:\\n]*$", title: "one line without ':'" } as const;

export const PHASES = ["init", "gather", "build", "ostree", "output", "cleanup"] as const;
export type PhaseName = (typeof PHASES)[number];
const PHASE_WORK: Readonly<Record<PhaseName, string>> = {
  init: "checks the lock file",
  gather: "chooses and fetches the packages of an image",
  build: "makes its root",
  ostree: "writes its commits",
  output: "writes its other outputs",
  cleanup: "writes bills of materials and provenance",
};

const PHASE = {
  type: "object",
  additionalProperties: false,
  properties: {
    skip: { type: "boolean", description: "leave the phase out" },
    when: {
      ...TEXT,
      description: "a condition; the phase is left out where it is false",
      examples: ['variant == "server" && architecture != "riscv64"'],
    },
    timeout: { ...SECONDS, description: "seconds after which the phase has failed", examples: [900] },
    after: {
      ...WORDS,
      description: "phases that must be over before it begins: PHASE, or VARIANT/PHASE of another variant",
      examples: [["server/build"]],
    },
    "on-skip": {
      enum: ["skip", "fail"],
      description: "what becomes of phases that need it when it is left out (default: skip)",
    },
  },
} as const;

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
      description: "name of the file, with ${name}, ${version}, ${variant}, ${architecture}",
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
      type: "string",
      pattern: "^[0-9]+[KMGT]?$",
      title: "a size, such as 4G or 512M",
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
      description: "of a disk: it holds the image's commit as OSTree deploys it, and takes updates from a repository",
    },
    when: {
      ...TEXT,
      description: "a condition; nothing is written where it is false",
      examples: ['architecture == "amd64"'],
    },
  },
} as const;

/** Keys of each layer; the schema says each once. */
const LAYER_KEYS = {
  description: { ...TEXT, description: "what the image is, for people", examples: ["a small web server"] },
  suite: {
    ...TEXT,
    pattern: "^[A-Za-z0-9][A-Za-z0-9./_-]*$",
    title: "a suite, such as trixie",
    description: "Debian suite (default: trixie)",
    examples: ["bookworm"],
  },
  components: { ...WORDS, description: "of the suite (default: main)", examples: [["main", "non-free-firmware"]] },
  mirror: { ...URL, description: "Debian mirror (default: the host's)", examples: ["https://mirror.example/debian"] },
  repositories: {
    type: "object",
    propertyNames: NAME,
    description: "archives besides the mirror's suite, by a name of your own",
    additionalProperties: {
      type: "object",
      additionalProperties: false,
      properties: {
        uri: {
          ...URL,
          description: "where its dists/ and pool/ are found",
          examples: ["https://packages.example.org/debian"],
        },
        suite: { ...TEXT, description: "suite or codename there", examples: ["trixie"] },
        components: { ...WORDS, description: "of that suite (default: main)", examples: [["main", "contrib"]] },
        keyring: {
          ...TEXT,
          description: "file with the keys that sign it, beside the treefile",
          examples: ["keys/example.gpg"],
        },
        priority: {
          type: "integer",
          minimum: -32768,
          maximum: 32767,
          description:
            "of its packages, as apt's pins have it: of two the higher is taken, then the later version (default: 500)",
          examples: [990],
        },
        builds: {
          type: "object",
          additionalProperties: TEXT,
          description: "what a hub has built of `sources`, with digests: `compose run --hub` notes it, not you",
          examples: [{ "mine_1.0_all": "sha256:…" }],
        },
      },
    },
  },
  sources: {
    type: "array",
    ...SET,
    items: {
      type: "string",
      pattern: "^-?[a-z0-9][a-z0-9+.-]+(=[A-Za-z0-9.+~:-]+)?$|^-?[^\\s-][^\\n]*\\.dsc$",
      title: "a source package: NAME, NAME=VERSION, a file such as ./NAME_VERSION.dsc, or one of these after '-'",
    },
    description:
      "source packages that a hub builds before the image is made (`compose run --hub`); `packages` names which of " +
      "what comes of them are in the image",
    examples: [["hello=2.10-5", "./mine_1.0.dsc"]],
  },
  base: {
    enum: ["minbase", "essential", "important", "standard", "none"],
    description:
      "what every image has: essential packages (essential), with the required ones and apt (minbase, the " +
      "default), with those of priority important, with those of priority standard too; or nothing",
  },
  recommends: { type: "boolean", description: "also take recommended packages (default: false)" },
  packages: {
    ...PACKAGES,
    description:
      "names, NAME=VERSION, patterns over all names of the archive, TASK^ for all packages of a task, or paths " +
      "of .deb files beside the treefile (with a /: ./NAME.deb)",
    examples: [["nginx", "python3.13*", "-nano"]],
  },
  exclude: {
    ...PACKAGES,
    description: "patterns; what matches is never taken, and a package that needs it is an error",
    examples: [["exim4*"]],
  },
  hostname: {
    type: "string",
    pattern: "^[A-Za-z0-9$]([A-Za-z0-9.${}-]{0,62}[A-Za-z0-9}])?$",
    title: "a host's name of letters, digits, '.' and '-'",
    description: "name of the machine, with the variables of file names (default: localhost)",
    examples: ["web-${variant}"],
  },
  timezone: {
    type: "string",
    pattern: "^[A-Za-z0-9+_-]+(/[A-Za-z0-9+_-]+)*$",
    title: "a time zone, such as Europe/Berlin",
    description: "time zone of the machine, of the package tzdata (default: UTC)",
    examples: ["Europe/Berlin"],
  },
  locale: {
    type: "string",
    pattern: "^[A-Za-z_]+(\\.[A-Za-z0-9-]+)?(@[a-z]+)?$",
    title: "a locale, such as de_DE.UTF-8",
    description: "language of the system; C.UTF-8 is always there, others take the package locales-all",
    examples: ["C.UTF-8"],
  },
  users: {
    type: "object",
    description: "accounts to make, or to change where a package has made them, by name",
    propertyNames: { pattern: "^[a-z_][a-z0-9_-]{0,31}$", title: "a user's name in small letters" },
    additionalProperties: {
      type: "object",
      additionalProperties: false,
      properties: {
        uid: { ...ID, description: "number of the account (default: the next free one)", examples: [1500] },
        gid: {
          ...ID,
          description: "number of its group, which must be there (default: a group of the account's name and number)",
          examples: [100],
        },
        groups: {
          ...WORDS,
          description: "further groups, which must be there when all packages are configured",
          examples: [["sudo", "adm"]],
        },
        home: {
          ...PATH,
          description: "home folder, made from /etc/skel (default: /home/NAME)",
          examples: ["/srv/ada"],
        },
        shell: { ...PATH, description: "program that a login starts (default: /bin/sh)", examples: ["/bin/bash"] },
        comment: { ...FIELD, description: "name of the person", examples: ["Ada Lovelace"] },
        system: {
          type: "boolean",
          description: "of a service: a number below 1000, no home, no login (default: false)",
        },
        password: {
          type: "string",
          pattern: "^([!*]*|!?\\$[0-9a-z]+\\$[^:\\n]+|!?[./0-9A-Za-z]{13}|!?_[./0-9A-Za-z]{19})$",
          title: "a hash as crypt(5) has it, such as `mkpasswd` or `openssl passwd -6` prints, not the password itself",
          description: "as crypt(5) has it, such as `mkpasswd` prints (default: locked)",
          examples: ["$6$salt$hash"],
        },
        "ssh-keys": {
          type: "array",
          ...SET,
          items: {
            type: "string",
            pattern:
              "^([^\\n]*[ " +
              "\\t])?(ssh-(rsa|dss|ed25519)|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)" +
              "@openssh\\.com|ssh-(rsa|ed25519)-cert-v01@openssh\\.com) +AAAA[0-9A-Za-z+/]{8,}={0,3}([ \\t][^\\n]*)?$",
            title: 'a public key as its .pub file has it, such as "ssh-ed25519 AAAA… NAME"',
          },
          description: "who may log in by SSH: lines of ~/.ssh/authorized_keys",
          examples: [["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample ada"]],
        },
      },
    },
  },
  files: {
    type: "object",
    description:
      "files, links and folders to lay over the packages' own, by path; each says exactly one of content, " +
      "source, link and folder",
    propertyNames: {
      pattern: "^/[^\\u0000]*[^/\\u0000]$",
      title: "a path that begins with / and does not end with it",
    },
    additionalProperties: {
      type: "object",
      additionalProperties: false,
      properties: {
        content: { ...TEXT, description: "what the file holds", examples: ["hello\n"] },
        source: { ...TEXT, description: "file beside the treefile that it is a copy of", examples: ["files/motd"] },
        link: { ...TEXT, minLength: 1, description: "makes a symbolic link that leads there", examples: ["/srv/data"] },
        folder: { const: true, description: "makes a folder, or gives one that is there its mode and owner" },
        mode: {
          ...MODE,
          description: 'permissions, in octal and quotes (default: "0644", of a folder "0755")',
          examples: ["0755"],
        },
        uid: { ...ID, description: "number of its owner (default: 0, root)", examples: [33] },
        gid: { ...ID, description: "number of its group (default: 0, root)", examples: [33] },
      },
    },
  },
  "remove-files": {
    type: "array",
    ...SET,
    items: { type: "string", pattern: "^-?/.*$", title: "a path or pattern that begins with /, or with -/" },
    description: "patterns of paths to remove when all else is done; ** crosses folders",
    examples: [["/usr/share/doc/**"]],
  },
  services: {
    type: "object",
    additionalProperties: false,
    description: "units of systemd; `.service` may be left out",
    properties: {
      enable: {
        ...WORDS,
        description: "to start with the machine; which units there are is known when the packages are unpacked",
        examples: [["nginx", "fstrim.timer"]],
      },
      disable: {
        ...WORDS,
        description: "not to start, though their package wants it",
        examples: [["apt-daily.timer"]],
      },
      mask: { ...WORDS, description: "never to start, whoever asks", examples: [["ctrl-alt-del.target"]] },
    },
  },
  scripts: {
    type: "array",
    ...SEQUENCE,
    description:
      "shell scripts, run in the image after all packages are configured, in order: those of lower layers first",
    examples: [["update-ca-certificates"]],
    items: {
      type: "string",
      pattern: "^(?!-[^\\s-]\\S*$)",
      title:
        "a shell script (none is taken away by '-…' : they are a sequence; `scripts: null` takes all of lower " +
        "layers away)",
    },
  },
  build: {
    type: "object",
    additionalProperties: false,
    description: "how the image is made; nothing of it is in the image",
    properties: {
      environment: { ...ENVIRONMENT, description: "variables for all scripts", examples: [{ LANG: "C.UTF-8" }] },
      runner: {
        enum: ["auto", "stratos", "native"],
        description:
          "where scripts run: natively in namespaces, or within Stratos (default: auto, natively where the " +
          "host's processor can)",
      },
      network: {
        type: "boolean",
        description:
          "let scripts use the host's network: then the image is no function of its packages (default: false)",
      },
      packages: {
        ...PACKAGES,
        description: "there while `scripts` run, and not in the image",
        examples: [["build-essential"]],
      },
      mock: {
        type: "object",
        propertyNames: VARIABLE,
        description:
          "further options of the configuration for mock(1) that `stratos compose export --format mock` writes",
        examples: [{ dist: "trixie" }],
      },
    },
  },
  ostree: {
    type: "object",
    additionalProperties: false,
    description: "commits of the image, and its layout for bootc",
    properties: {
      ref: {
        type: "string",
        pattern: "^[A-Za-z0-9._${}/-]+$",
        title: "a ref of letters, digits, '.', '_', '-' and '/'",
        description:
          "name of the commit, with the variables of file names (default: ${name}/${architecture}/${variant})",
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
  },
  ...CONTENT_KEYS,
  container: {
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
    },
  },
  outputs: {
    type: "object",
    description: "what is made of the image, by a name of your own",
    propertyNames: NAME,
    additionalProperties: OUTPUT,
  },
  phases: {
    type: "object",
    additionalProperties: false,
    description: "how the phases of a compose run",
    properties: Object.fromEntries(PHASES.map((name) => [name, { ...PHASE, description: PHASE_WORK[name] }])),
  },
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

interface RepositoryConfig {
  readonly uri: string;
  readonly suite: string;
  readonly components?: readonly string[];
  readonly keyring?: string;
  readonly priority?: number;
  readonly builds?: Readonly<Record<string, string>>;
}
export interface UserConfig {
  readonly uid?: number;
  readonly gid?: number;
  readonly groups?: readonly string[];
  readonly home?: string;
  readonly shell?: string;
  readonly comment?: string;
  readonly system?: boolean;
  readonly password?: string;
  readonly "ssh-keys"?: readonly string[];
}
interface FileConfig {
  readonly content?: string;
  readonly source?: string;
  readonly link?: string;
  readonly folder?: true;
  readonly mode?: string;
  readonly uid?: number;
  readonly gid?: number;
}
export interface PhaseConfig {
  readonly skip?: boolean;
  readonly when?: string;
  readonly timeout?: number;
  readonly after?: readonly string[];
  readonly "on-skip"?: "skip" | "fail";
}
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
}
interface BuildConfig {
  readonly environment?: Readonly<Record<string, string>>;
  readonly runner?: "auto" | "stratos" | "native";
  readonly network?: boolean;
  readonly packages?: readonly string[];
  readonly mock?: JsonObject;
}

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
  readonly sources?: readonly string[];
  readonly packages?: readonly string[];
  readonly exclude?: readonly string[];
  readonly hostname?: string;
  readonly timezone?: string;
  readonly locale?: string;
  readonly users?: Readonly<Record<string, UserConfig>>;
  readonly files?: Readonly<Record<string, FileConfig>>;
  readonly "remove-files"?: readonly string[];
  readonly services?: {
    readonly enable?: readonly string[];
    readonly disable?: readonly string[];
    readonly mask?: readonly string[];
  };
  readonly scripts?: readonly string[];
  readonly build?: BuildConfig;
  readonly ostree?: OstreeConfig;
  readonly container?: ContainerConfig;
  readonly outputs?: Readonly<Record<string, OutputConfig>>;
  readonly phases?: Readonly<Partial<Record<PhaseName, PhaseConfig>>>;
  readonly custom?: JsonObject;
}
