/**
 * Keys of a treefile that say what lies in an image besides its packages, and what acts while it is made. A part of the
 * schema (`schema.ts`).
 */
import { ID, MODE, REPLACED, SEQUENCE, SET } from "./schema-vocabulary.ts";

const OWNER = { type: "string", pattern: "^[a-z_][a-z0-9_-]{0,31}$", title: "a name of the image's accounts" } as const;
const RULE = {
  type: "object",
  additionalProperties: false,
  required: ["path"],
  description: "what is said of files that match",
  properties: {
    path: {
      type: "string",
      pattern: "^/",
      title: "a path or pattern that begins with /",
      description: "which of the overlay's files, as they are called in the image; `*` stops at /, `**` does not",
    },
    mode: {
      ...MODE,
      title: 'a mode in octal, such as "0640"',
      description: "of files",
    },
    "folder-mode": {
      ...MODE,
      title: 'a mode in octal, such as "0750"',
      description: "of folders",
    },
    uid: { ...ID, description: "owner, by number" },
    gid: { ...ID, description: "group, by number" },
    user: { ...OWNER, description: "owner, by name: an account of the image, such as one of `users`" },
    group: { ...OWNER, description: "group, by name" },
  },
} as const;

const FOLDER = { type: "string", minLength: 1, description: "folder beside the treefile" } as const;
const PATH_PATTERN = {
  type: "string",
  pattern: "^-?/.*$",
  title: "a path or pattern that begins with /, or with -/",
} as const;
const SCRIPTS = (description: string, example: string) =>
  ({
    type: "array",
    ...SEQUENCE,
    description,
    examples: [[example]],
    items: {
      type: "string",
      pattern: "^(?!-[^\\s-]\\S*$)",
      title: "a shell script (none is taken away by '-…': they are a sequence; null takes all of lower layers away)",
    },
  }) as const;
/** Points of a compose at which the host's own programs run, in order. */
export const HOST_POINTS = ["before-build", "after-outputs"] as const;
export type HostPoint = (typeof HOST_POINTS)[number];
const HOST_PROGRAMS = (description: string, example: string) =>
  ({
    type: "array",
    ...SEQUENCE,
    description,
    examples: [[{ command: [example] }]],
    items: {
      type: "object",
      additionalProperties: false,
      required: ["command"],
      description: "one program",
      properties: {
        command: {
          type: "array",
          ...REPLACED,
          minItems: 1,
          items: { type: "string" },
          description:
            "the program and its words, without a shell between; with a / it is found from `directory`, else in PATH",
          examples: [[example, "--verbose"]],
        },
        directory: {
          type: "string",
          minLength: 1,
          description: "folder that it starts in, beside the treefile (default: the treefile's own)",
          examples: ["tools"],
        },
        environment: {
          type: "object",
          propertyNames: { pattern: "^[A-Za-z_][A-Za-z0-9_]*$" },
          additionalProperties: { type: "string" },
          description:
            "further variables. PATH, HOME and LANG are the user's; STRATOS_POINT, STRATOS_NAME, STRATOS_VERSION, " +
            "STRATOS_VARIANT, STRATOS_ARCHITECTURE, STRATOS_TREEFILE, STRATOS_OUTPUT (the compose's folder), " +
            "STRATOS_ARTIFACTS (files in it, a line each) and SOURCE_DATE_EPOCH tell what is made",
          examples: [{ BUCKET: "images" }],
        },
        timeout: {
          type: "number",
          exclusiveMinimum: 0,
          maximum: 86400,
          description: "seconds after which it is killed with all that it has started (default: 600)",
          examples: [60],
        },
      },
    },
  }) as const;
const QUESTION_TYPES = [
  "string",
  "boolean",
  "select",
  "multiselect",
  "password",
  "note",
  "text",
  "error",
  "title",
] as const;

export const CONTENT_KEYS = {
  overlay: {
    type: "array",
    ...SEQUENCE,
    description:
      "folders beside the treefile that are copied over the image, in order, once its packages are configured " +
      "and its accounts there; what `files` says stands above them. " +
      "All belongs to root; files have the mode 0644, or 0755 where their owner may run them, folders that are " +
      "new 0755; times are the image's. Rules change that",
    examples: [
      ["extra"],
      [
        { source: "extra", rules: [{ path: "/etc/app/*.key", mode: "0600", user: "app" }] },
        { source: "site", target: "/srv/www" },
      ],
    ],
    items: {
      type: ["string", "object"],
      minLength: 1,
      additionalProperties: false,
      required: ["source"],
      properties: {
        source: FOLDER,
        target: {
          type: "string",
          pattern: "^/",
          title: "a path that begins with /",
          description: "where in the image it is laid (default: /)",
        },
        rules: {
          type: "array",
          ...SEQUENCE,
          items: RULE,
          description: "owners and modes; of rules that match one file the later ones win",
        },
      },
    },
  },
  "path-excludes": {
    type: "array",
    ...SET,
    items: PATH_PATTERN,
    examples: [["/usr/share/doc/*", "/usr/share/man/*"]],
    description:
      "patterns of paths that packages bring and that are not unpacked, as dpkg's path-exclude has them: `*` " +
      "crosses folders. dpkg still lists them, and is told the same for later upgrades (/etc/dpkg/dpkg.cfg.d)",
  },
  "path-includes": {
    type: "array",
    ...SET,
    items: PATH_PATTERN,
    examples: [["/usr/share/doc/*/copyright"]],
    description:
      "patterns of paths that are unpacked although path-excludes matches them, as dpkg's path-include has them",
  },
  debconf: {
    type: "object",
    propertyNames: {
      pattern: "^[A-Za-z0-9][A-Za-z0-9.+_-]*(/[A-Za-z0-9.+_-]+)+$",
      title: "a question, such as tzdata/Areas",
    },
    description: "answers to questions of debconf, there before the package that asks is configured",
    examples: [{ "wireshark-common/install-setuid": { type: "boolean", value: "true" } }],
    additionalProperties: {
      type: "object",
      additionalProperties: false,
      description: "an answer",
      properties: {
        type: { enum: QUESTION_TYPES, description: "kind of the question, as the package's templates say" },
        value: { type: ["string", "boolean"], description: "the answer; of a multiselect: choices with ', ' between" },
        package: {
          type: "string",
          pattern: "^[a-z0-9][a-z0-9+.-]+$",
          title: "a package's name",
          description: "who asks (default: what stands before the first / of the question)",
          examples: ["tzdata"],
        },
        seen: {
          type: "boolean",
          description: "whether the question counts as shown, so that it is not asked later (default: true)",
        },
      },
    },
  },
  hooks: {
    type: "object",
    additionalProperties: false,
    description:
      "shell scripts at other points than `scripts`; each runs with the image as its root, under the same runner " +
      "and environment",
    examples: [
      {
        prepare: ["groupadd --gid 900 app"],
        "post-install": ["update-alternatives --set editor /usr/bin/vim.basic"],
        finalize: ["rm -f /etc/machine-info"],
      },
    ],
    properties: {
      prepare: SCRIPTS(
        "run once the base is configured, before the treefile's own packages are unpacked",
        "groupadd --gid 900 app",
      ),
      "post-install": SCRIPTS(
        "run after all packages are configured, before names, overlays, files and accounts are laid in",
        "update-alternatives --set editor /usr/bin/vim.basic",
      ),
      finalize: SCRIPTS(
        "run last, after `scripts`, services and remove-files; what is cleaned of every image is cleaned afterwards",
        "rm -f /etc/machine-info",
      ),
    },
  },
  "host-hooks": {
    type: "object",
    additionalProperties: false,
    description:
      "programs of the host that makes the images, run there with the rights of who runs the compose, and only with " +
      "`compose run --allow-host-hooks`; never by `compose rebuild`, nor for a treefile that comes through a pipe",
    examples: [{ "after-outputs": [{ command: ["./upload.sh"] }] }],
    properties: {
      "before-build": HOST_PROGRAMS(
        "run when the packages are known, before the image is built; they may write what `files` and `overlay` name",
        "./make-assets.sh",
      ),
      "after-outputs": HOST_PROGRAMS(
        "run when all outputs of the image are written, with its bill of materials and its provenance",
        "./upload.sh",
      ),
    },
  },
} as const;

type QuestionType = (typeof QUESTION_TYPES)[number];
export interface OverlayRule {
  readonly path: string;
  readonly mode?: string;
  readonly "folder-mode"?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly user?: string;
  readonly group?: string;
}
export interface OverlayFolder {
  readonly source: string;
  readonly target?: string;
  readonly rules?: readonly OverlayRule[];
}
export interface DebconfAnswer {
  readonly type: QuestionType;
  readonly value: string | boolean;
  readonly package?: string;
  readonly seen?: boolean;
}
interface HooksConfig {
  readonly prepare?: readonly string[];
  readonly "post-install"?: readonly string[];
  readonly finalize?: readonly string[];
}

export interface HostHook {
  readonly command: readonly string[];
  readonly directory?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** seconds */
  readonly timeout?: number;
}

export interface ContentConfig {
  readonly "host-hooks"?: Readonly<Partial<Record<HostPoint, readonly HostHook[]>>>;
  readonly overlay?: readonly (string | OverlayFolder)[];
  readonly "path-excludes"?: readonly string[];
  readonly "path-includes"?: readonly string[];
  readonly debconf?: Readonly<Record<string, DebconfAnswer>>;
  readonly hooks?: HooksConfig;
}

/** An overlay written in short is its folder. */
export function overlaysOf({ overlay = [] }: ContentConfig): OverlayFolder[] {
  return overlay.map((one) => (typeof one === "string" ? { source: one } : one));
}
