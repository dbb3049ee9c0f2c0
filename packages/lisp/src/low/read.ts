/**
 * Reader of the runtime's own texts (low-level code and the runtime's Scheme): symbols, integers, decimals, strings,
 * characters, booleans, quote, comments to the end of the line. It reads trusted text only; programs are read by
 * src/reader.
 */
import { assert } from "@stratos/base";
import { Char, Flonum, MString, char } from "../datum/datum.ts";

/** A symbol is a JavaScript string, a list an array. */
export type Form = string | number | bigint | boolean | Flonum | Char | MString | Form[];

const TOKEN = /\s+|;[^\n]*|([()'])|("(?:[^"\\]|\\.)*")|(#\\(?:[a-z]+|.))|([^\s()'";]+)/uy;
const CHARACTERS: Record<string, number> = { space: 32, newline: 10, tab: 9, nul: 0, return: 13 };

/** All forms of a text. Unbalanced brackets are a defect. */
export function readForms(text: string): Form[] {
  const stack: { items: Form[]; isQuote: boolean }[] = [{ items: [], isQuote: false }];
  const add = (form: Form): void => {
    stack.at(-1)!.items.push(form);
    while (stack.at(-1)!.isQuote) {
      const quoted = stack.pop()!.items;
      stack.at(-1)!.items.push(["quote", quoted[0]!]);
    }
  };
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    assert(match !== null, `the runtime's text must be readable: ${text.slice(at, at + 40)}`);
    const [, bracket, string, character, atom] = match;
    if (bracket === "(") stack.push({ items: [], isQuote: false });
    else if (bracket === "'") stack.push({ items: [], isQuote: true });
    else if (bracket === ")") {
      const items = stack.pop()!.items;
      assert(stack.length > 0, `one bracket too many before ${text.slice(at, at + 40)}`);
      add(items);
    } else if (string !== undefined) add(MString.of(JSON.parse(string) as string, true));
    else if (character !== undefined) add(char(CHARACTERS[character.slice(2)] ?? character.codePointAt(2)!));
    else if (atom !== undefined) add(atomOf(atom));
  }
  assert(stack.length === 1, "a bracket is missing at the end of a runtime's text");
  return stack[0]!.items;
}

function atomOf(atom: string): Form {
  if (atom === "#t") return true;
  if (atom === "#f") return false;
  if (/^[-+]?\d+$/u.test(atom)) return Number.isSafeInteger(Number(atom)) ? Number(atom) : BigInt(atom);
  if (/^-?0x[0-9a-f]+$/u.test(atom)) return atom.startsWith("-") ? -Number(atom.slice(1)) : Number(atom);
  if (/^[-+]?\d+\.\d*(e[-+]?\d+)?$/u.test(atom)) return new Flonum(Number(atom));
  return atom;
}
