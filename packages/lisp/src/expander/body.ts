/** A body that is being expanded: its definitions and expressions as they are found, and where that happens. */
import type { Core } from "../core/core.ts";
import { makeVariable } from "../core/build.ts";
import { syntaxError } from "../datum/condition.ts";
import type { Source } from "../datum/source.ts";
import { bind, boundExactly } from "./binding.ts";
import type { Slot } from "./local-binding.ts";
import type { Namespace } from "./namespace.ts";
import type { Identifier, Scope, Syntax } from "./syntax.ts";

/** Where an expansion happens. */
export interface Context {
  readonly namespace: Namespace;
  readonly phase: number;
  /** The body whose heads are being expanded; null inside of an expression. */
  readonly body: Body | null;
}

/** One entry of a body: a value for a slot, or an expression. */
export interface BodyItem {
  readonly slot: Slot | null;
  readonly name: string;
  readonly value: (context: Context) => Core;
  readonly source: Source | null;
}

export class Body {
  readonly namespace: Namespace;
  readonly isTop: boolean;
  readonly items: BodyItem[];
  /** Forms that are still to be looked at, the next one last. */
  readonly queue: Syntax[];
  readonly #useSites: Scope[];

  constructor(namespace: Namespace, isTop: boolean) {
    this.namespace = namespace;
    this.isTop = isTop;
    this.items = [];
    this.queue = [];
    this.#useSites = [];
  }

  addUseSite(scope: Scope): void {
    this.#useSites.push(scope);
  }

  /** An identifier that is to be defined is freed of the marks of macro uses in this very body. */
  freed(identifier: Identifier): Identifier {
    let result: Syntax = identifier;
    for (const scope of this.#useSites) if (result.scopes.has(scope)) result = result.with("remove", scope);
    return result as Identifier;
  }

  /** Puts forms in front of those that are still to come. */
  splice(forms: readonly Syntax[]): void {
    for (let index = forms.length - 1; index >= 0; index--) this.queue.push(forms[index]!);
  }

  /** @throws SchemeError  where it is defined already */
  declare(given: Identifier, phase: number): Slot {
    const identifier = this.freed(given);
    const { datum: symbol, scopes } = identifier;
    const known = boundExactly(symbol, scopes, phase);
    if (!this.isTop) {
      if (known !== null) throw syntaxError(`${symbol.name} is defined twice`, given.source);
      const variable = makeVariable(symbol.name, given.source);
      bind(symbol, scopes, phase, { kind: "local", variable });
      return { variable };
    }
    if (known?.kind === "global" && known.global.library === this.namespace.name) {
      if (!this.namespace.isOpen) throw syntaxError(`${symbol.name} is defined twice`, given.source);
      known.global.isAssigned = true;
      return { global: known.global };
    }
    const global = this.namespace.define(symbol.name, scopes.scopes.length > 1);
    global.source = given.source;
    bind(symbol, scopes, phase, { kind: "global", global });
    return { global };
  }

  /** A place that no program can name. */
  declareHidden(name: string): Slot {
    return this.isTop ? { global: this.namespace.define(`%${name}`, true) } : { variable: makeVariable(name) };
  }

  add(slot: Slot | null, name: string, value: (context: Context) => Core, source: Source | null): void {
    this.items.push({ slot, name, value, source });
  }
}
