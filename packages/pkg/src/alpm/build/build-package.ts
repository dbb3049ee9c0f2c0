/**
 * Builds packages from a recipe in a clean root: a root of its own into which only what the recipe needs is installed,
 * and which is thrown away afterwards. What comes out are package files like makepkg's.
 */
import { byteString, byteStringOf, byteStringToUtf8, utf8ToByteString } from "@stratos/base";
import { TarType, tarEntry } from "@stratos/formats";
import type { RootFiles } from "../../root/root-files.ts";
import { Alpm } from "../alpm.ts";
import type { AlpmConfiguration } from "../configuration.ts";
import { compareAlpmVersions } from "../version.ts";
import type { AlpmListener } from "../events.ts";
import { writeAlpmPackage, type NewFile } from "../package-archive.ts";
import type { PackageInfo } from "../package-info.ts";
import type { KeyringFile } from "../signatures.ts";
import type { AlpmPorts, AlpmSystem } from "../system.ts";
import type { GivenArchive } from "../transaction.ts";
import { BUILD_FOLDER, buildScript, parseAttributes, readingScript } from "./build-script.ts";
import { ATTRIBUTES, parsePkgbuild } from "./pkgbuild.ts";
import {
  makeRecipe,
  packageValues,
  parseSourceInfo,
  PER_ARCHITECTURE,
  RecipeError,
  valuesFor,
  type Recipe,
} from "./recipe.ts";
import { ShellError } from "./shell-words.ts";
import { fetchSources } from "./sources.ts";
import { tidyFiles } from "./tidy-files.ts";

/** A build went wrong; the last lines of its output are in the message. */
export class BuildError extends Error {
  override name = "BuildError";
}

/** A root for one build. */
export interface BuildRoot {
  system: AlpmSystem;
  /** clones a git repository into a folder of the root */
  clone(url: string, reference: { branch?: string; tag?: string; commit?: string }, into: string): Promise<void>;
  /** takes the root away, with whatever runs in it */
  discard(): Promise<void>;
}

export interface BuildSettings {
  ports: AlpmPorts;
  configuration: AlpmConfiguration;
  listener: AlpmListener;
  openRoot(): Promise<BuildRoot>;
  /** package lists to install from: file names and contents of `sync` */
  lists: readonly { name: string; content: Uint8Array }[];
  keyring?: readonly KeyringFile[];
  /** what every build needs; names of packages or groups, those that nobody offers are left out */
  basePackages?: readonly string[];
  /** packages of earlier builds that this one needs */
  built?: readonly GivenArchive[];
  check?: boolean;
  skipSignatures?: boolean;
  packager?: string;
  /** seconds since 1970: all times in the packages are at most that; now, when absent */
  sourceDate?: number;
  jobs?: number;
  onOutput?(text: string): void;
}

export interface BuiltPackage {
  fileName: string;
  info: PackageInfo;
  bytes: Uint8Array;
}

const OUTPUT_TAIL_LINES = 15;
const FILE_META = { uid: 0, gid: 0, mode: 0o644, mtime: 0 };
const FOLDER_META = { uid: 0, gid: 0, mode: 0o755, mtime: 0 };

/**
 * The recipe of a folder: its PKGBUILD, or its `.SRCINFO` where only a shell could read that.
 *
 * @param files  path in the folder → content
 * @throws RecipeError, ShellError
 */
export function readRecipe(files: ReadonlyMap<string, Uint8Array>, architecture: string): Recipe {
  const text = files.get("PKGBUILD"),
    info = files.get(".SRCINFO");
  if (text === undefined) throw new RecipeError("there is no PKGBUILD");
  try {
    return parsePkgbuild(byteStringToUtf8(byteString(text)), architecture).recipe;
  } catch (error) {
    if (!(error instanceof ShellError) || !error.needsShell || info === undefined) throw error;
    return parseSourceInfo(byteStringToUtf8(byteString(info)));
  }
}

/**
 * Builds all packages of a recipe. @throws BuildError, RecipeError, ShellError, SignatureError, and what installing
 * throws
 */
export async function buildPackages(
  files: ReadonlyMap<string, Uint8Array>,
  settings: BuildSettings,
): Promise<BuiltPackage[]> {
  const architecture = settings.configuration.architectures[0] ?? "any";
  const recipe = await recipeFor(files, architecture, settings);
  const architectures = recipe.attributes.get("arch")!;
  if (!architectures.includes("any") && !architectures.includes(architecture))
    throw new RecipeError(`${recipe.base}: is for ${architectures.join(", ")}, not for ${architecture}`);
  const sources = await fetchSources(recipe, {
    ports: settings.ports,
    files,
    architecture,
    keyring: settings.keyring ?? [],
    skipSignatures: settings.skipSignatures ?? false,
  });
  const root = await settings.openRoot();
  try {
    const { files: rootFiles } = root.system;
    const installed = await prepareRoot(root, needsOf(recipe, architecture, settings), settings);
    layOut(rootFiles, files);
    const unpack: string[] = [];
    const noExtract = new Set(recipe.attributes.get("noextract") ?? []);
    for (const { source, content } of sources) {
      const place = `${BUILD_FOLDER}/src/${utf8ToByteString(source.name)}`;
      if (source.kind === "git") await root.clone(source.url, source.reference, place);
      else putFile(rootFiles, place, content!);
      if (source.kind !== "git" && !noExtract.has(source.name) && isArchive(source.name)) unpack.push(source.name);
    }
    const sourceDate = Math.floor(settings.sourceDate ?? settings.ports.nowSeconds());
    const script = buildScript({
      architecture,
      packages: recipe.packages.map((one) => one.name),
      unpack,
      check: settings.check ?? true,
      sourceDate,
      jobs: settings.jobs ?? 1,
    });
    putFile(rootFiles, `${BUILD_FOLDER}/run`, byteStringOf(utf8ToByteString(script)));
    await runScript(root, recipe.base, settings);
    const version = finalVersion(rootFiles, recipe);
    const made: BuiltPackage[] = [];
    for (const one of recipe.packages)
      made.push(
        await pack(rootFiles, recipe, one.name, { version, architecture, sourceDate, installed, files, settings }),
      );
    return made;
  } finally {
    await root.discard();
  }
}

/** The recipe; what only a shell can tell of it is asked of one in a clean root. */
async function recipeFor(
  files: ReadonlyMap<string, Uint8Array>,
  architecture: string,
  settings: BuildSettings,
): Promise<Recipe> {
  try {
    return readRecipe(files, architecture);
  } catch (error) {
    if (!(error instanceof ShellError) || !error.needsShell) throw error;
    const root = await settings.openRoot();
    try {
      await prepareRoot(root, [], settings);
      layOut(root.system.files, files);
      const names = [...ATTRIBUTES, ...[...PER_ARCHITECTURE].map((key) => `${key}_${architecture}`)];
      putFile(root.system.files, `${BUILD_FOLDER}/run`, byteStringOf(readingScript(architecture, names)));
      await runScript(root, "PKGBUILD", settings);
      const told = parseAttributes(byteStringToUtf8(byteString(root.system.files.read(`${BUILD_FOLDER}/attributes-`))));
      const attributes = new Map([...told].filter(([key, values]) => values.length > 0 && key !== "pkgname"));
      return makeRecipe(
        attributes,
        (told.get("pkgname") ?? []).map((name) => ({ name, attributes: new Map() })),
        "PKGBUILD",
      );
    } finally {
      await root.discard();
    }
  }
}

function layOut(rootFiles: RootFiles, files: ReadonlyMap<string, Uint8Array>): void {
  for (const folder of ["", "/recipe", "/src", "/pkg", "/home"])
    rootFiles.directory(`${BUILD_FOLDER}${folder}`, FOLDER_META);
  for (const [path, content] of files) putFile(rootFiles, `${BUILD_FOLDER}/recipe/${utf8ToByteString(path)}`, content);
}

/** What a recipe needs to be built. */
function needsOf(recipe: Recipe, architecture: string, settings: BuildSettings): string[] {
  const needs = new Set<string>();
  for (const key of ["depends", "makedepends", ...(settings.check === false ? [] : ["checkdepends"])])
    for (const text of valuesFor(recipe.attributes, key, architecture)) needs.add(utf8ToByteString(text));
  for (const one of recipe.packages) {
    for (const text of packageValues(recipe, one, "depends", architecture))
      if (!recipe.packages.some((other) => text === other.name || text.startsWith(`${other.name}=`)))
        needs.add(utf8ToByteString(text));
  }
  return [...needs];
}

/** Installs what building needs. @returns what is installed then, for .BUILDINFO */
async function prepareRoot(root: BuildRoot, needs: readonly string[], settings: BuildSettings): Promise<string[]> {
  const { files } = root.system;
  for (const folder of ["dev", "proc", "tmp", "var", "var/lib", "var/lib/pacman", "var/lib/pacman/sync"])
    files.directory(folder, folder === "tmp" ? { ...FOLDER_META, mode: 0o1777 } : FOLDER_META);
  for (const { name, content } of settings.lists) files.file(`var/lib/pacman/sync/${name}`, FILE_META, content);
  const alpm = await Alpm.open({
    ports: settings.ports,
    system: root.system,
    configuration: { ...settings.configuration, databasePath: "/var/lib/pacman/" },
    listener: settings.listener,
    keyring: settings.keyring ?? [],
  });
  try {
    const offered = (name: string): boolean =>
      alpm.databases.some((database) => database.get(name) !== undefined || database.group(name).length > 0);
    const wanted = new Set([...(settings.basePackages ?? ["base-devel"]).filter(offered), ...needs]);
    const transaction = await alpm.prepare(
      { install: [...wanted], needed: true },
      { archives: (settings.built ?? []).map((archive) => ({ ...archive, asDependency: false })) },
    );
    if (!transaction.isEmpty) await alpm.commit(transaction);
    return alpm.local
      .packages()
      .map((one) => `${one.name}-${one.version}-${one.architecture}`)
      .sort();
  } finally {
    alpm.close();
  }
}

async function runScript(root: BuildRoot, base: string, settings: BuildSettings): Promise<void> {
  if (root.system.runner === undefined) throw new BuildError(`${base}: nothing here can run programs in a root`);
  const hasBash = ["usr/bin/bash", "bin/bash"].some((path) => root.system.files.look(path) !== undefined);
  if (!hasBash)
    throw new BuildError(
      `${base}: the clean root has no bash: no repository offers ` +
        `${(settings.basePackages ?? ["base-devel"]).join(", ")}`,
    );
  let tail = "";
  const status = await root.system.runner.run(
    ["/usr/bin/env", "-i", "bash", "--noprofile", "--norc", `/${BUILD_FOLDER}/run`],
    {
      onOutput: (text) => {
        tail = (tail + text).slice(-16_384);
        settings.onOutput?.(text);
      },
    },
  );
  if (status !== 0)
    throw new BuildError(
      `${base}: the build failed with status ${status}:\n` +
        `${tail.trimEnd().split("\n").slice(-OUTPUT_TAIL_LINES).join("\n")}`,
    );
}

/** `pkgver()` may have told another version. */
function finalVersion(files: RootFiles, recipe: Recipe): string {
  const path = `${BUILD_FOLDER}/pkgver`;
  if (files.look(path)?.kind !== "file") return recipe.version;
  const told = byteString(files.read(path)).trim();
  if (!/^[^\s/:-]+$/.test(told))
    throw new BuildError(`${recipe.base}: pkgver() told "${told.slice(0, 60)}", which is no version`);
  const epoch = /^[0-9]+:/.exec(recipe.version)?.[0] ?? "",
    release = recipe.version.slice(recipe.version.lastIndexOf("-"));
  return (
    `${epoch}${told}` +
    `${compareAlpmVersions(told, recipe.version.slice(epoch.length).replace(/-[^-]*$/, "")) === 0 ? release : "-1"}`
  );
}

interface PackSettings {
  version: string;
  architecture: string;
  sourceDate: number;
  installed: readonly string[];
  files: ReadonlyMap<string, Uint8Array>;
  settings: BuildSettings;
}

async function pack(rootFiles: RootFiles, recipe: Recipe, name: string, how: PackSettings): Promise<BuiltPackage> {
  const { version, architecture, sourceDate, settings } = how;
  const attributes = parseAttributes(byteString(rootFiles.read(`${BUILD_FOLDER}/attributes-${name}`)));
  const all = (key: string): string[] => [
    ...(attributes.get(key) ?? []),
    ...(attributes.get(`${key}_${architecture}`) ?? []),
  ];
  const one = (key: string): string => attributes.get(key)?.[0] ?? "";
  const base = (key: string): string[] => valuesFor(recipe.attributes, key, architecture).map(utf8ToByteString);
  const options = all("options");
  const collected = collect(rootFiles, `${BUILD_FOLDER}/pkg/${name}`, sourceDate);
  const files = await tidyFiles(
    collected,
    new Map(options.map((option) => [option.replace(/^!/, ""), !option.startsWith("!")])),
    settings.ports,
  );
  const info: PackageInfo = {
    name,
    version,
    base: recipe.base,
    description: one("pkgdesc").replace(/\s+/g, " ").trim(),
    url: one("url"),
    architecture: all("arch").includes("any") ? "any" : architecture,
    packager: settings.packager ?? "Unknown Packager",
    buildDate: sourceDate,
    installedSize: files.reduce((sum, file) => sum + file.content.length, 0),
    licenses: all("license"),
    groups: all("groups"),
    depends: all("depends"),
    optionalDepends: all("optdepends"),
    makeDepends: base("makedepends"),
    checkDepends: base("checkdepends"),
    conflicts: all("conflicts"),
    provides: all("provides"),
    replaces: all("replaces"),
    backup: all("backup"),
    extraData: [],
  };
  const scriptlet = one("install");
  const install = scriptlet === "" ? undefined : how.files.get(byteStringToUtf8(scriptlet));
  if (scriptlet !== "" && install === undefined)
    throw new RecipeError(`${name}: its scriptlet ${scriptlet} is not among the recipe's files`);
  const bytes = await writeAlpmPackage(
    { info, files, buildInfo: buildInfo(info, how), ...(install === undefined ? {} : { install }) },
    settings.ports,
  );
  return { fileName: `${name}-${version}-${info.architecture}.pkg.tar.zst`, info, bytes };
}

/** Source: BUILDINFO(5). */
function buildInfo(info: PackageInfo, { files, installed, settings }: PackSettings): string {
  const lines = [
    "format = 2",
    `pkgname = ${info.name}`,
    `pkgbase = ${info.base}`,
    `pkgver = ${info.version}`,
    `pkgarch = ${info.architecture}`,
    `pkgbuild_sha256sum = ${settings.ports.digest("sha256", files.get("PKGBUILD")!)}`,
    `packager = ${info.packager}`,
    `builddate = ${info.buildDate}`,
    `builddir = /${BUILD_FOLDER}`,
    `startdir = /${BUILD_FOLDER}/recipe`,
    "buildtool = stratos",
    "buildenv = check",
    ...installed.map((one) => `installed = ${one}`),
  ];
  return `${lines.join("\n")}\n`;
}

/** All that a package function laid out, with times of at most `sourceDate`. */
function collect(files: RootFiles, folder: string, sourceDate: number): NewFile[] {
  const found: NewFile[] = [];
  const walk = (path: string): void => {
    for (const name of files.list(`${folder}${path === "" ? "" : `/${path}`}`)) {
      const inner = path === "" ? name : `${path}/${name}`;
      const node = files.look(`${folder}/${inner}`)!;
      const meta = {
        ...node.meta,
        mtime: Math.min(node.meta.mtime, sourceDate),
        uname: node.meta.uid === 0 ? "root" : "",
        gname: node.meta.gid === 0 ? "root" : "",
      };
      const empty = new Uint8Array(0);
      if (node.kind === "directory") {
        found.push({ path: inner, entry: tarEntry(inner, TarType.directory, meta), content: empty });
        walk(inner);
      } else if (node.kind === "symlink")
        found.push({
          path: inner,
          entry: tarEntry(inner, TarType.symbolicLink, { ...meta, mode: 0o777, linkPath: node.target }),
          content: empty,
        });
      else if (node.kind === "file") {
        const content = files.read(`${folder}/${inner}`);
        found.push({ path: inner, entry: tarEntry(inner, TarType.file, { ...meta, size: content.length }), content });
      } else throw new BuildError(`${inner}: a package cannot hold devices, fifos and sockets`);
    }
  };
  walk("");
  return found;
}

function isArchive(name: string): boolean {
  return /\.(tar(\.(gz|xz|zst|bz2|lzma|Z|lz4))?|tgz|txz|tbz2?|zip|rpm|deb)$/.test(name);
}

function putFile(files: RootFiles, path: string, content: Uint8Array): void {
  const parts = path.split("/");
  for (let count = 1; count < parts.length; count++) {
    const folder = parts.slice(0, count).join("/");
    if (files.look(folder) === undefined) files.directory(folder, FOLDER_META);
  }
  files.file(path, FILE_META, content);
}
