/**
 * Imports point down, are declared, and come by the front door; the core knows nothing of the computer that it runs on
 * (STYLE.md §1).
 */
import { builtinModules } from "node:module";
import { posix } from "node:path";
import { lineAt, type Finding, type SourceFile, type SourceTree } from "./source-tree.ts";

/** Layer of each package (DESIGN.md §2). A package that is not here is a finding, and a name of none. */
export const LAYERS: Readonly<Record<string, number>> = {
  base: 0,
  abi: 0,
  host: 0,
  wasm: 1,
  riscv: 1,
  aegisfs: 1,
  netfilter: 1,
  netstack: 1,
  formats: 1,
  kernel: 2,
  machine: 3,
  operation: 4,
  session: 4,
  trace: 4,
  sdk: 4,
  fuse: 4,
  lisp: 4,
  pkg: 4,
  compose: 4,
  outputs: 4,
  builder: 4,
  "hub-api": 4,
  dbus: 4,
  sound: 4,
  wayland: 4,
  display: 5,
  "host-node": 5,
  "host-browser": 5,
  "tools-node": 5,
  "engine-node": 5,
  images: 5,
  systems: 5,
  volumes: 5,
  library: 5,
  supervisor: 5,
  cli: 5,
  mcp: 5,
  hub: 5,
  console: 5,
  desktop: 5,
  panels: 5,
  tui: 5,
};
/** Within a layer packages know nothing of each other, but for these. */
const SIBLINGS = new Set([
  "abi>base",
  "host>base",
  "host>abi",
  "riscv>wasm",
  "compose>pkg",
  "compose>outputs",
  "builder>pkg",
  "builder>compose",
  "sdk>session",
]);
/** Commands map words and statuses to operations: of what those stand on they know nothing. */
const COMMAND_LINE = "cli";
const ENGINES = new Set(["wasm", "riscv", "aegisfs", "netfilter", "netstack", "formats", "kernel", "machine"]);
/** The last layer without libraries; the one that has libraries but no Node; the one that has both. */
const CORE_LAYER = 3;
const PURE_LAYER = 4;
const FACE_LAYER = 5;

/** What `lib: ["es2024"]` still declares (the other globals of a host do not type-check in the core). */
const HOST_GLOBALS = /\bnew Date\b|\bDate\.\w+|\bMath\.random\b|\bglobalThis\b|\bAtomics\.wait\b/g;

export function checkLayers(tree: SourceTree): Finding[] {
  const findings: Finding[] = [];
  const manifests = new Map<string, Manifest>();
  for (const { path, text } of tree.files) {
    const name = /^packages\/([^/]+)\/package\.json$/.exec(path)?.[1];
    if (name !== undefined) manifests.set(name, JSON.parse(text) as Manifest);
  }
  for (const [name, manifest] of manifests) {
    const path = `packages/${name}/package.json`;
    const layer = LAYERS[name];
    if (layer === undefined)
      findings.push({
        path,
        line: 0,
        message: "a package of no layer: add it to tools/tidy/layers.ts and DESIGN.md §2",
      });
    for (const dependency of Object.keys(manifest.dependencies ?? {})) {
      if (!dependency.startsWith("@stratos/") && (layer ?? 0) <= CORE_LAYER)
        findings.push({ path, line: 0, message: `layers 0 to 3 have no libraries: ${dependency}` });
    }
  }
  for (const file of tree.files) {
    const name = /^packages\/([^/]+)\/src\/.*\.ts$/.exec(file.path)?.[1];
    if (name !== undefined) findings.push(...checkFile(file, name, manifests));
  }
  return findings;
}

interface Manifest {
  readonly exports?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

function checkFile(file: SourceFile, name: string, manifests: ReadonlyMap<string, Manifest>): Finding[] {
  const manifest = manifests.get(name);
  const findings: Finding[] = [];
  const layer = LAYERS[name] ?? FACE_LAYER;
  const isSupport = /\.(test|fuzz|bench)\.ts$|\/testing\//.test(file.path);
  const find = (offset: number, message: string): void =>
    void findings.push({ path: file.path, line: lineAt(file.text, offset), message });
  for (const { specifier, offset } of importsOf(file.text)) {
    if (!isSupport && /\/testing(\/|$)/.test(specifier))
      find(offset, `what tests stand on is no product: "${specifier}"`);
    if (specifier.startsWith(".")) {
      if (!/\.(ts|mjs|json)$/.test(specifier)) find(offset, `imports carry their extension: "${specifier}"`);
      if (leavesPackage(file.path, specifier))
        find(offset, `an import that leaves the package: "${specifier}"; use the other package's name`);
      continue;
    }
    const isNode = specifier.startsWith("node:") || builtinModules.includes(specifier);
    if (isNode) {
      if (layer <= CORE_LAYER && !isSupport) find(offset, `layer ${layer} does not know Node: "${specifier}"`);
      if (layer === PURE_LAYER && !isSupport) find(offset, `layer 4 reaches the host through ports: "${specifier}"`);
      continue;
    }
    const target = /^@stratos\/([^/]+)(\/.*)?$/.exec(specifier);
    if (target === null) {
      if (layer <= CORE_LAYER && !isSupport) find(offset, `layers 0 to 3 have no libraries: "${specifier}"`);
      const library = specifier
        .split("/")
        .slice(0, specifier.startsWith("@") ? 2 : 1)
        .join("/");
      if (manifest?.dependencies?.[library] === undefined && !isSupport)
        find(offset, `"${library}" is not declared in package.json`);
      continue;
    }
    const other = target[1]!;
    if (other === name) find(offset, `a package names its own files: "${specifier}"`);
    // A package may have a second door, which its manifest names.
    const isDoor = target[2] === undefined || manifests.get(other)?.exports?.[`.${target[2]}`] !== undefined;
    if (!isDoor && !isSupport) find(offset, `an import past the front door: "${specifier}"`);
    const otherLayer = LAYERS[other] ?? FACE_LAYER;
    const isAllowed = otherLayer < layer || layer === FACE_LAYER || SIBLINGS.has(`${name}>${other}`);
    if (!isAllowed && !isSupport) find(offset, `layer ${layer} (${name}) does not know layer ${otherLayer} (${other})`);
    if (name === COMMAND_LINE && ENGINES.has(other) && !isSupport)
      find(offset, `commands come by an operation, not by an engine: "${specifier}"`);
    const isDeclared =
      manifest?.dependencies?.[`@stratos/${other}`] !== undefined ||
      (isSupport && manifest?.devDependencies?.[`@stratos/${other}`] !== undefined);
    if (!isDeclared && !isSupport) find(offset, `"@stratos/${other}" is not declared in package.json`);
  }
  if (layer <= CORE_LAYER && !isSupport) {
    const code = withoutComments(file.text);
    for (const match of code.matchAll(HOST_GLOBALS))
      find(match.index, `layer ${layer} does not know the host: ${match[0]}`);
  }
  return findings;
}

function leavesPackage(path: string, specifier: string): boolean {
  const home = path.split("/").slice(0, 2).join("/");
  return !posix.join(posix.dirname(path), specifier).startsWith(`${home}/`);
}

interface Import {
  readonly specifier: string;
  readonly offset: number;
  /** Nothing is left of it when the program is loaded: it imports types only, or is a call that may come later. */
  readonly isErased: boolean;
}

export function importsOf(text: string): readonly Import[] {
  let found = parsed.get(text);
  if (found === undefined) parsed.set(text, (found = findImports(withoutComments(text))));
  return found;
}

function findImports(code: string): Import[] {
  const found: Import[] = [];
  for (const match of code.matchAll(
    /(?:^|\n)\s*(?:import|export)\s(?:[^;'"`]*?\sfrom\s*)?["']([^"'\n]+)["']|\bimport\(\s*["']([^"'\n]+)["']\s*\)/g,
  )) {
    found.push({
      specifier: (match[1] ?? match[2])!,
      offset: match.index + match[0].search(/\S/),
      isErased: match[1] === undefined || /^\s*(?:import|export)\s+type\s/.test(match[0]),
    });
  }
  return found;
}

/** The same text with comments and the insides of strings that hold no import made blank, so that offsets stay. */
export function withoutComments(text: string): string {
  let code = blanked.get(text);
  if (code === undefined)
    blanked.set(text, (code = text.replace(COMMENT, (comment) => comment.replace(/[^\n]/g, " "))));
  return code;
}

export const COMMENT = /\/\*[\s\S]*?\*\/|(?<![:"'`\\])\/\/[^\n]*/g;
/** Most checks ask for the same files. */
const parsed = new Map<string, readonly Import[]>();
const blanked = new Map<string, string>();
