/** Syntax objects as values: what transformers work with. R6RS-lib §12. */
import { list, MString, Pair, SchemeSymbol, NIL } from "../../datum/datum.ts";
import { syntaxError, wrongType } from "../../datum/condition.ts";
import { isBoundIdentifierEqual, isFreeIdentifierEqual } from "../../expander/binding.ts";
import { type CompiledPattern, instantiate, match, type Template } from "../../expander/patterns.ts";
import {
  datumToSyntax,
  type Identifier,
  isIdentifier,
  Scope,
  Syntax,
  syntaxToDatum,
  unwrap,
} from "../../expander/syntax.ts";
import { define, type Table } from "./operands.ts";

/** @param phase  of the machine, one above that of the forms it transforms */
export function defineSyntaxPrimitives(table: Table, phase: number): void {
  const identifier = (who: string, value: unknown): Identifier => {
    if (!isIdentifier(value)) throw wrongType(who, "an identifier", value);
    return value;
  };
  define(table, "syntax-match", 2, 2, (pattern: unknown, value: unknown) => {
    const { compiled, phase: own } = pattern as { compiled: CompiledPattern; phase: number };
    // Plain data, as `with-syntax` may be given, become syntax of the place where they are matched: templates put them
    // among what is expanded.
    const context = compiled.variables[0]?.identifier ?? null;
    return match(compiled, value instanceof Syntax ? value : datumToSyntax(context, value), own) ?? false;
  });
  define(table, "syntax-template", 1, Infinity, (template: unknown, ...values: unknown[]) =>
    instantiate(template as Template, values, null),
  );
  define(table, "syntax-no-match", 1, 1, (form: unknown) => {
    const word = unwrap(form) instanceof Pair ? unwrap((unwrap(form) as Pair).car) : unwrap(form);
    throw syntaxError(
      `${word instanceof SchemeSymbol ? word.name : "syntax-case"}: no clause matches`,
      form instanceof Syntax ? form.source : null,
      syntaxToDatum(form),
    );
  });
  define(table, "syntax?", 1, 1, (x: unknown) => x instanceof Syntax);
  define(table, "identifier?", 1, 1, (x: unknown) => isIdentifier(x));
  define(table, "syntax->datum", 1, 1, (x: unknown) => syntaxToDatum(x));
  define(table, "datum->syntax", 2, 2, (context: unknown, datum: unknown) =>
    datumToSyntax(identifier("datum->syntax", context), datum),
  );
  define(table, "syntax-e", 1, 1, (x: unknown) => unwrap(x));
  define(table, "syntax-source", 1, 1, (x: unknown) => {
    const source = x instanceof Syntax ? x.source : null;
    return source === null ? false : list([MString.of(source.file), source.line, source.column]);
  });
  define(table, "syntax->list", 1, 1, (x: unknown) => {
    const items: unknown[] = [];
    let rest = unwrap(x);
    for (; rest instanceof Pair; rest = unwrap(rest.cdr)) items.push(rest.car);
    return rest === NIL ? list(items) : false;
  });
  define(table, "bound-identifier=?", 2, 2, (a: unknown, b: unknown) =>
    isBoundIdentifierEqual(identifier("bound-identifier=?", a), identifier("bound-identifier=?", b)),
  );
  define(table, "free-identifier=?", 2, 2, (a: unknown, b: unknown) =>
    isFreeIdentifierEqual(
      identifier("free-identifier=?", a),
      identifier("free-identifier=?", b),
      Math.max(0, phase - 1),
    ),
  );
  define(table, "generate-temporaries", 1, 1, (x: unknown) => {
    const items: unknown[] = [];
    for (let rest = unwrap(x); rest instanceof Pair; rest = unwrap(rest.cdr)) {
      // A scope of its own makes each one differ from all else.
      items.push(new Syntax(new SchemeSymbol("t"), datumToSyntax(null, NIL).scopes.add(new Scope()), null));
    }
    return list(items);
  });
  define(table, "syntax-violation", 2, 4, (who: unknown, message: unknown, form: unknown, part: unknown) => {
    const at = part instanceof Syntax ? part : form instanceof Syntax ? form : null;
    const name = who instanceof SchemeSymbol ? `${who.name}: ` : who instanceof MString ? `${who.toString()}: ` : "";
    throw syntaxError(
      `${name}${message instanceof MString ? message.toString() : "bad syntax"}`,
      at?.source ?? null,
      ...(form === undefined ? [] : [syntaxToDatum(form)]),
    );
  });
}
