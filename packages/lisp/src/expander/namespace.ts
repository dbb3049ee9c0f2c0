/** What one library, program or REPL binds at its top level. */
import type { Global } from "../core/core.ts";
import { Scope, ScopeSet } from "./syntax.ts";

export class Namespace {
  /** Its library's name as it is written, or "(program)", "(repl)", or another name in parentheses. */
  readonly name: string;
  readonly scope: Scope;
  readonly scopes: ScopeSet;
  /** A name that is not bound may be defined later: of programs and REPLs, not of libraries. */
  readonly isOpen: boolean;
  /** A REPL, where everything may be defined anew. */
  readonly isInteractive: boolean;
  /** In order of their definition. */
  readonly globals: Global[];
  /** Libraries that must be run before it, in order. */
  readonly imports: Set<string>;
  /** Uses of names that were not bound then. */
  readonly awaited: Map<string, Global>;
  readonly #names: Set<string>;
  #suffix: number;

  constructor(name: string, { isOpen, isInteractive }: { isOpen: boolean; isInteractive: boolean }) {
    this.name = name;
    this.scope = new Scope();
    this.scopes = new ScopeSet([this.scope]);
    this.isOpen = isOpen;
    this.isInteractive = isInteractive;
    this.globals = [];
    this.imports = new Set();
    this.awaited = new Map();
    this.#names = new Set();
    this.#suffix = 0;
  }

  /** The global of a name that is used before its definition, or without one. */
  await(name: string): Global {
    let found = this.awaited.get(name);
    if (found === undefined) this.awaited.set(name, (found = this.#make(name, true)));
    return found;
  }

  /** A new global; `isHygienic`: a macro made the identifier, whose name may be taken. */
  define(name: string, isHygienic: boolean): Global {
    const awaited = isHygienic ? undefined : this.awaited.get(name);
    if (awaited !== undefined) return awaited;
    let unique = name;
    while (this.#names.has(unique)) unique = `${name}.${++this.#suffix}`;
    return this.#make(unique, this.isInteractive);
  }

  #make(name: string, isAssigned: boolean): Global {
    this.#names.add(name);
    const global: Global = { library: this.name, name, isAssigned, primitive: null, source: null };
    this.globals.push(global);
    return global;
  }
}

/**
 * Binds all forms and primitives under their own names; what the system writes into programs means what it means here.
 */
export const systemNamespace = new Namespace("(stratos primitive)", { isOpen: false, isInteractive: false });
