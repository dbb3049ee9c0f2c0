/**
 * Settings of the builder, from several places of which the later count: built in, the system's file, the user's, the
 * project's, the command line. Of each value it is known where it is from. Maps are merged key by key; of lists `hooks`
 * and `repositories` go on, others are replaced.
 */
import { bytesOfSize } from "@stratos/base/bytes-of-size";
import type { Json, JsonObject } from "@stratos/compose";

export class ConfigError extends Error {
  override name = "ConfigError";
}

export interface ConfigLayer {
  /** a file's path, `built-in` or `command line` */
  readonly origin: string;
  readonly values: JsonObject;
}

export interface Setting {
  readonly key: string;
  readonly value: Json;
  readonly origin: string;
}

type Kind = "word" | "words" | "count" | "size" | "flag" | "url" | "hooks" | "repositories" | "variables" | "paths";

/** Every key, and what its values are. */
export const CONFIG_KEYS: Readonly<Record<string, { readonly kind: Kind; readonly about: string }>> = {
  suite: { kind: "word", about: "Debian suite to build for" },
  arch: { kind: "word", about: "architecture of the root, and to build for" },
  host: { kind: "word", about: "architecture to build for by a cross compiler, where it is not arch" },
  in: { kind: "word", about: "where builds run" },
  mirror: { kind: "url", about: "Debian mirror" },
  components: { kind: "words", about: "of the suite" },
  resolver: { kind: "word", about: "who decides build dependencies: stratos or apt" },
  keyrings: { kind: "paths", about: "files of OpenPGP keys that are trusted, too" },
  repositories: { kind: "repositories", about: "repositories whose packages may be used, too" },
  profiles: { kind: "words", about: "build profiles" },
  parts: { kind: "word", about: "any, all or both" },
  jobs: { kind: "count", about: "jobs that a build may run at once" },
  environment: { kind: "variables", about: "further variables of the build" },
  ccache: { kind: "flag", about: "keep compilations" },
  autopkgtest: { kind: "flag", about: "run the source's own tests of what was made" },
  lintian: { kind: "flag", about: "run lintian over what was made" },
  hooks: { kind: "hooks", about: "programs that are called before and after stages" },
  plugins: { kind: "paths", about: "modules that are asked before and after stages" },
  "limits.timeout": { kind: "count", about: "longest build, in seconds" },
  "limits.silence": { kind: "count", about: "longest time without output, in seconds" },
  "limits.memory": { kind: "size", about: "memory of a build" },
  "limits.processes": { kind: "count", about: "processes of a build" },
  "limits.space": { kind: "size", about: "disk space of a build" },
  "limits.log": { kind: "size", about: "longest log" },
};

/** Lists that go on where a later file has the same key. */
const GROWING: ReadonlySet<string> = new Set(["hooks", "plugins", "repositories", "keyrings"]);

const CHECKS: Readonly<Record<Kind, (value: Json) => boolean>> = {
  word: (value) => typeof value === "string" && /^[A-Za-z0-9][A-Za-z0-9+./_-]*$/.test(value),
  words: (value) => Array.isArray(value) && value.every((one) => CHECKS.word(one as Json)),
  count: (value) => typeof value === "number" && Number.isSafeInteger(value) && value > 0,
  size: (value) =>
    (typeof value === "number" && Number.isSafeInteger(value) && value > 0) ||
    (typeof value === "string" && (sizeOf(value) ?? 0) > 0),
  flag: (value) => typeof value === "boolean",
  url: (value) => typeof value === "string" && /^(https?|file):\/\//.test(value),
  paths: (value) => Array.isArray(value) && value.every((one) => typeof one === "string" && one !== ""),
  hooks: (value) =>
    Array.isArray(value) &&
    value.every(
      (one) =>
        isMap(one) &&
        typeof one["point"] === "string" &&
        /^(pre|post)-(Fetch|Install-Deps|Unpack|Build|Check|Post)$/i.test(one["point"]) &&
        Array.isArray(one["command"]) &&
        one["command"].length > 0 &&
        one["command"].every((word) => typeof word === "string") &&
        (one["timeout"] === undefined || CHECKS.count(one["timeout"] as Json)),
    ),
  repositories: (value) =>
    Array.isArray(value) &&
    value.every(
      (one) =>
        isMap(one) &&
        CHECKS.url(one["uri"] as Json) &&
        CHECKS.word(one["suite"] as Json) &&
        (one["components"] === undefined || CHECKS.words(one["components"] as Json)),
    ),
  variables: (value) =>
    isMap(value) &&
    Object.entries(value).every(
      ([name, text]) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && typeof text === "string" && !text.includes("\0"),
    ),
};

/**
 * @returns what counts of each key, in the table's order @throws ConfigError  a key or a value that makes no sense, and
 *   where
 */
export function mergeConfig(layers: readonly ConfigLayer[]): Setting[] {
  const settings = new Map<string, Setting>();
  for (const { origin, values } of layers) {
    for (const [key, value] of flatten(values)) {
      const known = CONFIG_KEYS[key];
      if (known === undefined)
        throw new ConfigError(`${origin}: there is no setting ${key}; \`stratos builder config show\` lists all`);
      if (value === null) {
        settings.delete(key);
        continue;
      }
      if (!CHECKS[known.kind](value))
        throw new ConfigError(
          `${origin}: ${key}: not what it may be (${known.about}): ${JSON.stringify(value).slice(0, 100)}`,
        );
      const before = settings.get(key);
      if (before !== undefined && GROWING.has(key))
        settings.set(key, {
          key,
          value: [...(before.value as Json[]), ...(value as Json[])],
          origin: `${before.origin}, ${origin}`,
        });
      else settings.set(key, { key, value, origin });
    }
  }
  return Object.keys(CONFIG_KEYS).flatMap((key) => settings.get(key) ?? []);
}

/** `limits: {memory: 1G}` is `limits.memory`; maps that are values stay whole. */
function flatten(values: JsonObject): [string, Json][] {
  return Object.entries(values).flatMap(([key, value]): [string, Json][] =>
    key === "limits" && isMap(value)
      ? Object.entries(value).map(([inner, one]) => [`limits.${inner}`, one as Json])
      : [[key, value as Json]],
  );
}

/** `16G`, or bytes; undefined: no size. */
export function sizeOf(value: Json): number | undefined {
  if (typeof value === "number") return value;
  return typeof value === "string" ? bytesOfSize(value) : undefined;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
