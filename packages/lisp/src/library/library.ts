/** Libraries: `define-library`, import sets, and where libraries come from. R7RS §5.2, §5.6. */
import type { Core, Global, Unit } from "../core/core.ts";
import { syntaxError } from "../datum/condition.ts";
import { intern, NIL, Pair, SchemeSymbol } from "../datum/datum.ts";
import { bind, resolve } from "../expander/binding.ts";
import { chooseFeature, includedForms } from "../expander/core-forms.ts";
import type { Context } from "../expander/body.ts";
import { attempt, type FormExpander } from "../expander/form-expander.ts";
import { Namespace } from "../expander/namespace.ts";
import {
  ANY_PHASE,
  type Identifier,
  isIdentifier,
  type Syntax,
  syntaxItems,
  syntaxToDatum,
  unwrap,
  type Binding,
} from "../expander/syntax.ts";
import { writeText } from "../reader/writer.ts";
import { standardExports } from "./standard.ts";

interface Library {
  readonly name: string;
  readonly exports: ReadonlyMap<string, Binding>;
  /** Null: it is made of primitives, and nothing is to be run. */
  readonly unit: Unit | null;
}

/** Finds the source of a library that is not there yet: its text, or null. */
export type LibraryFinder = (
  parts: readonly (string | number)[],
) => { readonly text: string; readonly file: string } | null;

interface LibraryHost {
  readonly expander: FormExpander;
  readonly findLibrary: LibraryFinder;
  readForms(text: string, file: string, namespace: Namespace, foldsCase: boolean): Syntax[];
}

export class Libraries {
  readonly #host: LibraryHost;
  readonly #known: Map<string, Library>;
  /** Being loaded: a library that is met here imports itself. */
  readonly #open: string[];

  constructor(host: LibraryHost) {
    this.#host = host;
    this.#known = new Map();
    this.#open = [];
  }

  /** @throws SchemeError  where there is none, or it imports itself */
  require(name: Syntax): Library {
    const written = libraryName(name);
    const found = this.find(name);
    if (found === null) throw syntaxError(`there is no library ${written}`, name.source);
    return found;
  }

  /** Null when there is none. */
  find(name: Syntax): Library | null {
    const written = libraryName(name);
    const known = this.#known.get(written);
    if (known !== undefined) return known;
    const exports = standardExports(written);
    if (exports !== null) return this.#add({ name: written, exports, unit: null });
    const parts = (syntaxItems(name) ?? []).map((part) => {
      const datum = unwrap(part);
      return datum instanceof SchemeSymbol ? datum.name : (datum as number);
    });
    const source = this.#host.findLibrary(parts);
    if (source === null) return null;
    if (this.#open.includes(written))
      throw syntaxError(`the library ${written} imports itself: ` + [...this.#open, written].join(", "), name.source);
    const namespace = loader();
    for (const form of this.#host.readForms(source.text, source.file, namespace, false)) {
      const items = syntaxItems(form);
      if (items !== null && isIdentifier(items[0]) && items[0].datum.name === "define-library") this.define(form);
    }
    return this.#known.get(written) ?? null;
  }

  #add(library: Library): Library {
    this.#known.set(library.name, library);
    return library;
  }

  get(name: string): Library | undefined {
    return this.#known.get(name);
  }

  /** Those that are there, in order of their loading. */
  get all(): IterableIterator<Library> {
    return this.#known.values();
  }

  /** @returns what makes the libraries that are there now the ones that are there */
  mark(): () => void {
    const known = new Map(this.#known);
    return () => {
      this.#known.clear();
      for (const [name, library] of known) this.#known.set(name, library);
    };
  }

  /** Forgets a library, and those that import it: they are looked for anew. @returns their names */
  forget(name: string): string[] {
    if (!this.#known.delete(name)) return [];
    const users = [...this.#known.values()].filter(({ unit }) => unit?.imports.includes(name) === true);
    return [name, ...users.flatMap((user) => this.forget(user.name))];
  }

  /** `(define-library NAME DECLARATION ...)`. */
  define(form: Syntax): void {
    const { expander } = this.#host;
    const [, name, ...declarations] = expander.items(form, 2) as [Syntax, Syntax, ...Syntax[]];
    const written = libraryName(name);
    const namespace = new Namespace(written, { isOpen: false, isInteractive: false });
    const context: Context = { namespace, phase: 0, body: null };
    this.#open.push(written);
    try {
      const body: Syntax[] = [],
        exports: Export[] = [],
        imports: Syntax[] = [];
      const declare = (declaration: Syntax): void => {
        const [word, ...rest] = expander.items(declaration, 1) as [Syntax, ...Syntax[]];
        const kind = isIdentifier(word) ? word.datum.name : "";
        switch (kind) {
          case "export":
            for (const one of rest) exports.push(exportOf(one));
            return;
          case "import":
            imports.push(...rest);
            return;
          case "begin":
            body.push(...rest);
            return;
          case "include":
          case "include-ci":
            body.push(...includedForms(declaration, kind === "include-ci", expander));
            return;
          case "include-library-declarations":
            for (const one of includedForms(declaration, false, expander)) declare(one);
            return;
          case "cond-expand":
            for (const one of chooseFeature(declaration, context, expander)) declare(one);
            return;
          default:
            throw syntaxError("define-library: an unknown declaration", declaration.source, syntaxToDatum(declaration));
        }
      };
      const { host } = expander;
      for (const one of declarations) attempt(host, one.source, () => declare(one));
      for (const one of imports) attempt(host, one.source, () => this.import(one, context));
      // What stands in the library means what the library binds, whatever the scopes of the text around it.
      const inside = (syntax: Syntax): Syntax =>
        form.scopes.scopes.reduce((result, scope) => result.with("remove", scope), syntax).with("add", namespace.scope);
      const core = expander.top(body.map(inside), { namespace, phase: 0 });
      const bindings = new Map<string, Binding>();
      for (const { internal, external } of exports)
        attempt(host, internal.source, () => {
          const own = inside(internal) as Identifier;
          const binding = resolve(own, 0);
          host.onlooker?.identifier(own, binding, context);
          if (binding === null)
            throw syntaxError(`${written} exports ${internal.datum.name}, which it does not define`, internal.source);
          if (bindings.has(external.datum.name))
            throw syntaxError(`${written} exports ${external.datum.name} twice`, internal.source);
          if (external !== internal) host.onlooker?.identifier(inside(external) as Identifier, binding, context);
          bindings.set(external.datum.name, binding);
        });
      this.#add({ name: written, exports: bindings, unit: makeUnit(namespace, core, bindings) });
    } finally {
      this.#open.pop();
    }
  }

  /** Binds what an import set names; a name that was imported before gets the new meaning. */
  import(importSet: Syntax, context: Context): void {
    const { namespace } = context;
    const { library, bindings } = this.#resolve(importSet, context);
    for (const [name, binding] of bindings) bind(intern(name), namespace.scopes, ANY_PHASE, binding);
    namespace.imports.add(library.name);
  }

  /** R7RS §5.2: only, except, prefix, rename around a library's name. */
  #resolve(importSet: Syntax, context: Context): { library: Library; bindings: Map<string, Binding> } {
    const items = syntaxItems(importSet);
    const word = items !== null && isIdentifier(items[0]) ? items[0].datum.name : "";
    if (items === null || items.length === 0)
      throw syntaxError("an import set must be a list", importSet.source, syntaxToDatum(importSet));
    // A library may be called (only x): a set has a list as its second item.
    const isSet =
      ["only", "except", "prefix", "rename"].includes(word) &&
      items.length > 1 &&
      (unwrap(items[1]) instanceof Pair || unwrap(items[1]) === NIL);
    if (word === "for" && items.length > 1 && unwrap(items[1]) instanceof Pair)
      return this.#resolve(items[1]!, context);
    if (!isSet) {
      const library = this.require(importSet);
      return { library, bindings: new Map(library.exports) };
    }
    const { library, bindings } = this.#resolve(items[1]!, context);
    const nameOf = (value: unknown): string => {
      if (!isIdentifier(value))
        throw syntaxError("import: expected an identifier", importSet.source, syntaxToDatum(value));
      return value.datum.name;
    };
    const take = (value: unknown): Binding => {
      const name = nameOf(value),
        binding = bindings.get(name);
      this.#host.expander.host.onlooker?.identifier(value as Identifier, binding ?? null, context);
      if (binding === undefined) throw syntaxError(`import: ${library.name} has no ${name}`, (value as Syntax).source);
      return binding;
    };
    const rest = items.slice(2);
    const result = new Map<string, Binding>();
    if (word === "only") for (const one of rest) result.set(nameOf(one), take(one));
    else if (word === "prefix") {
      const prefix = nameOf(rest[0]);
      for (const [name, binding] of bindings) result.set(prefix + name, binding);
    } else if (word === "except") {
      for (const [name, binding] of bindings) result.set(name, binding);
      for (const one of rest) {
        take(one);
        result.delete(nameOf(one));
      }
    } else {
      const renamed = new Map(
        rest.map((one) => {
          const pair = syntaxItems(one);
          if (pair === null || pair.length !== 2)
            throw syntaxError("import: expected (rename SET (FROM TO) ...)", importSet.source, syntaxToDatum(one));
          const binding = take(pair[0]),
            to = nameOf(pair[1]);
          this.#host.expander.host.onlooker?.identifier(pair[1] as Identifier, binding, context);
          return [nameOf(pair[0]), to];
        }),
      );
      for (const [name, binding] of bindings) result.set(renamed.get(name) ?? name, binding);
    }
    return { library, bindings: result };
  }

  /** `cond-expand`'s requirements. */
  hasFeature(requirement: Syntax, features: readonly string[]): boolean {
    const has = (one: Syntax): boolean => {
      if (isIdentifier(one)) return one.datum.name === "else" || features.includes(one.datum.name);
      const items = syntaxItems(one);
      if (items !== null && isIdentifier(items[0])) {
        const [word, ...rest] = items as [Identifier, ...Syntax[]];
        if (word.datum.name === "and") return rest.every(has);
        if (word.datum.name === "or") return rest.some(has);
        if (word.datum.name === "not" && rest.length === 1) return !has(rest[0]!);
        if (word.datum.name === "library" && rest.length === 1) return this.find(rest[0]!) !== null;
      }
      throw syntaxError("cond-expand: an unknown requirement", one.source, syntaxToDatum(one));
    };
    return has(requirement);
  }
}

export function makeUnit(namespace: Namespace, body: readonly Core[], bindings: ReadonlyMap<string, Binding>): Unit {
  const exports = new Map<string, Global>();
  for (const [name, binding] of bindings) if (binding.kind === "global") exports.set(name, binding.global);
  return { library: namespace.name, imports: [...namespace.imports], globals: namespace.globals, body, exports };
}

interface Export {
  readonly internal: Identifier;
  readonly external: Identifier;
}

function exportOf(form: Syntax): Export {
  if (isIdentifier(form)) return { internal: form, external: form };
  const items = syntaxItems(form);
  if (
    items === null ||
    items.length !== 3 ||
    !items.every(isIdentifier) ||
    (items[0] as Identifier).datum.name !== "rename"
  )
    throw syntaxError("export: expected NAME or (rename INTERNAL EXTERNAL)", form.source, syntaxToDatum(form));
  return { internal: items[1] as Identifier, external: items[2] as Identifier };
}

/** Libraries are read without any binding: their declarations are known by name. */
function loader(): Namespace {
  return new Namespace("(loader)", { isOpen: false, isInteractive: false });
}

/** A library's name as it is written. @throws SchemeError */
function libraryName(name: Syntax): string {
  const items = syntaxItems(name);
  const isGood =
    items !== null &&
    items.length > 0 &&
    items.every((part) => {
      const datum = unwrap(part);
      return datum instanceof SchemeSymbol || (typeof datum === "number" && datum >= 0);
    });
  if (!isGood)
    throw syntaxError("a library's name is a list of identifiers and exact integers", name.source, syntaxToDatum(name));
  return writeText(syntaxToDatum(name));
}
