/**
 * Keys of a treefile that say how an image is made: scripts, what they are given, and phases.
 * A part of `schema.ts`.
 */
import type { JsonObject } from "./json.ts";
import { ENVIRONMENT, PACKAGES, SECONDS, SEQUENCE, TEXT, VARIABLE, WORDS } from "./schema-vocabulary.ts";

/** What a compose goes through, in order. */
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

export const BUILD_KEYS = {
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
} as const;

export const PHASE_SETTINGS = {
  type: "object",
  additionalProperties: false,
  description: "how the phases of a compose run",
  properties: Object.fromEntries(PHASES.map((name) => [name, { ...PHASE, description: PHASE_WORK[name] }])),
} as const;

export interface BuildConfig {
  readonly environment?: Readonly<Record<string, string>>;
  readonly runner?: "auto" | "stratos" | "native";
  readonly network?: boolean;
  readonly packages?: readonly string[];
  readonly mock?: JsonObject;
}

export interface PhaseConfig {
  readonly skip?: boolean;
  readonly when?: string;
  readonly timeout?: number;
  readonly after?: readonly string[];
  readonly "on-skip"?: "skip" | "fail";
}
