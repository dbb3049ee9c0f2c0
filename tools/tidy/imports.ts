/**
 * What a file takes from another stands in one `import`; types alone may have one of their own. What the file is comes
 * before them, what it has after a blank line.
 */
import { withoutComments } from "./layers.ts";
import { lineAt, type Finding, type SourceTree } from "./source-tree.ts";

export function checkImports(tree: SourceTree): Finding[] {
  const findings: Finding[] = [];
  for (const { path, text } of tree.files) {
    if (!/\.(ts|mjs)$/.test(path)) continue;
    const body = /^import [^;]*;\n(?!import )/m.exec(text);
    const rest = body === null ? "" : text.slice(body.index + body[0].length);
    if (/^\/[/*]/.test(rest))
      findings.push({ path, line: lineAt(text, body!.index), message: "a blank line after the imports" });
    if (!text.startsWith("/**") && /^\n\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n\n/.test(rest))
      findings.push({ path, line: 1, message: "what the file is comes before its imports" });
    const seen = new Set<string>();
    for (const match of withoutComments(text).matchAll(/^import (type )?\{[^}]*\} from ("[^"]+");$/gm)) {
      const source = `${match[1] ?? ""}${match[2]!}`;
      if (seen.has(source))
        findings.push({
          path,
          line: lineAt(text, match.index),
          message: `a second import from ${match[2]!}: join them`,
        });
      seen.add(source);
    }
  }
  return findings;
}
