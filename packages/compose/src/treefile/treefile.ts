/**
 * A treefile with all that it includes: which images it describes, and what each is made of. Layers of one image, the
 * lower first:
 *
 *     included files, in order < the file < inherited variants, in order < the variant
 *
 * each with its own sections for architectures directly above it (`merge.ts` has the rules of laying one over another).
 */
import { stringify as stringifyYaml } from "yaml";
import { isList, isObject, type Json, type JsonObject } from "./json.ts";
import { configProblems } from "./check-config.ts";
import { mergeObjects } from "./merge.ts";
import {
  formatProblem,
  parseTreefile,
  problemAt,
  TreefileError,
  type ParsedFile,
  type TreefileProblem,
} from "./parse.ts";
import { beside, isPackageFile, ownPlaces, withOwnPlaces } from "./own-places.ts";
import { compilePattern } from "./pattern.ts";
import { formatKeyPath, type KeyPath } from "./positions.ts";
import { FILE_KEYS, type ImageConfig } from "./schema.ts";
import { PHASES } from "./schema-build.ts";

/** Reads a file beside the treefile; undefined when there is none. Paths are relative to the folder of the first. */
export type ReadText = (path: string) => Promise<string | undefined>;

/** One image of a compose. */
export interface ImageTarget {
  readonly variant: string;
  readonly architecture: string;
  readonly config: ImageConfig;
}

/** The variant of a file that declares none. */
export const DEFAULT_VARIANT = "default";
/** Of a file that declares none, where the caller knows no better: Stratos' own, which runs anywhere. */
const DEFAULT_ARCHITECTURE = "riscv64";
const INCLUDES_MAX = 64;
/** Keys that stand in a file alone, and are no part of a layer. */
const STRUCTURE = new Set(["schema", "include", "architectures", "architecture", "variants"]);

export class Treefile {
  readonly name: string;
  /** all files laid over one another; `include` is gone */
  readonly merged: JsonObject;
  readonly #files: readonly ParsedFile[];
  readonly #defaultArchitecture: string;

  constructor(files: readonly ParsedFile[], defaultArchitecture = DEFAULT_ARCHITECTURE) {
    this.#files = files;
    this.#defaultArchitecture = defaultArchitecture;
    this.merged = files.reduce<JsonObject>((under, { value }) => mergeFiles(under, value), {});
    if (typeof this.merged["name"] !== "string")
      throw this.#problem([], "name is missing; `name: NAME` is what the compose and its files are called");
    this.name = this.merged["name"];
    // Loops and unknown names are told before anything else is done.
    for (const variant of Object.keys(this.#variants)) this.#lineage(variant, []);
    if (this.variants.length === 0)
      throw this.#problem(["variants"], "all variants are abstract: there is no image to make");
    const problems = this.targets().flatMap((target) => this.#gaps(target));
    if (problems.length > 0) throw new TreefileError(withoutRepeated(problems));
  }

  get #variants(): Readonly<Record<string, JsonObject>> {
    const variants = this.merged["variants"];
    const named = Object.entries(isObject(variants) ? variants : {}).filter((entry): entry is [string, JsonObject] =>
      isObject(entry[1]),
    );
    return named.length > 0 ? Object.fromEntries(named) : { [DEFAULT_VARIANT]: {} };
  }

  /** Names of the variants of which images are made. */
  get variants(): readonly string[] {
    return Object.entries(this.#variants)
      .filter(([, variant]) => variant["abstract"] !== true)
      .map(([name]) => name);
  }

  /**
   * Images whose variant and architecture match the patterns.
   *
   * @throws TreefileError  when a pattern matches nothing
   */
  targets(select: { variants?: readonly string[]; architectures?: readonly string[] } = {}): ImageTarget[] {
    const all = this.variants.flatMap((variant) =>
      this.architectures(variant).map((architecture) => ({ variant, architecture })),
    );
    const wanted = (patterns: readonly string[] | undefined, kind: "variant" | "architecture") => {
      const tests = (patterns ?? []).map((pattern) => ({ pattern, matches: compilePattern(pattern) }));
      for (const { pattern, matches } of tests) {
        if (!all.some((one) => matches(one[kind])))
          throw this.#problem(
            [kind === "variant" ? "variants" : "architectures"],
            `there is no ${kind} ${pattern}; there is ${[...new Set(all.map((one) => one[kind]))].join(", ")}`,
          );
      }
      return (name: string): boolean => tests.length === 0 || tests.some(({ matches }) => matches(name));
    };
    const isVariant = wanted(select.variants, "variant"),
      isArchitecture = wanted(select.architectures, "architecture");
    return all
      .filter((one) => isVariant(one.variant) && isArchitecture(one.architecture))
      .map((one) => ({ ...one, config: this.config(one) }));
  }

  architectures(variant: string): readonly string[] {
    const own = this.#lineage(variant, []).reduce<Json | undefined>(
      (found, name) => this.#variants[name]!["architectures"] ?? found,
      this.merged["architectures"],
    );
    const named = isList(own) ? (mergeObjects({}, { architectures: own })["architectures"] as string[]) : [];
    return named.length > 0 ? named : [this.#chosenArchitecture(variant)];
  }

  /** Images of Stratos are for its own processor. */
  #chosenArchitecture(variant: string): string {
    const formats = [this.merged, ...this.#lineage(variant, []).map((name) => this.#variants[name]!)]
      .flatMap(({ outputs }) => (isObject(outputs) ? Object.values(outputs) : []))
      .map((one) => (isObject(one) ? one["format"] : undefined));
    return formats.includes("stratos") ? DEFAULT_ARCHITECTURE : this.#defaultArchitecture;
  }

  /** Whether no `architectures` say for which processors a variant is. */
  hasChosenArchitecture(variant: string): boolean {
    return ![this.merged, ...this.#lineage(variant, []).map((name) => this.#variants[name]!)].some(
      ({ architectures }) => isList(architectures) && architectures.length > 0,
    );
  }

  /**
   * The same with further repositories for all images: above what the file includes, below what it says itself.
   *
   * @param from  who says so, for messages
   */
  withRepositories(repositories: NonNullable<ImageConfig["repositories"]>, from: string): Treefile {
    const value = { repositories: repositories as unknown as Json };
    const added: ParsedFile = { path: from, value, locate: () => ({ line: 1, column: 1 }) };
    return new Treefile([...this.#files.slice(0, -1), added, this.#files.at(-1)!], this.#defaultArchitecture);
  }

  /** All layers of one image. */
  config(target: { variant: string; architecture: string }): ImageConfig {
    return this.#layers(target) as unknown as ImageConfig;
  }

  /** The same as a treefile that describes this image alone: what it reads back as is equal. */
  exportTarget(target: { variant: string; architecture: string }): JsonObject {
    return {
      schema: 1,
      ...this.#layers(target),
      architectures: [target.architecture],
      variants: { [target.variant]: {} },
    };
  }

  /**
   * The same with the variants that the target's extensions are laid over, each with all of its layers and without
   * outputs.
   */
  exportExtension(target: { variant: string; architecture: string }, over: readonly string[]): JsonObject {
    const own = this.#layers(target);
    const layers = (all: JsonObject): JsonObject =>
      Object.fromEntries(Object.entries(all).filter(([key]) => !FILE_KEYS.has(key)));
    return {
      schema: 1,
      ...Object.fromEntries(Object.entries(own).filter(([key]) => FILE_KEYS.has(key))),
      architectures: [target.architecture],
      variants: {
        [target.variant]: layers(own),
        ...Object.fromEntries(
          over.map((variant) => {
            const { outputs: _, ...rest } = layers(this.#layers({ ...target, variant }));
            return [variant, rest];
          }),
        ),
      },
    };
  }

  #layers(target: { variant: string; architecture: string }): JsonObject {
    const holders = [this.merged, ...this.#lineage(target.variant, []).map((name) => this.#variants[name]!)];
    return holders
      .flatMap((holder) => layersOf(holder, target.architecture))
      .reduce((under, over) => mergeObjects(under, over), {});
  }

  /**
   * Variants that make up `name`, the lowest first, each once. @throws TreefileError  with the way around when they
   * inherit in a circle
   */
  #lineage(name: string, below: readonly string[]): string[] {
    const at = ["variants", below.at(-1) ?? name, "inherit"];
    if (below.includes(name))
      throw this.#problem(
        at,
        `variants inherit in a circle: ${[...below.slice(below.indexOf(name)), name].join(" → ")}`,
      );
    const variant = this.#variants[name];
    if (variant === undefined) throw this.#problem(at, `there is no variant ${name}`);
    const parents = [variant["inherit"] ?? []].flat() as string[];
    return [...new Set([...parents.flatMap((parent) => this.#lineage(parent, [...below, name])), name])];
  }

  /** What each file may leave to the others, and none has brought. */
  #gaps(target: ImageTarget): TreefileProblem[] {
    const { variant, config } = target;
    const problems: TreefileProblem[] = [];
    const tell = (key: KeyPath, message: string): void =>
      void problems.push(...this.problem(target, key, message).problems);
    for (const [name, output] of Object.entries(config.outputs ?? {}))
      if (output.format === undefined) tell(["outputs", name], "format is missing");
    for (const [name, repository] of Object.entries(config.repositories ?? {})) {
      for (const key of ["uri", "suite"] as const)
        if (repository[key] === undefined) tell(["repositories", name], `${key} is missing`);
    }
    for (const [path, file] of Object.entries(config.files ?? {})) {
      if ([file.content, file.source, file.link, file.folder].filter((one) => one !== undefined).length !== 1)
        tell(["files", path], "expected exactly one of content, source, link and folder");
    }
    for (const { key, message } of configProblems(config)) tell(key, message);
    for (const { key, message } of unknownVariables(target)) tell(key, message);
    for (const [phase, { after = [] }] of Object.entries(config.phases ?? {})) {
      for (const name of after) {
        const slash = name.indexOf("/"),
          of = slash < 0 ? variant : name.slice(0, slash),
          one = name.slice(slash + 1);
        if (!(PHASES as readonly string[]).includes(one))
          tell(["phases", phase, "after"], `there is no phase ${one}; there is ${PHASES.join(", ")}`);
        else if (!this.variants.includes(of))
          tell(
            ["phases", phase, "after"],
            `there is no variant ${of} to wait for; there is ${this.variants.join(", ")}`,
          );
      }
    }
    return problems;
  }

  /** A problem of an image, told where its variant says the key, else where a file does. */
  problem({ variant }: ImageTarget, key: KeyPath, message: string): TreefileError {
    const own = ["variants", variant, ...key];
    return this.#problem(this.#files.some((file) => hasKey(file.value, own)) ? own : key, message);
  }

  /**
   * A problem with a package, told where the highest layer of the image asks for it in these words; undefined: none
   * does.
   */
  requestProblem(target: ImageTarget, request: string, message: string): TreefileError | undefined {
    return this.#itemProblem(target, [["packages"], ["build", "packages"]], request, message);
  }

  /** A problem with an item of a merged list, told where the highest layer of the image has it; else at the list. */
  listProblem(target: ImageTarget, key: KeyPath, item: Json | undefined, message: string): TreefileError {
    return (
      (item === undefined ? undefined : this.#itemProblem(target, [key], item, message)) ??
      this.problem(target, key, message)
    );
  }

  #itemProblem(target: ImageTarget, lists: readonly KeyPath[], item: Json, message: string): TreefileError | undefined {
    const holders: KeyPath[] = [
      ...this.#lineage(target.variant, [])
        .reverse()
        .map((name) => ["variants", name]),
      [],
    ];
    for (const holder of holders) {
      for (const file of [...this.#files].reverse()) {
        const sections = valueAt(file.value, [...holder, "architecture"]);
        const matching = isObject(sections)
          ? Object.keys(sections)
              .filter((pattern) => compilePattern(pattern)(target.architecture))
              .reverse()
          : [];
        for (const layer of [...matching.map((pattern) => [...holder, "architecture", pattern]), holder]) {
          for (const list of lists.map((key) => [...layer, ...key])) {
            const items = valueAt(file.value, list),
              index = isList(items) ? items.indexOf(item) : -1;
            if (index >= 0)
              return problemAt(file.path, file.locate([...list, index]), formatKeyPath([...list, index]), message);
          }
        }
      }
    }
    return undefined;
  }

  /** @throws TreefileError  when an image names `sources` that nobody has built */
  requireBuilds(targets: readonly ImageTarget[]): void {
    for (const target of targets) {
      const { sources = [], repositories = {} } = target.config;
      if (sources.length > 0 && !Object.values(repositories).some(({ builds }) => builds !== undefined))
        throw this.listProblem(
          target,
          ["sources"],
          sources[0],
          "is built by a hub: `stratos compose run FILE --hub URL` has it done",
        );
    }
  }

  /**
   * Files and folders beside the treefile that images are made of, and that are not there.
   *
   * @param kindOf  of what has the name; undefined: nothing has
   */
  missingFiles(
    targets: readonly ImageTarget[],
    kindOf: (path: string) => "file" | "folder" | undefined,
  ): TreefileProblem[] {
    const problems = targets.flatMap((target) =>
      ownPlaces(target.config).flatMap(({ key, path }) => {
        const wanted = key[0] === "overlay" ? "folder" : "file";
        const kind = kindOf(path);
        if (kind === wanted) return [];
        const message =
          kind === undefined
            ? `there is no ${wanted} ${path} beside the treefile`
            : `${path} is a ${kind}, where a ${wanted} is expected`;
        return (
          (isPackageFile(path) ? this.requestProblem(target, path, message) : undefined) ??
          this.problem(target, key, message)
        ).problems;
      }),
    );
    return withoutRepeated(problems);
  }

  /** A problem, told at the place of the last file that has the key. */
  #problem(key: KeyPath, message: string): TreefileError {
    const file = this.#files.findLast((one) => hasKey(one.value, key)) ?? this.#files.at(-1)!;
    return problemAt(file.path, file.locate(key), formatKeyPath(key), message);
  }
}

/**
 * Lays one file over others. Variants and sections are layers of their own, whose time comes when an image is asked
 * for.
 */
function mergeFiles(under: JsonObject, over: JsonObject): JsonObject {
  const plain: Record<string, Json> = {},
    structure: Record<string, Json> = {};
  for (const [key, value] of Object.entries(over)) {
    if (key === "include") continue;
    if (key === "variants" || key === "architecture") structure[key] = value;
    else plain[key] = value;
  }
  return mergeObjects(mergeObjects(under, plain), structure, { isDeferred: true });
}

/** A file's or variant's own keys, and the sections that match, the lower first. */
function layersOf(holder: JsonObject, architecture: string): JsonObject[] {
  const own = Object.fromEntries(
    Object.entries(holder).filter(([key]) => !STRUCTURE.has(key) && key !== "inherit" && key !== "abstract"),
  );
  const layers: JsonObject[] = [own];
  const sections = holder["architecture"];
  for (const [pattern, section] of isObject(sections) ? Object.entries(sections) : []) {
    if (isObject(section) && compilePattern(pattern)(architecture)) layers.push(section);
  }
  return layers;
}

function hasKey(value: Json | undefined, path: KeyPath): boolean {
  return valueAt(value, path) !== undefined;
}

function valueAt(value: Json | undefined, path: KeyPath): Json | undefined {
  let at: Json | undefined = value;
  for (const key of path) at = isObject(at) ? at[key] : isList(at) ? at[Number(key)] : undefined;
  return at;
}

/** Images of one variant say the same. */
function withoutRepeated(problems: readonly TreefileProblem[]): TreefileProblem[] {
  return problems.filter(
    (one, index) => problems.findIndex((other) => formatProblem(other) === formatProblem(one)) === index,
  );
}

/**
 * Reads a treefile and all that it includes.
 *
 * @param defaultArchitecture  of images for which the file says none (default: riscv64)
 * @throws TreefileError
 */
export async function loadTreefile(
  path: string,
  read: ReadText,
  onUnknownKey?: (problem: TreefileProblem) => void,
  defaultArchitecture?: string,
): Promise<Treefile> {
  const files: ParsedFile[] = [];
  /** @param local  the file's path from the first one's folder */
  const load = async (
    at: string,
    local: string,
    chain: readonly string[],
    from: ParsedFile | undefined,
  ): Promise<void> => {
    const tell = (message: string): TreefileError => {
      const index =
        from === undefined || !isList(from.value["include"])
          ? -1
          : from.value["include"].findIndex((one) => typeof one === "string" && beside(from.path, one) === at);
      const key: KeyPath = index < 0 ? [] : ["include", index];
      return problemAt(from?.path ?? at, from?.locate(key) ?? { line: 0, column: 0 }, formatKeyPath(key), message);
    };
    if (chain.includes(at))
      throw tell(`files include each other in a circle: ${[...chain.slice(chain.indexOf(at)), at].join(" → ")}`);
    if (files.some((file) => file.path === at)) return;
    if (chain.length >= INCLUDES_MAX) throw tell(`more than ${INCLUDES_MAX} files include one another`);
    const text = await read(at);
    if (text === undefined) throw tell(from === undefined ? "no such file" : `there is no file ${at}`);
    const parsed = parseTreefile(text, at, onUnknownKey);
    for (const one of isList(parsed.value["include"]) ? parsed.value["include"] : [])
      await load(beside(at, String(one)), beside(local, String(one)), [...chain, at], parsed);
    files.push(local.includes("/") ? { ...parsed, value: withOwnPlaces(parsed.value, local) } : parsed);
  };
  await load(path, "", [], undefined);
  return new Treefile(files, defaultArchitecture);
}

const VARIABLE = /\$\{([^}]*)\}/g;

function variablesOf({ config, variant, architecture }: ImageTarget): ReadonlyMap<string, string> {
  return new Map([
    ["name", config.name],
    ["version", config.version ?? "0"],
    ["variant", variant],
    ["architecture", architecture],
    ["suite", config.suite ?? "trixie"],
  ]);
}

/** `${name}`, `${version}`, `${variant}`, `${architecture}` and `${suite}` in a text. */
export function substitute(text: string, target: ImageTarget): string {
  const variables = variablesOf(target);
  return text.replace(VARIABLE, (whole, name: string) => variables.get(name) ?? whole);
}

/** What stands as a variable in texts that have them, and is none. */
function* unknownVariables(target: ImageTarget): Iterable<{ readonly key: KeyPath; readonly message: string }> {
  const { hostname, outputs = {}, ostree = {} } = target.config,
    variables = variablesOf(target),
    known = [...variables.keys()].map((name) => `\${${name}}`).join(", ");
  const texts: (readonly [KeyPath, string | undefined])[] = [
    [["hostname"], hostname],
    ...Object.entries(outputs).flatMap(([name, { filename, destination }]): [KeyPath, string | undefined][] => [
      [["outputs", name, "filename"], filename],
      [["outputs", name, "destination"], destination],
    ]),
    [["ostree", "ref"], ostree.ref],
    [["ostree", "subject"], ostree.subject],
  ];
  for (const [key, text = ""] of texts)
    for (const [whole, name] of text.matchAll(VARIABLE))
      if (!variables.has(name!)) yield { key, message: `there is no variable ${whole}; there is ${known}` };
}

export function formatTreefile(value: JsonObject, format: "json" | "yaml"): string {
  return format === "json"
    ? `${JSON.stringify(value, null, 2)}\n`
    : stringifyYaml(value, { aliasDuplicateObjects: false, lineWidth: 0 });
}
