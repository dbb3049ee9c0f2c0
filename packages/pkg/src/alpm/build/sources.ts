/**
 * Entries of `source`: where they come from, under which name, and whether they are what the recipe says. Source:
 * PKGBUILD(5), source; VCS sources.
 */
import { FetchError } from "../../ports.ts";
import { Keyring, SignatureError, type KeyringFile } from "../signatures.ts";
import type { AlpmPorts } from "../system.ts";
import { fetchSmall } from "../transaction.ts";
import { CHECKSUM_KINDS, RecipeError, valuesFor, type Recipe } from "./recipe.ts";

type Source =
  | { kind: "local"; name: string }
  | { kind: "url"; name: string; url: string }
  | { kind: "git"; name: string; url: string; reference: { branch?: string; tag?: string; commit?: string } };

/** The largest source is held in one buffer. */
const SOURCE_SIZE_MAX = 2 ** 31;

/** @throws RecipeError  a form that is not supported, or a name that leads elsewhere */
function parseSource(text: string, where: string): Source {
  const renamed = /^([^:]+)::(.*)$/s.exec(text);
  const place = renamed === null ? text : renamed[2]!;
  const check = (name: string): string => {
    if (name === "" || name === "." || name === ".." || /[/\0\n]/.test(name))
      throw new RecipeError(`${where}: not a file name in source: ${name.slice(0, 80)}`);
    return name;
  };
  const protocol = /^([a-z]+)(?:\+([a-z]+))?:\/\//.exec(place);
  if (protocol === null) {
    if (renamed !== null)
      throw new RecipeError(`${where}: ${text.slice(0, 80)}: a file of the recipe cannot be renamed`);
    return { kind: "local", name: check(place) };
  }
  if (protocol[1] === "git" || protocol[2] === "git") {
    const url = place
      .replace(/^git\+/, "")
      .replace(/#.*$/, "")
      .replace(/\?signed$/, "");
    const fragment = /#(.*)$/.exec(place)?.[1] ?? "";
    const reference = /^(branch|tag|commit)=([A-Za-z0-9._/+-]+)$/.exec(fragment);
    if (fragment !== "" && (reference === null || reference[2]!.startsWith("-")))
      throw new RecipeError(`${where}: ${text.slice(0, 80)}: #branch=, #tag= or #commit= was expected`);
    return {
      kind: "git",
      name: check(
        renamed?.[1] ??
          url
            .replace(/\/+$/, "")
            .replace(/^.*\//, "")
            .replace(/\.git$/, ""),
      ),
      url,
      reference: reference === null ? {} : { [reference[1]!]: reference[2]! },
    };
  }
  if (protocol[2] !== undefined || !["http", "https", "file"].includes(protocol[1]!))
    throw new RecipeError(`${where}: ${text.slice(0, 80)}: sources over ${protocol[0]} are not supported`);
  return { kind: "url", name: check(renamed?.[1] ?? decodeName(place)), url: place };
}

function decodeName(url: string): string {
  return url.replace(/[?#].*$/, "").replace(/^.*\//, "");
}

interface FetchedSource {
  source: Source;
  content: Uint8Array | undefined;
}

interface SourceSettings {
  ports: AlpmPorts;
  /** files of the recipe */
  files: ReadonlyMap<string, Uint8Array>;
  architecture: string;
  /** certificates for signed sources, besides `keys/pgp` of the recipe */
  keyring: readonly KeyringFile[];
  /** accept signed sources for whose keys no certificate is here */
  skipSignatures: boolean;
}

/**
 * Fetches and checks all sources but those of git.
 *
 * @throws RecipeError  one is missing or is not what the recipe says  @throws SignatureError
 */
export async function fetchSources(recipe: Recipe, settings: SourceSettings): Promise<FetchedSource[]> {
  const { ports, files, architecture } = settings;
  const entries = valuesFor(recipe.attributes, "source", architecture).map((text) => parseSource(text, recipe.base));
  const fetched: FetchedSource[] = [];
  for (const source of entries) {
    let content: Uint8Array | undefined;
    if (source.kind === "local") {
      content = files.get(source.name);
      if (content === undefined) throw new RecipeError(`${recipe.base}: ${source.name} is not among its files`);
    } else if (source.kind === "url") {
      try {
        content = await fetchSmall(ports, source.url, SOURCE_SIZE_MAX);
      } catch (error) {
        if (!(error instanceof FetchError)) throw error;
        throw new RecipeError(`${recipe.base}: ${error.message}`, { cause: error });
      }
    }
    fetched.push({ source, content });
  }
  checkSums(recipe, architecture, fetched, ports);
  await checkSignatures(recipe, fetched, settings);
  return fetched;
}

function checkSums(recipe: Recipe, architecture: string, fetched: readonly FetchedSource[], ports: AlpmPorts): void {
  const given = CHECKSUM_KINDS.map((kind) => ({ kind, sums: valuesFor(recipe.attributes, kind, architecture) })).filter(
    ({ sums }) => sums.length > 0,
  );
  if (fetched.length > 0 && given.length === 0)
    throw new RecipeError(`${recipe.base}: gives no checksums for its sources`);
  for (const { kind, sums } of given) {
    if (sums.length !== fetched.length)
      throw new RecipeError(`${recipe.base}: ${kind} has ${sums.length} entries for ${fetched.length} sources`);
    fetched.forEach(({ source, content }, index) => {
      if (sums[index] === "SKIP" || content === undefined) return;
      const found = ports.digest(kind.replace(/sums$/, ""), content);
      if (found !== sums[index]!.toLowerCase())
        throw new RecipeError(
          `${recipe.base}: ${source.name} is not what the recipe says: its ${kind.slice(0, -1)} is ${found}`,
        );
    });
  }
}

async function checkSignatures(
  recipe: Recipe,
  fetched: readonly FetchedSource[],
  settings: SourceSettings,
): Promise<void> {
  const signed = fetched.filter(({ source }) => /\.(sig|asc|sign)$/.test(source.name));
  if (signed.length === 0) return;
  const valid = (recipe.attributes.get("validpgpkeys") ?? []).map((key) => key.toLowerCase());
  const own = [...settings.files]
    .filter(([path]) => /^keys\/pgp\/[^/]+\.(asc|gpg)$/.test(path))
    .map(([path, content]) => ({ name: path, content }));
  const keyring = (await Keyring.load([...own, ...settings.keyring], settings.ports.nowSeconds())).only(valid);
  for (const { source, content } of signed) {
    const name = source.name.replace(/\.(sig|asc|sign)$/, "");
    const file = fetched.find((one) => one.source.name === name)?.content;
    if (file === undefined || content === undefined)
      throw new RecipeError(`${recipe.base}: ${source.name} signs ${name}, which is no source`);
    if (keyring.size === 0 && settings.skipSignatures) continue;
    if (keyring.size === 0)
      throw new SignatureError(
        `${recipe.base}: ${name} is signed by ${valid.join(" or ") || "nobody whom the recipe names"}, of whom ` +
          "no certificate is here",
      );
    await keyring.check(
      `${recipe.base}: ${name}`,
      file,
      content,
      { check: "required", trustAll: false },
      settings.ports.nowSeconds(),
    );
  }
}
