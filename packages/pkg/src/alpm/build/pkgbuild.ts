/**
 * Reads a PKGBUILD without running it: its assignments are evaluated, its functions are found but not entered, but for
 * the assignments of package functions, which makepkg finds there too. A PKGBUILD whose assignments need a shell is
 * refused with the line, so that the caller can take its `.SRCINFO` or ask bash in a clean root.
 */
import {
  makeRecipe,
  PACKAGE_ATTRIBUTES,
  PER_ARCHITECTURE,
  RecipeError,
  SINGLE_ATTRIBUTES,
  type Attributes,
  type Recipe,
  type RecipePackage,
} from "./recipe.ts";
import { ShellError, WordReader, type ShellVariables } from "./shell-words.ts";

interface Pkgbuild {
  recipe: Recipe;
  /** names of functions that it defines */
  functions: ReadonlySet<string>;
}

/** All that a PKGBUILD may say of itself at its top. */
export const ATTRIBUTES: ReadonlySet<string> = new Set<string>([
  ...PACKAGE_ATTRIBUTES,
  "pkgname",
  "pkgbase",
  "pkgver",
  "pkgrel",
  "epoch",
  "makedepends",
  "checkdepends",
  "noextract",
  "validpgpkeys",
  "source",
  ...PER_ARCHITECTURE,
]);

/** A statement that was found: an assignment, a function, or something else. */
type Statement =
  | {
      kind: "assignment";
      name: string;
      isAppend: boolean;
      index: number | undefined;
      values: string[];
      isArray: boolean;
    }
  | { kind: "function"; name: string; body: string; line: number }
  | { kind: "command"; word: string; words: string[]; line: number };

/**
 * @param architecture  what `$CARCH` is
 * @throws RecipeError  malformed  @throws ShellError  only a shell can tell
 */
export function parsePkgbuild(text: string, architecture: string, where = "PKGBUILD"): Pkgbuild {
  const variables: ShellVariables = new Map([["CARCH", [architecture]]]);
  const functions = new Map<string, { body: string; line: number }>();
  try {
    for (const statement of statements(text, 1, variables, false)) {
      if (statement.kind === "assignment") assign(variables, statement);
      else if (statement.kind === "function") functions.set(statement.name, statement);
      else if (statement.word === "unset")
        for (const name of statement.words) variables.delete(name.replace(/^-.*/, ""));
      else if (![":", "true", "shopt", "set"].includes(statement.word))
        throw new ShellError(`${statement.word} needs a shell`, statement.line, true);
    }
  } catch (error) {
    if (error instanceof ShellError)
      throw new ShellError(`${where}:${error.line}: ${error.message}`, error.line, error.needsShell);
    throw error;
  }
  const attributes = attributesOf(variables);
  const names = variables.get("pkgname") ?? [];
  if (new Set(names).size !== names.length) throw new RecipeError(`${where}: a pkgname stands twice`);
  const packages = names.map((name): RecipePackage => {
    const own = functions.get(`package_${name}`);
    return { name, attributes: own === undefined ? new Map() : overrides(own, variables) };
  });
  return { recipe: makeRecipe(attributes, packages, where), functions: new Set(functions.keys()) };
}

function attributesOf(variables: ShellVariables): Attributes {
  const architectures = variables.get("arch") ?? [];
  const found = new Map<string, readonly string[]>();
  for (const [name, values] of variables) {
    const match = /^([a-z0-9]+)(?:_(.+))?$/.exec(name);
    if (match === null || !ATTRIBUTES.has(match[1]!) || name === "pkgname") continue;
    if (match[2] !== undefined && !(architectures.includes(match[2]) && PER_ARCHITECTURE.has(match[1]!))) continue;
    if (values.length > 0) found.set(name, values);
  }
  return found;
}

/** The attributes that a package function sets: assignments anywhere in it, as makepkg greps them. */
function overrides(own: { body: string; line: number }, variables: ShellVariables): Attributes {
  const found = new Map<string, readonly string[]>();
  const scope: ShellVariables = new Map(variables);
  const architectures = variables.get("arch") ?? [];
  for (const statement of statements(own.body, own.line, scope, true)) {
    if (statement.kind !== "assignment") continue;
    const match = /^([a-z0-9]+)(?:_(.+))?$/.exec(statement.name);
    const isOwn =
      match !== null &&
      (PACKAGE_ATTRIBUTES as readonly string[]).includes(match[1]!) &&
      (match[2] === undefined || (architectures.includes(match[2]) && PER_ARCHITECTURE.has(match[1]!)));
    assign(scope, statement);
    if (isOwn)
      found.set(
        statement.name,
        SINGLE_ATTRIBUTES.has(match[1]!) ? [scope.get(statement.name)?.[0] ?? ""] : (scope.get(statement.name) ?? []),
      );
  }
  return found;
}

function assign(
  variables: ShellVariables,
  { name, isAppend, index, values, isArray }: Statement & { kind: "assignment" },
): void {
  const old = variables.get(name) ?? [];
  if (index !== undefined) {
    const copy = [...old];
    while (copy.length < index) copy.push("");
    copy[index] = (isAppend ? (copy[index] ?? "") : "") + (values[0] ?? "");
    variables.set(name, copy);
  } else if (isArray) variables.set(name, isAppend ? [...old, ...values] : values);
  else
    variables.set(
      name,
      isAppend ? [`${old[0] ?? ""}${values[0] ?? ""}`, ...old.slice(1)] : [values[0] ?? "", ...old.slice(1)],
    );
}

/**
 * The statements of `text`, evaluated as they come, since each may change what the next one means.
 *
 * @param isLenient  pass over what is not understood (the commands in a function)
 */
function* statements(
  text: string,
  firstLine: number,
  variables: ShellVariables,
  isLenient: boolean,
): Generator<Statement> {
  let at = 0,
    line = firstLine;
  while (at < text.length) {
    const character = text[at]!;
    if (character === "\n") {
      line++;
      at++;
      continue;
    }
    if (/[\s;]/.test(character)) {
      at++;
      continue;
    }
    if (character === "#") {
      at = endOfLine(text, at);
      continue;
    }
    if (text.startsWith("\\\n", at)) {
      at += 2;
      line++;
      continue;
    }
    const rest = text.slice(at, at + 400);
    const definition =
      /^(?:function\s+([A-Za-z0-9_@.+-]+)\s*(?:\(\s*\))?|([A-Za-z0-9_@.+-]+)\s*\(\s*\))\s*(?:#[^\n]*)?\s*\{/.exec(rest);
    if (definition !== null && !isLenient) {
      const bodyAt = at + definition[0].length;
      const end = endOfBody(text, bodyAt, line);
      const bodyLine = line + definition[0].split("\n").length - 1;
      yield { kind: "function", name: definition[1] ?? definition[2]!, body: text.slice(bodyAt, end), line: bodyLine };
      line += text.slice(at, end + 1).split("\n").length - 1;
      at = end + 1;
      continue;
    }
    const prefix = /^(?:(?:local|declare|typeset|readonly|export)\s+(?:-[A-Za-z]+\s+)*)?/.exec(rest)![0];
    const assignment = /^([A-Za-z_][A-Za-z0-9_]*)(?:\[([0-9]+)\])?(\+?)=/.exec(
      text.slice(at + prefix.length, at + prefix.length + 200),
    );
    if (assignment !== null) {
      const reader = new WordReader(text, at + prefix.length + assignment[0].length, line, variables);
      try {
        const isArray = text[reader.at] === "(" && assignment[2] === undefined;
        const values = isArray ? arrayWords(text, reader) : [reader.value()];
        yield {
          kind: "assignment",
          name: assignment[1]!,
          isAppend: assignment[3] === "+",
          index: assignment[2] === undefined ? undefined : Number(assignment[2]),
          values,
          isArray,
        };
        at = reader.at;
        line = reader.line;
        continue;
      } catch (error) {
        if (
          !(error instanceof ShellError) ||
          !isLenient ||
          (PACKAGE_ATTRIBUTES as readonly string[]).includes(assignment[1]!)
        )
          throw error;
      }
    } else if (!isLenient) {
      const reader = new WordReader(text, at, line, variables);
      const words: string[] = [];
      while (reader.at < text.length && !/[\n;&|()<>]/.test(text[reader.at]!)) {
        if (/[ \t]/.test(text[reader.at]!)) {
          reader.at++;
          continue;
        }
        words.push(...reader.words());
      }
      yield { kind: "command", word: words[0] ?? character, words: words.slice(1), line };
      if (reader.at === at) throw new ShellError(`${character} needs a shell`, line, true);
      at = reader.at;
      line = reader.line;
      continue;
    }
    // A command within a function: on to the next line or word that may be an assignment.
    const skip = skipCommand(text, at);
    line += text.slice(at, skip).split("\n").length - 1;
    at = skip;
  }
}

function arrayWords(text: string, reader: WordReader): string[] {
  const values: string[] = [];
  reader.at++;
  for (;;) {
    const character = text[reader.at];
    if (character === undefined) throw new ShellError("an array does not end", reader.line, false);
    if (character === ")") {
      reader.at++;
      return values;
    }
    if (character === "\n") {
      reader.line++;
      reader.at++;
    } else if (/\s/.test(character)) reader.at++;
    else if (character === "\\" && text[reader.at + 1] === "\n") {
      reader.at += 2;
      reader.line++;
    } else if (character === "#") reader.at = endOfLine(text, reader.at);
    else {
      const before = reader.at;
      values.push(...reader.words());
      if (reader.at === before) throw new ShellError(`"${character}" in an array`, reader.line, false);
    }
  }
}

function endOfLine(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end < 0 ? text.length : end;
}

/** After the command at `at`: the end of its line, past quotes, or a separator. */
function skipCommand(text: string, at: number): number {
  for (let index = at; index < text.length; index++) {
    const character = text[index]!;
    if (character === "\\") index++;
    else if (character === "'") index = Math.max(index, text.indexOf("'", index + 1));
    else if (character === '"') index = endOfDouble(text, index);
    else if (character === "\n" || character === ";") return index + 1;
    else if (text.startsWith("((", index)) index = endOfArithmetic(text, index);
    else if (text.startsWith("<<<", index)) index += 2;
    else if (text.startsWith("<<", index)) return endOfHereDocument(text, index);
  }
  return text.length;
}

function endOfDouble(text: string, at: number): number {
  for (let index = at + 1; index < text.length; index++) {
    if (text[index] === "\\") index++;
    else if (text[index] === '"') return index;
  }
  return text.length;
}

/**
 * Index of the brace that ends a function's body: braces in quotes, comments, here-strings and here-documents do not
 * count.
 */
function endOfBody(text: string, start: number, line: number): number {
  let depth = 1;
  for (let at = start; at < text.length; at++) {
    const character = text[at]!;
    if (character === "\\") at++;
    else if (character === "'") {
      const end = text.indexOf("'", at + 1);
      if (end < 0) break;
      at = end;
    } else if (character === '"') at = endOfDouble(text, at);
    else if (character === "$" && text[at + 1] === "'") {
      at += 2;
      while (at < text.length && text[at] !== "'") at += text[at] === "\\" ? 2 : 1;
    } else if (character === "#" && /[\s;]/.test(text[at - 1] ?? " ")) at = endOfLine(text, at);
    else if (text.startsWith("((", at)) at = endOfArithmetic(text, at);
    else if (text.startsWith("<<<", at)) at += 2;
    else if (text.startsWith("<<", at)) at = endOfHereDocument(text, at) - 1;
    else if (character === "{") depth++;
    else if (character === "}" && --depth === 0) return at;
  }
  throw new ShellError("a function does not end", line, false);
}

/** The last parenthesis of `((…))`, in which `<<` shifts; where none ends it, that of the first two. */
function endOfArithmetic(text: string, at: number): number {
  let depth = 0;
  for (let index = at; index < text.length && text[index] !== "\n"; index++) {
    if (text[index] === "(") depth++;
    else if (text[index] === ")" && --depth === 0) return index;
  }
  return at + 1;
}

function endOfHereDocument(text: string, at: number): number {
  const match = /^<<(-?)\s*(?:'([^'\n]+)'|"([^"\n]+)"|\\?([A-Za-z0-9_]+))/.exec(text.slice(at, at + 200));
  const from = endOfLine(text, at);
  if (match === null) return from;
  const word = match[2] ?? match[3] ?? match[4]!;
  for (let lineAt = from + 1; lineAt < text.length;) {
    const end = endOfLine(text, lineAt);
    const line = text.slice(lineAt, end);
    if ((match[1] === "-" ? line.replace(/^\t+/, "") : line) === word) return end;
    lineAt = end + 1;
  }
  return text.length;
}
