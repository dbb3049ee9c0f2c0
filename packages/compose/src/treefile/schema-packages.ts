/** Keys of a treefile that say which packages an image has, and where they are found. A part of `schema.ts`. */
import { NAME, PACKAGES, SET, TEXT, WORDS } from "./schema-vocabulary.ts";

const URL = {
  type: "string",
  pattern: "^(https?|file)://\\S+$",
  title: "an address that begins with http://, https:// or file://",
} as const;

export const PACKAGE_KEYS = {
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
} as const;

interface RepositoryConfig {
  readonly uri: string;
  readonly suite: string;
  readonly components?: readonly string[];
  readonly keyring?: string;
  readonly priority?: number;
  readonly builds?: Readonly<Record<string, string>>;
}

export type BaseName = "minbase" | "essential" | "important" | "standard" | "none";

export interface PackageConfig {
  readonly suite?: string;
  readonly components?: readonly string[];
  readonly mirror?: string;
  readonly repositories?: Readonly<Record<string, RepositoryConfig>>;
  readonly base?: BaseName;
  readonly recommends?: boolean;
  readonly sources?: readonly string[];
  readonly packages?: readonly string[];
  readonly exclude?: readonly string[];
}
