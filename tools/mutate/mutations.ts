/** The places of a source text that can be broken in one small way each, so that it still parses. */

export interface Mutation {
  /** Offsets of what is replaced. */
  readonly start: number;
  readonly end: number;
  readonly before: string;
  readonly after: string;
  /** From 1, and its text. */
  readonly line: number;
  readonly text: string;
}

/**
 * Operators as the formatter writes them, with a blank on both sides, are code: types have no such `<`, `===` or `+`.
 * Each is exchanged for the one that a slip of the pen would write.
 */
const OPERATORS: Readonly<Record<string, string>> = {
  " <": " <=",
  " <=": " <",
  " >": " >=",
  " >=": " >",
  " ===": " !==",
  " !==": " ===",
  " &&": " ||",
  " ||": " &&",
  " +": " -",
  " -": " +",
  " *": " +",
  " &": " |",
  " <<": " >>>",
  " >>>": " <<",
  " +=": " -=",
  " -=": " +=",
};
const OPERATOR = / (?:===|!==|<=|>=|<<|>>>|&&|\|\||\+=|-=|<|>|\+|-|\*|&)(?=[ \n])/g;
const WORD = /\b(?:true|false)\b(?=[;,)\s])/g;
const NUMBER = /(?<![\w.$"'-])\d+(?![\w.xn])/g;
const NEGATION = /(?<=[( ])!(?=[\w(])/g;
/** A statement that only calls something, not the last line of an expression: left out. */
const CALL = /(?<![&|=,(?+\-*/>]\n +)(?<=^ +)(?:this\.|void )?[\w#][\w.#!?]*\([^;{}]*\);$/gm;
/** Lines that are gone when the types are stripped. */
const TYPES_ONLY = /^\s*(?:export )?(?:interface|type|import|declare)\b|^\s*(?:readonly )?[\w?]+: [^=]*;$/;

export function findMutations(text: string): Mutation[] {
  const code = blankedText(text);
  const found: Mutation[] = [];
  const lines = text.split("\n");
  const starts = [0];
  for (const line of lines) starts.push(starts.at(-1)! + line.length + 1);
  const add = (start: number, before: string, after: string): void => {
    let line = starts.findIndex((offset) => offset > start);
    if (line < 1) line = lines.length;
    const own = lines[line - 1]!;
    if (TYPES_ONLY.test(own)) return;
    found.push({ start, end: start + before.length, before, after, line, text: own });
  };
  for (const match of code.matchAll(OPERATOR)) add(match.index, match[0], OPERATORS[match[0]]!);
  for (const match of code.matchAll(WORD)) add(match.index, match[0], match[0] === "true" ? "false" : "true");
  for (const match of code.matchAll(NUMBER)) add(match.index, match[0], String(Number(match[0]) + 1));
  for (const match of code.matchAll(NEGATION)) add(match.index, match[0], "");
  for (const match of code.matchAll(CALL)) add(match.index, match[0], ";");
  return found.sort((a, b) => a.start - b.start);
}

/**
 * The offset that tells whether the mutation is reached. An operator's own characters may lie between two counted
 * ranges; its first one that is no blank does not. But V8 counts the right side of `&&` and `||` from the operator on,
 * so there it is the last character of the left side.
 */
export function countedAt({ start, before }: Pick<Mutation, "start" | "before">): number {
  return /^ (?:&&|\|\|)/.test(before) ? start - 1 : start + before.search(/\S/);
}

const BLANKED = new RegExp(
  [
    String.raw`\/\*[\s\S]*?\*\/|\/\/[^\n]*`, // comments
    String.raw`"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'`, // strings
    "`(?:[^`\\\\]|\\\\[\\s\\S])*`", // templates
    String.raw`(?<=[(=,:] ?)\/(?:[^/\\\n]|\\.)+\/[a-z]*`, // regular expressions
  ].join("|"),
  "g",
);

/** The text with comments, strings and regular expressions made blank; offsets stay. */
function blankedText(text: string): string {
  return text.replace(BLANKED, (part) => part.replace(/[^\n]/g, "_"));
}
