/**
 * The runtime's own Scheme to core: its procedures are written in a small part of the language, without macros of its
 * own and without hygiene, so that they need no other library. Each top-level name is the word of a primitive.
 *
 * Forms: define lambda case-lambda let let* letrec named let if cond (=>) case and or when unless do begin set! quote.
 */
import { assert } from "@stratos/base";
import type { Clause, Core, Global, Unit, Variable } from "../core/core.ts";
import { NIL, Pair, UNSPECIFIED, intern } from "../datum/datum.ts";
import type { Datum } from "../datum/datum.ts";
import type { Form } from "../low/read.ts";
import { publicPrimitives, primitive } from "../middle/primitives.ts";

type Scope = ReadonlyMap<string, Variable>;

interface BootOptions {
  readonly library: string;
  readonly globalOf: (name: string) => Global | undefined;
  /** Place of a primitive among the host's. */
  readonly hostIndex?: (name: string) => number;
  /** There is no host: procedures for its operations; `%slow:NAME`, if defined, is the host's form of NAME. */
  readonly native?: ReadonlyMap<number, string> | null;
}

/**
 * @param globalOf  the variable of a name that the forms do not define: a primitive, or one of the units before
 */
export function expandRuntime(forms: readonly Form[], options: BootOptions): Unit {
  return new BootExpander(options).unit(forms);
}

/** Names of operations in line: they need no definition to be called. */
const INLINE = new Set(publicPrimitives().map(({ name }) => name));
const ALSO_INLINE = new Set(["list", "zero?", "positive?", "negative?"]);

class BootExpander {
  readonly #library: string;
  readonly #globalOf: (name: string) => Global | undefined;
  readonly #globals: Map<string, Global>;
  readonly #hostIndex: (name: string) => number;
  readonly #native: ReadonlyMap<number, string> | null;

  constructor(options: BootOptions) {
    this.#hostIndex = options.hostIndex ?? (() => -1);
    this.#native = options.native ?? null;
    this.#library = options.library;
    this.#globalOf = options.globalOf;
    this.#globals = new Map();
  }

  unit(forms: readonly Form[]): Unit {
    for (const form of forms) {
      if (!Array.isArray(form) || form[0] !== "define") continue;
      const name = (Array.isArray(form[1]) ? form[1][0] : form[1]) as string;
      this.#globals.set(name, {
        library: this.#library,
        name,
        isAssigned: this.#globals.has(name),
        primitive: name,
        source: null,
      });
    }
    markAssigned(forms, this.#globals);
    const body = forms.map((form) => this.#top(form));
    const globals = [...this.#globals.values()];
    return {
      library: this.#library,
      imports: [],
      globals,
      body,
      exports: new Map(globals.map((global) => [global.name, global])),
    };
  }

  #top(form: Form): Core {
    if (!Array.isArray(form) || form[0] !== "define") return this.#expand(form, new Map());
    const [, target, ...rest] = form as [string, Form, ...Form[]];
    const isFunction = Array.isArray(target);
    const name = (isFunction ? target[0] : target) as string;
    const value = isFunction
      ? this.#lambda(name, [[target.slice(1), ...rest]], new Map())
      : this.#named(name, this.#expand(rest[0]!, new Map()));
    return { kind: "define-global", global: this.#globals.get(name)!, value, source: null };
  }

  #named(name: string, core: Core): Core {
    return core.kind === "lambda" ? { ...core, name } : core;
  }

  #lambda(name: string | null, clauses: Form[][], scope: Scope): Core {
    return {
      kind: "lambda",
      name,
      source: null,
      clauses: clauses.map(([parameters, ...body]): Clause => {
        const names = typeof parameters === "string" ? [".", parameters] : (parameters as string[]);
        const dot = names.indexOf(".");
        const required = (dot < 0 ? names : names.slice(0, dot)).map(variable);
        const rest = dot < 0 ? null : variable(names[dot + 1]!);
        const inner = new Map(scope);
        for (const v of [...required, ...(rest === null ? [] : [rest])]) inner.set(v.name, v);
        return { required, rest, body: this.#body(body, inner) };
      }),
    };
  }

  /** Internal definitions first, then expressions. */
  #body(forms: readonly Form[], scope: Map<string, Variable>): Core {
    const definitions = forms.filter((form) => Array.isArray(form) && form[0] === "define") as Form[][];
    const expressions = forms.filter((form) => !definitions.includes(form as Form[]));
    for (const v of scope.values()) if (isAssignedIn(v.name, forms)) v.isAssigned = true;
    if (definitions.length === 0) return this.#sequence(expressions, scope);
    const inner = new Map(scope);
    const variables = definitions.map(([, target]) => variable((Array.isArray(target) ? target[0] : target) as string));
    for (const v of variables) {
      v.isAssigned = isAssignedIn(v.name, forms);
      inner.set(v.name, v);
    }
    const values = definitions.map(([, target, ...rest]) =>
      Array.isArray(target)
        ? this.#lambda(target[0] as string, [[target.slice(1), ...rest]], inner)
        : this.#expand(rest[0]!, inner),
    );
    return { kind: "letrec*", variables, values, body: this.#sequence(expressions, inner), source: null };
  }

  #sequence(forms: readonly Form[], scope: Scope): Core {
    assert(forms.length > 0, "a body needs an expression");
    return forms.length === 1
      ? this.#expand(forms[0]!, scope)
      : { kind: "begin", body: forms.map((form) => this.#expand(form, scope)), source: null };
  }

  #expand(form: Form, scope: Scope): Core {
    if (typeof form === "string") {
      const local = scope.get(form);
      if (local !== undefined) return { kind: "local", variable: local, source: null };
      return { kind: "global", global: this.#global(form), source: null };
    }
    if (!Array.isArray(form)) return { kind: "const", datum: form as Datum, source: null };
    const [head, ...rest] = form as [Form, ...Form[]];
    if (typeof head === "string" && !scope.has(head)) {
      const special = this.#special(head, rest, scope);
      if (special !== null) return special;
    }
    return {
      kind: "call",
      operator: this.#expand(head, scope),
      operands: rest.map((operand) => this.#expand(operand, scope)),
      source: null,
    };
  }

  #global(name: string): Global {
    const found = this.#globals.get(name) ?? this.#globalOf(name);
    if (found !== undefined) return found;
    const isInline = name.startsWith("%")
      ? [1, 2, 3, 4, 5, 6, 7].some((count) => primitive(name, count) !== undefined)
      : INLINE.has(name) || ALSO_INLINE.has(name);
    assert(isInline, `the runtime has no ${name}`);
    const global: Global = { library: "runtime", name, isAssigned: false, primitive: name, source: null };
    this.#globals.set(name, global);
    return global;
  }

  /** What stands for the host's form of a primitive where there is no host. */
  #withoutHost(name: string, operands: Form, call: readonly Form[] | null): Form {
    const own = `%slow:${name}`;
    if (!this.#globals.has(own)) return ["%refused", ["quote", name], operands];
    return call === null ? ["apply", own, operands] : [own, ...call.slice(1)];
  }

  #special(head: string, rest: Form[], scope: Scope): Core | null {
    const source = null;
    const expand = (form: Form): Core => this.#expand(form, scope);
    if (this.#native !== null) {
      if (head === "%oracle") return expand(this.#withoutHost(rest[0] as string, ["list", ...rest.slice(1)], rest));
      if (head === "%oracle-list") return expand(this.#withoutHost(rest[0] as string, rest[1]!, null));
      const operation = head === "%host" ? this.#native.get(rest[0] as number) : undefined;
      if (operation !== undefined) return expand([operation, ...rest.slice(1)]);
    }
    switch (head) {
      // (%oracle name operand …): the host's form of a primitive, which raises what there is to raise.
      case "%oracle":
        return expand([
          `%fail${rest.length - 1 > 3 ? "-list" : rest.length - 1}`,
          this.#hostIndex(rest[0] as string),
          ...(rest.length - 1 > 3 ? [["list", ...rest.slice(1)]] : rest.slice(1)),
        ]);
      case "%oracle-list":
        return expand(["%fail-list", this.#hostIndex(rest[0] as string), rest[1]!]);
      case "quote":
        return { kind: "const", datum: datumOf(rest[0]!), source };
      case "lambda":
        return this.#lambda(null, [rest], scope);
      case "case-lambda":
        return this.#lambda(null, rest as Form[][], scope);
      case "if":
        return {
          kind: "if",
          test: expand(rest[0]!),
          then: expand(rest[1]!),
          else: rest.length > 2 ? expand(rest[2]!) : UNSPECIFIED_CORE,
          source,
        };
      case "begin":
        return this.#sequence(rest, scope);
      case "when":
        return {
          kind: "if",
          test: expand(rest[0]!),
          then: this.#sequence(rest.slice(1), scope),
          else: UNSPECIFIED_CORE,
          source,
        };
      case "unless":
        return {
          kind: "if",
          test: expand(rest[0]!),
          then: UNSPECIFIED_CORE,
          else: this.#sequence(rest.slice(1), scope),
          source,
        };
      case "and":
        return rest.length === 0
          ? TRUE_CORE
          : rest.length === 1
            ? expand(rest[0]!)
            : { kind: "if", test: expand(rest[0]!), then: expand(["and", ...rest.slice(1)]), else: FALSE_CORE, source };
      case "or": {
        if (rest.length === 0) return FALSE_CORE;
        if (rest.length === 1) return expand(rest[0]!);
        const v = variable("or");
        const local: Core = { kind: "local", variable: v, source };
        return {
          kind: "let",
          variables: [v],
          values: [expand(rest[0]!)],
          body: { kind: "if", test: local, then: local, else: expand(["or", ...rest.slice(1)]), source },
          source,
        };
      }
      case "set!": {
        const name = rest[0] as string;
        const local = scope.get(name);
        if (local === undefined)
          return { kind: "set-global", global: this.#global(name), value: expand(rest[1]!), source };
        local.isAssigned = true;
        return { kind: "set-local", variable: local, value: expand(rest[1]!), source };
      }
      case "let": {
        if (typeof rest[0] === "string") {
          const [name, bindings, ...body] = rest as [string, [string, Form][], ...Form[]];
          const v = variable(name);
          const inner = new Map(scope).set(name, v);
          const loop = this.#lambda(name, [[bindings.map(([own]) => own), ...body]], inner);
          const call: Core = {
            kind: "call",
            operator: { kind: "local", variable: v, source },
            operands: bindings.map(([, value]) => expand(value)),
            source,
          };
          return { kind: "letrec*", variables: [v], values: [loop], body: call, source };
        }
        const bindings = rest[0] as [string, Form][];
        if (bindings.length === 0) return this.#body(rest.slice(1), new Map(scope));
        const variables = bindings.map(([own]) => variable(own));
        const inner = new Map(scope);
        for (const v of variables) inner.set(v.name, v);
        return {
          kind: "let",
          variables,
          values: bindings.map(([, value]) => expand(value)),
          body: this.#body(rest.slice(1), inner),
          source,
        };
      }
      case "let*": {
        const [bindings, ...body] = rest as [Form[], ...Form[]];
        if (bindings.length <= 1) return expand(["let", bindings, ...body]);
        return expand(["let", [bindings[0]!], ["let*", bindings.slice(1), ...body]]);
      }
      case "letrec":
      case "letrec*": {
        const bindings = rest[0] as [string, Form][];
        return this.#body(
          [...bindings.map(([own, value]): Form => ["define", own, value]), ...rest.slice(1)],
          new Map(scope),
        );
      }
      case "cond": {
        if (rest.length === 0) return UNSPECIFIED_CORE;
        const [test, ...body] = rest[0] as Form[];
        if (test === "else") return this.#sequence(body, scope);
        const others = (): Core => expand(["cond", ...rest.slice(1)]);
        if (body.length === 0 || body[0] === "=>") {
          const v = variable("test");
          const local: Core = { kind: "local", variable: v, source };
          const then: Core =
            body.length === 0 ? local : { kind: "call", operator: expand(body[1]!), operands: [local], source };
          return {
            kind: "let",
            variables: [v],
            values: [expand(test!)],
            body: { kind: "if", test: local, then, else: others(), source },
            source,
          };
        }
        return { kind: "if", test: expand(test!), then: this.#sequence(body, scope), else: others(), source };
      }
      case "do": {
        const [bindings, [test, ...result], ...body] = rest as [[string, Form, Form?][], [Form, ...Form[]], ...Form[]];
        const again: Form = ["%do", ...bindings.map(([own, , step]) => step ?? own)];
        return expand([
          "let",
          "%do",
          bindings.map(([own, initial]): Form => [own, initial]),
          ["if", test, ["begin", ...(result.length === 0 ? [false] : result)], ["begin", ...body, again]],
        ]);
      }
      case "case": {
        const v = "%key";
        const clauses = rest.slice(1).map((clause): Form => {
          const [data, ...body] = clause as [Form, ...Form[]];
          return data === "else"
            ? ["else", ...body]
            : [["or", ...(data as Form[]).map((datum): Form => ["eqv?", v, ["quote", datum]])], ...body];
        });
        return expand(["let", [[v, rest[0]!]], ["cond", ...clauses]]);
      }
      default:
        return null;
    }
  }
}

const UNSPECIFIED_CORE: Core = { kind: "const", datum: UNSPECIFIED, source: null };
const TRUE_CORE: Core = { kind: "const", datum: true, source: null };
const FALSE_CORE: Core = { kind: "const", datum: false, source: null };

function variable(name: string): Variable {
  return { name, isAssigned: false, source: null };
}

function datumOf(form: Form): Datum {
  if (typeof form === "string") return intern(form);
  if (!Array.isArray(form)) return form as Datum;
  const dot = form.indexOf(".");
  const items = dot < 0 ? form : form.slice(0, dot);
  return items.reduceRight<Datum>(
    (rest, item) => new Pair(datumOf(item), rest),
    dot < 0 ? NIL : datumOf(form[dot + 1]!),
  );
}

/** Whether some `set!` names it; that an inner variable may have the same name only costs a box. */
function isAssignedIn(name: string, form: Form | readonly Form[]): boolean {
  if (!Array.isArray(form)) return false;
  return (form[0] === "set!" && form[1] === name) || form.some((part) => isAssignedIn(name, part as Form));
}

function markAssigned(forms: readonly Form[], globals: Map<string, Global>): void {
  const visit = (form: Form): void => {
    if (!Array.isArray(form)) return;
    if (form[0] === "set!" && typeof form[1] === "string") {
      const global = globals.get(form[1]);
      if (global !== undefined) global.isAssigned = true;
    }
    for (const part of form) visit(part);
  };
  for (const form of forms) visit(form);
}
