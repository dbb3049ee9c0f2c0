/**
 * The configuration file of `stratos fs serve --config FILE`: which volumes are served and how they are kept, in YAML
 * or JSON. Checked against a JSON Schema, which `stratos fs config schema` prints; what is left out gets its default
 * there.
 */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { parseDocument } from "yaml";
import { textOfFile } from "@stratos/host-node/files";
import { hostReason } from "@stratos/host-node/home";
import { OperationError } from "@stratos/operation";

const PERIODS = ["hourly", "daily", "weekly", "monthly"] as const;
type Period = (typeof PERIODS)[number];

export const PERIOD_SECONDS: Readonly<Record<Period, number>> = {
  hourly: 3600,
  daily: 86_400,
  weekly: 7 * 86_400,
  monthly: 30 * 86_400,
};

interface VolumeConfig {
  readonly serve: {
    readonly host: string;
    readonly port: number;
    readonly socket?: string;
    readonly tokenFile?: string;
    readonly readOnly: boolean;
  };
  readonly volumes: readonly ConfiguredVolume[];
}

export interface ConfiguredVolume {
  readonly name: string;
  /** Absolute once it is read. */
  readonly path: string;
  readonly snapshots?: Readonly<Record<Period, number>>;
  readonly scrub?: { readonly every: Period };
  readonly backups: readonly { readonly to: string; readonly every: Period; readonly keep: number }[];
}

const count = (text: string): object => ({
  type: "integer",
  minimum: 0,
  maximum: 10_000,
  default: 0,
  description: text,
});

export const VOLUME_CONFIG_SCHEMA = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "Stratos volumes",
  type: "object",
  additionalProperties: false,
  required: ["volumes"],
  properties: {
    serve: {
      type: "object",
      additionalProperties: false,
      default: {},
      description: "where the REST service listens",
      properties: {
        host: { type: "string", default: "127.0.0.1" },
        port: { type: "integer", minimum: 0, maximum: 65535, default: 7460 },
        socket: {
          type: "string",
          minLength: 1,
          description: "Unix socket instead of host and port; relative to this file",
        },
        tokenFile: {
          type: "string",
          minLength: 1,
          description:
            "file with the bearer token, made when it is not there; relative to this file (default: " +
            "fs-serve.token in $STRATOS_HOME)",
        },
        readOnly: { type: "boolean", default: false },
      },
    },
    volumes: {
      type: "array",
      minItems: 1,
      items: {
        type: "object",
        additionalProperties: false,
        required: ["name", "path"],
        properties: {
          name: { type: "string", pattern: "^[A-Za-z0-9][A-Za-z0-9_.-]*$", description: "its name in the service" },
          path: {
            type: "string",
            minLength: 1,
            description: "file or device, relative to this file; UUID=… or LABEL=…",
          },
          snapshots: {
            type: "object",
            additionalProperties: false,
            description: "how many automatic snapshots are kept",
            properties: {
              hourly: count("hours of which one is kept"),
              daily: count("days of which one is kept"),
              weekly: count("weeks of which one is kept"),
              monthly: count("months of which one is kept"),
            },
          },
          scrub: {
            type: "object",
            additionalProperties: false,
            properties: { every: { enum: PERIODS, default: "monthly" } },
          },
          backups: {
            type: "array",
            default: [],
            items: {
              type: "object",
              additionalProperties: false,
              required: ["to"],
              properties: {
                to: { type: "string", minLength: 1, description: "a store, as `stratos fs backup` takes it" },
                every: { enum: PERIODS, default: "daily" },
                keep: { type: "integer", minimum: 1, maximum: 10_000, default: 14 },
              },
            },
          },
        },
      },
    },
  },
} as const;

/** @throws OperationError that names what is wrong, and where */
export function readVolumeConfig(path: string): VolumeConfig {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new OperationError("volume", path, hostReason(error), { cause: error });
  }
  // JSON is YAML (YAML 1.2 §1.3).
  const document = parseDocument(textOfFile(bytes, path, "volume"), { uniqueKeys: true });
  const [problem] = document.errors;
  if (problem !== undefined)
    throw new OperationError("volume", path, problem.message.split("\n")[0]!.replace(/:$/, ""));
  const config: unknown = document.toJS({ maxAliasCount: 100 });
  const ajv = new Ajv2020({ useDefaults: true, allErrors: false, strict: true });
  const check = ajv.compile(VOLUME_CONFIG_SCHEMA);
  if (!check(config)) {
    const [first] = check.errors!;
    const place = first!.instancePath.slice(1).replaceAll("/", ".");
    const extra =
      first!.keyword === "additionalProperties"
        ? ` ('${String(first!.params["additionalProperty"])}')`
        : first!.keyword === "enum"
          ? ` (${PERIODS.join(", ")})`
          : "";
    throw new OperationError(
      "volume",
      path,
      `${place === "" ? "the file" : place} ${first!.message ?? "is not as it should be"}${extra}`,
    );
  }
  const checked = config as VolumeConfig;
  const names = checked.volumes.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new OperationError("volume", path, `two volumes are called ${twice}`);
  const folder = dirname(resolve(path));
  return {
    serve: {
      ...checked.serve,
      ...(checked.serve.socket === undefined ? {} : { socket: resolve(folder, checked.serve.socket) }),
      ...(checked.serve.tokenFile === undefined ? {} : { tokenFile: resolve(folder, checked.serve.tokenFile) }),
    },
    volumes: checked.volumes.map((volume) => ({
      ...volume,
      path: /^(UUID|LABEL)=/i.test(volume.path)
        ? volume.path
        : volume.path
            .split(",")
            .map((part) => resolve(folder, part))
            .join(","),
    })),
  };
}
