import { syntaxError } from "../datum/condition.ts";
import { resolve } from "./binding.ts";
import type { Context } from "./body.ts";
import type { FormExpander } from "./form-expander.ts";
import { type Binding, type Identifier, isIdentifier, type Syntax, syntaxToDatum } from "./syntax.ts";
import { parseSyntaxRules, RenamingTransformer, RulesTransformer } from "./transformer.ts";

/**
 * The meaning of a keyword that is defined by `value`: rules are made at once; anything else is run at the next phase.
 * A keyword as value gives its meaning another name.
 *
 * @param isDefinition  in a body, where uses of the macro may stand beside what it defines
 */
export function evaluateTransformer(
  { datum: { name }, source }: Identifier,
  value: Syntax,
  context: Context,
  expander: FormExpander,
  isDefinition: boolean,
): Binding {
  if (isIdentifier(value)) {
    const binding = resolve(value, context.phase);
    if (binding !== null && (binding.kind === "core" || binding.kind === "macro" || binding.kind === "auxiliary"))
      return binding;
  }
  const inner: Context = { namespace: context.namespace, phase: context.phase + 1, body: null };
  const { form, binding } = expander.head(value, inner);
  const transformer =
    binding?.kind === "core" && binding.name === "syntax-rules"
      ? parseSyntaxRules(form, context.phase)
      : expander.host.evaluate(expander.expand(form, inner), inner.phase, context.namespace);
  const isGood =
    transformer instanceof RulesTransformer ||
    transformer instanceof RenamingTransformer ||
    expander.host.isProcedure(transformer);
  if (!isGood)
    throw syntaxError(`${name}: a keyword's value must be a transformer`, value.source, syntaxToDatum(value));
  return { kind: "macro", name, transformer, context: isDefinition ? context.namespace : null, source };
}
