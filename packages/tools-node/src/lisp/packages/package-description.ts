/**
 * `package.scm`, which says what a folder's package is:
 *
 *     (package
 *       (name "greeting")
 *       (version "1.2")
 *       (description "Greets people")
 *       (maintainer "Ada <ada@example.org>")
 *       (libraries (greeting) (greeting formal))
 *       (depends "words" ("numbers" (>= "2.0")))      ; may be left out
 *       (tests "tests/greeting-test.scm"))            ; may be left out
 *
 * The library (a b) is a/b.sld. A package is the Debian package astra-NAME.
 */
import { itemsOf, MString, readAll, SchemeSymbol, writeText } from "@stratos/lisp";
import { OperationError } from "@stratos/operation";
import { isVersion, type Relation } from "@stratos/pkg";
import { programText } from "../run-lisp.ts";

export const DESCRIPTION_FILE = "package.scm";
const PREFIX = "astra-";
const RELATIONS: Readonly<Record<string, Relation>> = { "<": "<<", "<=": "<=", "=": "=", ">=": ">=", ">": ">>" };

export interface PackageDescription {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly maintainer: string;
  readonly libraries: readonly (readonly (string | number)[])[];
  /** As Debian's `Depends` says it. */
  readonly depends: readonly string[];
  /** Below the folder. */
  readonly tests: readonly string[];
}

/** The Debian package of a name. */
export function debianName(name: string): string {
  return `${PREFIX}${name}`;
}

/** The other way; null: it is none of AstraLisp's. */
export function lispName(debian: string): string | null {
  return debian.startsWith(PREFIX) ? debian.slice(PREFIX.length) : null;
}

/** @throws OperationError  of kind program: there is no such file, or it says something else */
export function readDescription(file: string): PackageDescription {
  const fail = (why: string): never => {
    throw new OperationError("program", file, why);
  };
  const fields = new Map<string, unknown[]>();
  const [whole, ...more] = dataOf(file);
  const declared = itemsOf(whole);
  if (declared === null || more.length > 0 || wordOf(declared[0]) !== "package") fail("expected one form (package …)");
  for (const form of declared!.slice(1)) {
    const items = itemsOf(form);
    const word = wordOf(items?.[0]);
    if (word === null) return fail(`expected (FIELD VALUE …), not ${writeText(form)}`);
    if (!FIELDS.includes(word)) fail(`${word} is no field; there are ${FIELDS.join(", ")}`);
    if (fields.has(word)) fail(`${word} stands twice`);
    fields.set(word, items!.slice(1));
  }
  const texts = (field: string): string[] =>
    (fields.get(field) ?? []).map((value) =>
      value instanceof MString ? value.toString() : fail(`${field}: expected a string, not ${writeText(value)}`),
    );
  const line = (field: string): string => {
    const all = texts(field);
    if (all.length !== 1) fail(`${field}: one string is needed`);
    if (!/^[^\s\p{C}][^\p{C}]*$/u.test(all[0]!)) fail(`${field}: expected a text of one line`);
    return all[0]!;
  };
  const libraries = (fields.get("libraries") ?? []).map((value) => {
    const parts = itemsOf(value)?.map((part) => (typeof part === "number" ? part : wordOf(part)));
    if (parts === undefined || parts.length === 0 || parts.includes(null))
      return fail(`libraries: ${writeText(value)} is no library's name`);
    return parts as (string | number)[];
  });
  if (libraries.length === 0) fail("libraries: one library at least is needed");
  const found = {
    name: line("name"),
    version: line("version"),
    description: line("description"),
    maintainer: line("maintainer"),
    libraries,
    depends: (fields.get("depends") ?? []).map((value) => dependencyOf(value) ?? fail(DEPENDS + writeText(value))),
    tests: texts("tests"),
  };
  if (!isName(found.name)) fail(`name: ${found.name} has other characters than a to z, 0 to 9, +, - and .`);
  if (!isVersion(found.version)) fail(`version: ${found.version} is no version`);
  return found;
}

const FIELDS = ["name", "version", "description", "maintainer", "libraries", "depends", "tests"];
const DEPENDS = `depends: expected "NAME" or ("NAME" (RELATION "VERSION")), not `;

function dataOf(file: string): unknown[] {
  const text = programText(file);
  try {
    return readAll(text, file);
  } catch (error) {
    throw new OperationError("program", file, (error as Error).message, { cause: error });
  }
}

function wordOf(value: unknown): string | null {
  return value instanceof SchemeSymbol ? value.name : null;
}

function isName(text: string): boolean {
  return /^[a-z0-9][a-z0-9+.-]*$/.test(text);
}

function dependencyOf(value: unknown): string | null {
  if (value instanceof MString) return isName(value.toString()) ? debianName(value.toString()) : null;
  const [name, bound, ...more] = itemsOf(value) ?? [];
  const [word, version, ...rest] = itemsOf(bound) ?? [];
  const relation = RELATIONS[wordOf(word) ?? ""];
  if (!(name instanceof MString) || !(version instanceof MString) || more.length + rest.length > 0) return null;
  if (relation === undefined || !isName(name.toString()) || !isVersion(version.toString())) return null;
  return `${debianName(name.toString())} (${relation} ${version.toString()})`;
}
