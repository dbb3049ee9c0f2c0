/** The call that the cursor is in: how its procedure is used, and which operand it is at. */
import type { SignatureHelp } from "vscode-languageserver-types";
import type { Analysis } from "./analysis.ts";
import { enclosing } from "./completion.ts";
import type { Describer } from "./describe.ts";
import { occurrenceAt } from "./names.ts";
import { scan, type Token } from "../reader/tokens.ts";

export function signatureAt(
  analysis: Analysis,
  describer: Describer,
  text: string,
  offset: number,
): SignatureHelp | null {
  const tokens = scan(text);
  for (const open of enclosing(tokens, offset).reverse()) {
    const at = tokens.indexOf(open);
    const operator = tokens[at + 1];
    if (operator === undefined || operator.kind !== "symbol" || operator.start >= offset) continue;
    const occurrence = occurrenceAt(analysis, operator.start);
    if (occurrence === null || occurrence.start !== operator.start) continue;
    const { forms, documentation } = describer.describe(occurrence.name, occurrence.binding, analysis);
    if (!forms[0]!.startsWith("(")) continue;
    const own = operandAt(tokens.slice(at + 1), offset);
    const signatures = forms.map((form) => {
      const parameters = parametersOf(form);
      return {
        label: form,
        parameters: parameters.map((range) => ({ label: range })),
        ...(documentation === "" ? {} : { documentation: { kind: "markdown" as const, value: documentation } }),
      };
    });
    const active = signatures.findIndex(({ parameters }) => own < parameters.length);
    const chosen = signatures[Math.max(0, active)]!;
    return {
      signatures,
      activeSignature: Math.max(0, active),
      activeParameter: Math.min(own, Math.max(0, chosen.parameters.length - 1)),
    };
  }
  return null;
}

/** How many operands stand before the offset, which may be in one. @param tokens  from the operator on */
function operandAt(tokens: readonly Token[], offset: number): number {
  let depth = 0,
    data = 0,
    lastEnd = 0;
  for (const { kind, start, end } of tokens) {
    if (start >= offset) break;
    if (kind === "comment") continue;
    if (depth === 0 && kind !== "prefix" && kind !== "skip") data++;
    if (kind === "open") depth++;
    else if (kind === "close") depth--;
    lastEnd = end;
  }
  // Within or right behind a datum it is that one; behind a blank it is the next.
  const isInside = depth > 0 || lastEnd >= offset;
  return Math.max(0, data - (isInside ? 2 : 1));
}

/** Places of the parameters in `(f a [b] . rest)`; what repeats is the last. */
function parametersOf(form: string): [number, number][] {
  const found: [number, number][] = [];
  const inner = /^\(\S+/.exec(form);
  for (let at = inner?.[0].length ?? form.length; at < form.length; at++) {
    const letter = form[at]!;
    if (letter === " " || letter === "." || letter === "…") continue;
    if (letter === ")" || letter === "→") break;
    let depth = 0,
      end = at;
    for (; end < form.length; end++) {
      if ("([".includes(form[end]!)) depth++;
      else if (")]".includes(form[end]!) && --depth < 0) break;
      else if (form[end] === " " && depth === 0) break;
    }
    found.push([at, end]);
    at = end - (depth < 0 ? 1 : 0);
  }
  return found;
}
