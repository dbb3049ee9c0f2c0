/**
 * What may fail in the kernel gives what it made or a negated error number, and is asked by `isErrno` (STYLE.md §5), so
 * that a reader who looks for where errors are dealt with finds all of it by one word.
 */
import { withoutComments } from "./layers.ts";
import { lineAt, type Finding, type SourceTree } from "./source-tree.ts";

const OTHER_DIALECT = /\btypeof [^;{}=]*? [!=]== "number"/g;

export function checkErrorDialect(tree: SourceTree): Finding[] {
  const findings: Finding[] = [];
  for (const { path, text } of tree.files) {
    if (!/^packages\/kernel\/src\/.*(?<!\.(?:test|fuzz|bench))\.ts$/.test(path) || path.includes("/testing/")) continue;
    for (const match of withoutComments(text).matchAll(OTHER_DIALECT))
      findings.push({ path, line: lineAt(text, match.index), message: `${match[0]}: ask isErrno of @stratos/abi` });
  }
  return findings;
}
