/** Reads a system list with all that it includes. Each problem is told with file, line, column and key. */
import { closestName, slipsOfWord } from "@stratos/base";
import { formatKeyPath, ownWordsOf, tomlLocator, type KeyPath, type Locate, type OwnWords } from "@stratos/formats";
import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import { parse as parseToml, TomlError } from "smol-toml";
import { SYSTEM_LIST_SCHEMA, type ListedFile, type SystemListText } from "./schema.ts";

/** Where something in a list is said. */
interface ListPlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly key: string;
}

/** What is wrong with a list; one line each: `FILE:LINE:COLUMN: KEY: why`. */
export class SystemListError extends Error {
  override name = "SystemListError";
  readonly problems: readonly (ListPlace & { readonly message: string })[];

  constructor(problems: readonly (ListPlace & { readonly message: string })[]) {
    super(
      problems
        .map(
          ({ file, line, column, key, message }) =>
            `${file}:${line}:${column}: ${key === "" ? "" : `${key}: `}${message}`,
        )
        .join("\n"),
    );
    this.problems = problems;
  }
}

export interface Listed<T> {
  readonly value: T;
  readonly place: ListPlace;
}

/** A list with its includes merged. */
export interface SystemList {
  readonly system: ReadonlyMap<"hostname" | "timezone" | "locale" | "keymap", Listed<string>>;
  readonly official: readonly Listed<string>[];
  readonly aur: readonly Listed<string>[];
  readonly debian: readonly Listed<string>[];
  readonly absent: readonly Listed<string>[];
  readonly exact: boolean;
  /** whether Debian packages bring what they recommend */
  readonly recommends: boolean;
  readonly enable: readonly Listed<string>[];
  readonly disable: readonly Listed<string>[];
  readonly mask: readonly Listed<string>[];
  /** with the bytes of `source` in `content` */
  readonly files: readonly Listed<Omit<ListedFile, "content" | "source"> & { content: Uint8Array | undefined }>[];
}

export interface ListSources {
  /** bytes of a file, or undefined when it cannot be read */
  read(path: string): Uint8Array | undefined;
  /** `path` relative to the folder of `from` */
  resolve(from: string, path: string): string;
  utf8(text: string): Uint8Array;
  text(bytes: Uint8Array): string;
}

/** How lists call what treefiles say in words of their own, which lists take, too. */
const OWN_WORDS: OwnWords = { settings: "system", files: "files", hasOwners: true, packages: ["packages", "debian"] };
const INCLUDE_DEPTH_MAX = 16;
const TEXT_SIZE_MAX = 4 << 20;
const PROBLEMS_MAX = 50;

let compiled: ValidateFunction<SystemListText> | undefined;

/** Made when it is first needed: most commands read no list. */
function validator(): ValidateFunction<SystemListText> {
  return (compiled ??= new Ajv2020({ allErrors: true, strict: false, verbose: true }).compile<SystemListText>(
    SYSTEM_LIST_SCHEMA,
  ));
}

interface OneFile {
  path: string;
  value: SystemListText;
  locate: Locate;
  written(key: KeyPath): KeyPath;
}

/** @throws SystemListError */
export function readSystemList(path: string, sources: ListSources): SystemList {
  const files: OneFile[] = [];
  collect(path, sources, files, []);
  return merge(files, sources);
}

/** Includes come before the file that names them, so that later ones win. */
function collect(
  path: string,
  sources: ListSources,
  files: OneFile[],
  chain: readonly string[],
  from?: ListPlace,
): void {
  const place = from ?? { file: path, line: 1, column: 1, key: "" };
  if (chain.includes(path))
    throw new SystemListError([
      { ...place, message: `includes itself: ${[...chain.slice(chain.indexOf(path)), path].join(" → ")}` },
    ]);
  if (chain.length >= INCLUDE_DEPTH_MAX)
    throw new SystemListError([{ ...place, message: `includes are more than ${INCLUDE_DEPTH_MAX} deep` }]);
  if (files.some((file) => file.path === path)) return;
  const bytes = sources.read(path);
  if (bytes === undefined)
    throw new SystemListError([
      { ...place, message: from === undefined ? "cannot be read" : `${path} cannot be read` },
    ]);
  const one = parseOne(path, sources.text(bytes));
  (one.value.include ?? []).forEach((included, index) =>
    collect(sources.resolve(path, included), sources, files, [...chain, path], placeOfKey(one, ["include", index])),
  );
  files.push(one);
}

function parseOne(path: string, text: string): OneFile {
  const fail = (line: number, column: number, message: string): SystemListError =>
    new SystemListError([{ file: path, line, column, key: "", message }]);
  if (text.length > TEXT_SIZE_MAX) throw fail(1, 1, `is larger than ${TEXT_SIZE_MAX} bytes`);
  let value: unknown;
  try {
    value = parseToml(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw fail(error.line, error.column, error.message.replace(/^Invalid TOML document: /, "").split("\n")[0]!);
  }
  const words = ownWordsOf(value, OWN_WORDS),
    locateText = tomlLocator(text),
    locate: Locate = (key) => locateText(words.written(key));
  if (words.twice.length > 0)
    throw new SystemListError(
      words.twice.map((key) => ({
        file: path,
        ...locateText(key),
        key: formatKeyPath(key),
        message: "is said twice, in the words of lists and in those of treefiles",
      })),
    );
  value = words.value;
  const isValid = validator();
  if (isValid(value)) {
    const one: OneFile = { path, value, locate, written: words.written };
    const problems = (value.files ?? []).flatMap((file, index) =>
      fileProblems(file).map((message) => ({ ...placeOfKey(one, ["files", index]), message })),
    );
    if (problems.length > 0) throw new SystemListError(problems);
    return one;
  }
  const problems = (isValid.errors ?? [])
    .map(describe)
    .map(({ key, message }) => ({ file: path, ...locate(key), key: formatKeyPath(words.written(key)), message }));
  throw new SystemListError(problems.sort((left, right) => left.line - right.line).slice(0, PROBLEMS_MAX));
}

function fileProblems(file: ListedFile): string[] {
  const given = [file.content, file.source, file.link].filter((one) => one !== undefined).length;
  if (given !== 1)
    return [given === 0 ? "needs content, source or link" : "has more than one of content, source and link"];
  if (file.path.split("/").some((name) => name === "." || name === "..")) return ["the path must not hold . or .."];
  return file.link !== undefined && file.mode !== undefined ? ["a symbolic link has no mode"] : [];
}

function describe(error: ErrorObject): { key: KeyPath; message: string } {
  const key = error.instancePath
    .split("/")
    .slice(1)
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part.replaceAll("~1", "/").replaceAll("~0", "~")));
  const params = error.params as Record<string, unknown>;
  switch (error.keyword) {
    case "additionalProperties": {
      const known = Object.keys((error.parentSchema as { properties?: object }).properties ?? {});
      return {
        key: [...key, String(params["additionalProperty"])],
        message: `unknown key; ${
          meantOf(String(params["additionalProperty"]), known) ?? `known are ${known.join(", ")}`
        }`,
      };
    }
    case "type":
      return {
        key,
        message:
          `expected ${TYPE_WORDS[String(params["type"])] ?? String(params["type"])}, not ` +
          `${JSON.stringify(error.data)}`,
      };
    case "pattern":
      return {
        key,
        message:
          "expected " +
          `${(error.parentSchema as { title?: string }).title ?? `the form ${String(params["pattern"])}`}, not ` +
          `${JSON.stringify(error.data)}`,
      };
    case "uniqueItems":
      return { key, message: `names ${JSON.stringify((error.data as unknown[])[Number(params["i"])])} twice` };
    case "required":
      return { key, message: `${String(params["missingProperty"])} is missing` };
    default:
      return { key, message: error.message ?? `breaks the rule ${error.keyword}` };
  }
}

function meantOf(name: string, known: readonly string[]): string | undefined {
  const meant = closestName(name, known, slipsOfWord);
  return meant === undefined ? undefined : `did you mean ${meant}?`;
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  object: "a table",
  array: "a list",
  string: "a text",
  boolean: "true or false",
};

function placeOfKey(one: OneFile, key: KeyPath): ListPlace {
  return { file: one.path, ...one.locate(key), key: formatKeyPath(one.written(key)) };
}

function merge(files: readonly OneFile[], sources: ListSources): SystemList {
  const problems: (ListPlace & { message: string })[] = [];
  const names = (section: "packages" | "services", key: string): Listed<string>[] => {
    const found = new Map<string, Listed<string>>();
    for (const one of files) {
      const list = (one.value[section] as Record<string, readonly string[] | undefined> | undefined)?.[key] ?? [];
      list.forEach((value, index) => {
        if (!found.has(value)) found.set(value, { value, place: placeOfKey(one, [section, key, index]) });
      });
    }
    return [...found.values()];
  };
  const system = new Map<"hostname" | "timezone" | "locale" | "keymap", Listed<string>>();
  const byPath = new Map<string, SystemList["files"][number]>();
  for (const one of files) {
    for (const [key, value] of Object.entries(one.value.system ?? {}))
      system.set(key as "hostname", { value, place: placeOfKey(one, ["system", key]) });
    (one.value.files ?? []).forEach((file, index) => {
      const place = placeOfKey(one, ["files", index]);
      let content = file.content === undefined ? undefined : sources.utf8(file.content);
      if (file.source !== undefined) {
        const path = sources.resolve(one.path, file.source);
        content = sources.read(path);
        if (content === undefined) problems.push({ ...place, message: `${path} cannot be read` });
      }
      const { content: _, source: __, ...rest } = file;
      byPath.set(file.path, { value: { ...rest, content }, place });
    });
  }
  const list: SystemList = {
    system,
    official: names("packages", "official"),
    aur: names("packages", "aur"),
    debian: names("packages", "debian"),
    absent: names("packages", "absent"),
    exact: files.some((one) => one.value.packages?.exact === true),
    recommends:
      files.findLast((one) => one.value.packages?.recommends !== undefined)?.value.packages?.recommends === true,
    enable: names("services", "enable"),
    disable: names("services", "disable"),
    mask: names("services", "mask"),
    files: [...byPath.values()],
  };
  const contradict = (
    left: readonly Listed<string>[],
    right: readonly Listed<string>[],
    message: (name: string) => string,
  ): void => {
    for (const one of right)
      if (left.some((other) => plainName(other.value) === plainName(one.value)))
        problems.push({ ...one.place, message: message(one.value) });
  };
  contradict(
    [...list.official, ...list.aur, ...list.debian],
    list.absent,
    (name) => `${name} is listed as installed, too`,
  );
  contradict(list.official, list.aur, (name) => `${name} is listed as official, too`);
  contradict(list.enable, [...list.disable, ...list.mask], (name) => `${name} is to be enabled, too`);
  if (problems.length > 0) throw new SystemListError(problems);
  return list;
}

/** Without the repository. */
export function plainName(text: string): string {
  return text.slice(text.indexOf("/") + 1);
}
