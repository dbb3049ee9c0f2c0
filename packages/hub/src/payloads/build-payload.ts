/**
 * What a task of kind `build` names: a Debian source package, and how it is built.
 *
 *     {"source":"figlet=2.2.5-3", "suite":"trixie", "profiles":["nocheck"], "autopkgtest":true, "seed":1}
 *     {"source":"figlet=2.2.5-3", "binNmu":{"number":1, "reason":"Rebuild against …", "date":1769817600}}
 *     {"source":"figlet_2.2.5-3.dsc", "files":[{"name":"figlet_2.2.5-3.dsc","digest":"sha256:…"},…]}
 *
 * Sources are names, git URLs, or files that were uploaded: a path would be one of the worker's host, which is none of
 * the submitter's business.
 */
const SOURCE =
  /^(?!.*\.dsc$)(?:[a-z0-9][a-z0-9+.-]+(?:=[A-Za-z0-9.+~:-]+)?|(?:https|ssh|git)(?:\+git)?:\/\/[^\s'"\\]+)$/;
/** Of a source package: no path, nothing hidden. */
const FILE = /^[A-Za-z0-9][A-Za-z0-9+.~_-]{0,250}$/;
const VERSION = /^[0-9][A-Za-z0-9.+~:-]*$/;
const WORD = /^[a-z0-9][a-z0-9.+-]*$/;

interface BuildPayload {
  /** Name, git URL, or the name of a .dsc among `files`. */
  readonly source: string;
  readonly files: readonly { readonly name: string; readonly digest: string }[];
  /** The builder's arguments beside it. */
  readonly options: readonly string[];
}

/** @returns what is wrong with the payload, in words, when something is */
export function readBuildPayload(payload: Readonly<Record<string, unknown>>): BuildPayload | string {
  const { source, suite, profiles = [], seed, files = [], binNmu, autopkgtest = false, host, ...others } = payload;
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined)
    return (
      `payload.${unknown}: there is no such key; known: source, files, suite, profiles, host, seed, binNmu, ` +
      "autopkgtest"
    );
  if (!Array.isArray(files) || !files.every(isSourceFile)) return "payload.files: expected names and digests";
  if (files.length > 0) {
    if (typeof source !== "string" || !source.endsWith(".dsc") || !files.some(({ name }) => name === source))
      return "payload.source: expected the .dsc among payload.files";
  } else if (typeof source !== "string" || !SOURCE.test(source))
    return "payload.source: expected NAME, NAME=VERSION or a git URL";
  if (suite !== undefined && (typeof suite !== "string" || !WORD.test(suite))) return "payload.suite: expected a name";
  const isWord = (value: unknown): value is string => typeof value === "string" && WORD.test(value);
  if (!Array.isArray(profiles) || !profiles.every(isWord)) return "payload.profiles: expected names";
  if (seed !== undefined && !Number.isSafeInteger(seed)) return "payload.seed: expected a whole number";
  if (typeof autopkgtest !== "boolean") return "payload.autopkgtest: expected true or false";
  if (host !== undefined && !isWord(host)) return "payload.host: expected an architecture";
  if (host !== undefined && autopkgtest) return "payload.autopkgtest: not of a cross build (host)";
  const nmu = binNmu === undefined ? [] : binNmuOptions(binNmu);
  if (typeof nmu === "string") return nmu;
  return {
    source,
    files,
    options: [
      ...nmu,
      ...(suite === undefined ? [] : ["--suite", suite]),
      ...(host === undefined ? [] : ["--host", host as string]),
      ...(profiles.length === 0 ? [] : ["--profiles", profiles.join(",")]),
      ...(autopkgtest ? ["--autopkgtest"] : []),
      ...(seed === undefined ? [] : ["--in", "stratos", "--seed", String(seed)]),
    ],
  };
}

/** @returns what is wrong with it, in words, when something is */
function binNmuOptions(value: unknown): string[] | string {
  const { number, reason, date, of, ...others } = (value ?? {}) as Record<string, unknown>;
  if (Object.keys(others).length > 0) return "payload.binNmu: expected number, reason, date and of";
  if (!Number.isSafeInteger(number) || (number as number) < 1) return "payload.binNmu.number: expected 1 or more";
  if (typeof reason !== "string" || reason.trim() === "" || reason.length > 500 || /\p{Cc}/u.test(reason))
    return "payload.binNmu.reason: expected one line";
  if (date !== undefined && (!Number.isSafeInteger(date) || (date as number) < 0))
    return "payload.binNmu.date: expected seconds since 1970";
  if (of !== undefined && (typeof of !== "string" || !VERSION.test(of))) return "payload.binNmu.of: expected a version";
  return [
    ...["--bin-nmu", String(number), `--reason=${reason}`],
    ...(date === undefined ? [] : ["--bin-nmu-date", String(date)]),
    ...(of === undefined ? [] : ["--bin-nmu-of", of]),
  ];
}

function isSourceFile(value: unknown): value is { name: string; digest: string } {
  const { name, digest } = (value ?? {}) as { name?: unknown; digest?: unknown };
  return (
    typeof name === "string" && FILE.test(name) && typeof digest === "string" && /^sha256:[0-9a-f]{64}$/.test(digest)
  );
}
