/** Shell patterns as fnmatch(3) has them without flags: `*` and `?` also match slashes, which pacman relies on. */

const compiled = new Map<string, RegExp>();

export function matchesGlob(pattern: string, text: string): boolean {
  let expression = compiled.get(pattern);
  if (expression === undefined) {
    expression = globExpression(pattern);
    if (compiled.size > 1000) compiled.clear();
    compiled.set(pattern, expression);
  }
  return expression.test(text);
}

/** Whether `text` matches a list in which later patterns win and `!` negates (pacman.conf(5), NoExtract). */
export function matchesGlobList(patterns: readonly string[], text: string): boolean {
  let isMatch = false;
  for (const pattern of patterns) {
    const isNegated = pattern.startsWith("!");
    if (matchesGlob(isNegated ? pattern.slice(1) : pattern, text)) isMatch = !isNegated;
  }
  return isMatch;
}

function globExpression(pattern: string): RegExp {
  let source = "";
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at]!;
    if (character === "*") source += "[^]*";
    else if (character === "?") source += "[^]";
    else if (character === "\\" && at + 1 < pattern.length) source += quoted(pattern[++at]!);
    else if (character === "[") {
      const end = pattern.indexOf("]", at + (/^[!^]/.test(pattern.charAt(at + 1)) ? 3 : 2));
      if (end < 0) {
        source += "\\[";
        continue;
      }
      const isNegated = /^[!^]/.test(pattern.charAt(at + 1));
      const set = pattern.slice(at + (isNegated ? 2 : 1), end).replace(/[\\\]^[]/g, "\\$&");
      try {
        new RegExp(`[${set}]`);
        source += `[${isNegated ? "^" : ""}${set}]`;
        at = end;
      } catch {
        source += "\\["; // a range that runs backwards matches nothing in a shell; here the bracket stands for itself
      }
    } else source += quoted(character);
  }
  return new RegExp(`^${source}$`);
}

function quoted(character: string): string {
  return character.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
}
