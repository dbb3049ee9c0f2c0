/**
 * For the bundler: a name that a module imports by way of others (`@stratos/kernel` of what `vfs/open.ts` has) is
 * imported from where it is declared. esbuild splits a program by files: who imports one name of a file that hands many
 * on is taken for one that needs them all, and `stratos ps`, which is the client of a process, loaded the kernel
 * because it asks whether an address is one of IPv4. Modules that hand names on do nothing else when they are loaded,
 * so that it is the same program; past one that acts (`@stratos/library` says where machines run) nothing is taken.
 */
import { globSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const BLANK = /\s+|\/\*[\s\S]*?\*\/|\/\/.*\n/y;
const NAMED = /(import|export) (type )?\{([^}]*)\} from "([^"]+)";/y;
/** What else may stand among them; what a module declares itself ends them. */
const OTHER = /(?:import\b[^;]*?|export \*(?: as \w+)? from )"[^"]+"[^;]*;/y;
/** A call for what it does, where modules are formatted: at a line's beginning, outside of texts and comments. */
const ACT = /^[\w$.]+\(/m;
const TEXTS = /\/\*[\s\S]*?\*\/|`(?:\\[\s\S]|[^`\\])*`/g;
const STAR = /^export \* from "([^"]+)";/gm;

interface Name {
  readonly name: string;
  /** As it is called where it is imported. */
  readonly local: string;
}

interface Named {
  readonly word: string;
  readonly names: readonly Name[];
  readonly source: string;
  readonly start: number;
  readonly end: number;
}

interface Module {
  readonly text: string;
  readonly statements: readonly Named[];
  /** What it hands on, by the name that it has here. */
  readonly handedOn: ReadonlyMap<string, { readonly name: string; readonly source: string }>;
  readonly stars: readonly string[];
  /** It does something when it is loaded. */
  readonly acts: boolean;
}

interface Declared {
  readonly file: string;
  readonly name: string;
}

export class DirectImports {
  /** Of packages, by what is imported: `@stratos/base/testing`. */
  readonly #entries: ReadonlyMap<string, string>;
  readonly #modules = new Map<string, Module>();

  constructor(repository: string) {
    this.#entries = packageEntries(repository);
  }

  /** @returns the source of a module, with each name imported from where it is declared */
  sourceOf(path: string): string {
    const { text, statements } = this.#moduleAt(path);
    let result = "";
    let at = 0;
    for (const statement of statements) {
      result += text.slice(at, statement.start) + this.#direct(statement, path);
      at = statement.end;
    }
    return result + text.slice(at);
  }

  /** @returns the module that an importer names; null: none of ours */
  fileOf(source: string, importer: string): string | null {
    const file = source.startsWith(".") ? resolve(dirname(importer), source) : (this.#entries.get(source) ?? null);
    return file !== null && file.endsWith(".ts") ? file : null;
  }

  /** As many lines as before, so that what follows stays on its own. */
  #direct({ word, names, source, start, end }: Named, importer: string): string {
    const file = this.fileOf(source, importer);
    const whole = this.#moduleAt(importer).text.slice(start, end);
    if (file === null) return whole;
    const byFile = Map.groupBy(
      names.map(({ name, local }) => ({ ...this.#declared(file, name), local })),
      (found) => found.file,
    );
    const lines = whole.split("\n").length - 1;
    const direct = [...byFile].map(([from, found]) => {
      const parts = found.map(({ name, local }) => (name === local ? name : `${name} as ${local}`));
      return `${word} { ${parts.join(", ")} } from ${JSON.stringify(from === file ? source : from)};`;
    });
    return direct.join(" ") + "\n".repeat(lines);
  }

  #moduleAt(file: string): Module {
    let module = this.#modules.get(file);
    if (module === undefined) this.#modules.set(file, (module = readModule(readFileSync(file, "utf8"))));
    return module;
  }

  #declared(file: string, name: string): Declared {
    const module = this.#moduleAt(file);
    if (module.acts) return { file, name };
    const handed = module.handedOn.get(name);
    if (handed !== undefined) {
      const next = this.fileOf(handed.source, file);
      return next === null ? { file, name } : this.#declared(next, handed.name);
    }
    if (declares(module, name)) return { file, name };
    for (const star of module.stars) {
      const next = this.fileOf(star, file);
      if (next === null) continue;
      const found = this.#declared(next, name);
      if (declares(this.#moduleAt(found.file), found.name)) return found;
    }
    return { file, name };
  }
}

function packageEntries(repository: string): Map<string, string> {
  const entries = new Map<string, string>();
  for (const path of globSync("packages/*/package.json", { cwd: repository })) {
    const { name, exports } = JSON.parse(readFileSync(join(repository, path), "utf8")) as {
      name: string;
      exports?: Record<string, unknown>;
    };
    for (const [entry, target] of Object.entries(exports ?? {}))
      if (typeof target === "string") entries.set(join(name, entry), join(repository, dirname(path), target));
  }
  return entries;
}

/** Reads what stands before a module's own declarations: that is where imports are. */
function readModule(text: string): Module {
  const statements: Named[] = [];
  const handedOn = new Map<string, { name: string; source: string }>();
  for (let at = 0; at < text.length;) {
    const named = matchAt(NAMED, text, at);
    const other = named ?? matchAt(BLANK, text, at) ?? matchAt(OTHER, text, at);
    if (other === null) break;
    const end = at + other[0].length;
    if (named !== null && named[2] === undefined) {
      const [, word, , list, source] = named as unknown as [string, string, unknown, string, string];
      const names = namesIn(list);
      statements.push({ word, names, source, start: at, end });
      if (word === "export") for (const { name, local } of names) handedOn.set(local, { name, source });
    }
    at = end;
  }
  const stars = [...text.matchAll(STAR)].map((match) => match[1]!);
  return { text, statements, handedOn, stars, acts: ACT.test(text.replace(TEXTS, "")) };
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** Types are nobody's at run time. */
function namesIn(list: string): Name[] {
  return list
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "" && !part.startsWith("type ") && !part.startsWith("/"))
    .map((part) => {
      const [name, local = name] = part.split(" as ");
      return { name: name!, local: local! };
    });
}

function declares({ text }: Module, name: string): boolean {
  const one = `(?:abstract |async )?(?:class|enum|function\\*?) ${name}\\b`;
  const several = `(?:const|let) (?:[^;]*[\\s,{])?${name}\\b`;
  return new RegExp(`^export (?:${one}|${several}|\\{[^}]*\\b${name}\\b[^}]*\\};)`, "m").test(text);
}
