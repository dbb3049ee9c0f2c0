/**
 * Shell patterns over names: `*`, `?`, `[abc]`, `[!a-z]`, `{one,two}`; in path patterns `*` stops at `/` and `**` does
 * not. Source: POSIX.1-2024 XCU 2.14.
 */

export function isPattern(text: string): boolean {
  return /[*?[{]/.test(text);
}

/** @returns a test for whole names */
export function compilePattern(
  pattern: string,
  options: { isPath: boolean } = { isPath: false },
): (name: string) => boolean {
  if (!isPattern(pattern)) return (name) => name === pattern;
  const expression = new RegExp(`^${translate(pattern, options.isPath)}$`, "s");
  return (name) => expression.test(name);
}

function translate(pattern: string, isPath: boolean): string {
  const any = isPath ? "[^/]" : ".";
  let out = "";
  let depth = 0;
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at]!;
    switch (character) {
      case "*":
        if (isPath && pattern[at + 1] === "*") {
          out += ".*";
          at++;
        } else out += `${any}*`;
        break;
      case "?":
        out += any;
        break;
      case "[": {
        const close = pattern.indexOf("]", at + 2);
        if (close < 0) {
          out += "\\[";
          break;
        }
        const inside = pattern.slice(at + 1, close);
        const isNegated = inside.startsWith("!") || inside.startsWith("^");
        out += `[${isNegated ? "^" : ""}${(isNegated ? inside.slice(1) : inside).replace(/[\\\]^[]/g, "\\$&")}]`;
        at = close;
        break;
      }
      case "{":
        if (pattern.indexOf("}", at) < 0) out += "\\{";
        else {
          depth++;
          out += "(?:";
        }
        break;
      case "}":
        if (depth > 0) {
          depth--;
          out += ")";
        } else out += "\\}";
        break;
      case ",":
        out += depth > 0 ? "|" : ",";
        break;
      default:
        out += character.replace(/[.+^$()|\\\]/]/g, "\\$&");
    }
  }
  // A brace that is never closed within a bracket: what was opened is closed, so that the expression is always one.
  return out + ")".repeat(depth);
}
