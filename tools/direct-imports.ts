/**
 * For the bundler: a name that a module imports by way of others (`@stratos/kernel` of what `vfs/open.ts` has) is
 * imported from where it is declared. esbuild splits a program by files: who imports one name of a file that hands many
 * on is taken for one that needs them all, and `stratos ps`, which is the client of a process, loaded the kernel
 * because it asks whether an address is one of IPv4. Modules that hand names on do nothing else when they are loaded,
 * so that it is the same program; past one that acts (`@stratos/library` says where machines run) nothing is taken.
 */
import { globSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { withoutComments } from "./tidy/layers.ts";
import { doorsOf, exportsOf, fileBehind, listedNames, type ModuleExports } from "./tidy/module-exports.ts";

const BLANK = /\s+|\/\*[\s\S]*?\*\/|\/\/.*\n/y;
const NAMED = /(import|export) (type )?(\{[^}]*\}) from "([^"]+)";/y;
/** What else may stand among them; what a module declares itself ends them. */
const OTHER = /(?:import\b[^;]*?|export \*(?: as \w+)? from )"[^"]+"[^;]*;/y;
/** A call for what it does, where modules are formatted: at a line's beginning, outside of texts. */
const ACT = /^[\w$.]+\(/m;
const TEXTS = /`(?:\\[\s\S]|[^`\\])*`/g;

interface Statement {
  readonly word: string;
  readonly list: string;
  readonly specifier: string;
  readonly start: number;
  readonly end: number;
}

interface Module extends ModuleExports {
  readonly text: string;
  readonly statements: readonly Statement[];
  /** It does something when it is loaded. */
  readonly acts: boolean;
}

interface Declared {
  readonly path: string;
  readonly name: string;
}

export class DirectImports {
  readonly #root: string;
  /** Of packages, by what is imported: `@stratos/base/testing`. */
  readonly #doors: ReadonlyMap<string, string>;
  /** By paths from the root. */
  readonly #modules = new Map<string, Module>();

  constructor(root: string) {
    this.#root = root;
    const manifests = globSync("packages/*/package.json", { cwd: root });
    this.#doors = doorsOf(manifests.map((path) => ({ path, text: readFileSync(join(root, path), "utf8") })));
  }

  /** @returns the source of a module, with each name imported from where it is declared */
  sourceOf(file: string): string {
    const path = relative(this.#root, file);
    const { text, statements } = this.#moduleAt(path);
    let result = "";
    let at = 0;
    for (const statement of statements) {
      result += text.slice(at, statement.start) + this.#direct(statement, path, text);
      at = statement.end;
    }
    return result + text.slice(at);
  }

  /** @returns the module that an importer names; null: none of ours */
  fileOf(specifier: string, importer: string): string | null {
    const path = this.#pathBehind(specifier, relative(this.#root, importer));
    return path === null ? null : join(this.#root, path);
  }

  #pathBehind(specifier: string, importer: string): string | null {
    const path = fileBehind(specifier, importer, this.#doors);
    return path?.endsWith(".ts") === true ? path : null;
  }

  /** As many lines as before, so that what follows stays on its own. */
  #direct({ word, list, specifier, start, end }: Statement, importer: string, text: string): string {
    const whole = text.slice(start, end);
    const door = this.#pathBehind(specifier, importer);
    if (door === null) return whole;
    // Types are nobody's at run time.
    const names = listedNames(list).filter(({ isType }) => !isType);
    const byPath = Map.groupBy(
      names.map(({ name, as }) => ({ ...this.#declared(door, name), as })),
      (found) => found.path,
    );
    const direct = [...byPath].map(([path, found]) => {
      const parts = found.map(({ name, as }) => (name === as ? name : `${name} as ${as}`));
      const source = path === door ? specifier : join(this.#root, path);
      return `${word} { ${parts.join(", ")} } from ${JSON.stringify(source)};`;
    });
    return direct.join(" ") + "\n".repeat(whole.split("\n").length - 1);
  }

  #moduleAt(path: string): Module {
    let module = this.#modules.get(path);
    if (module === undefined) {
      const text = readFileSync(join(this.#root, path), "utf8");
      const code = withoutComments(text);
      const acts = ACT.test(code.replace(TEXTS, ""));
      module = { text, statements: statementsOf(text), acts, ...exportsOf(path, code, this.#doors) };
      this.#modules.set(path, module);
    }
    return module;
  }

  #declared(path: string, name: string): Declared {
    const { exports, stars, acts } = this.#moduleAt(path);
    const from = exports.get(name)?.from;
    if (acts || (from !== undefined && !from.path.endsWith(".ts"))) return { path, name };
    if (from !== undefined) return this.#declared(from.path, from.name);
    if (!exports.has(name))
      for (const star of stars) {
        const found = this.#declared(star, name);
        if (this.#moduleAt(found.path).exports.has(found.name)) return found;
      }
    return { path, name };
  }
}

/** Those that name what they import or hand on, of what stands before a module's own declarations. */
function statementsOf(text: string): Statement[] {
  const statements: Statement[] = [];
  for (let at = 0; at < text.length;) {
    const named = matchAt(NAMED, text, at);
    const match = named ?? matchAt(BLANK, text, at) ?? matchAt(OTHER, text, at);
    if (match === null) break;
    const end = at + match[0].length;
    const [, word, isOfTypes, list, specifier] = named ?? [];
    if (named !== null && isOfTypes === undefined)
      statements.push({ word: word!, list: list!, specifier: specifier!, start: at, end });
    at = end;
  }
  return statements;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
