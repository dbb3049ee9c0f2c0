/**
 * State of a machine hangs off its `Kernel` by name (STYLE.md §5): a WeakMap beside the functions is state that no
 * checkpoint finds, and that two machines share.
 */
import { withoutComments } from "./layers.ts";
import { lineAt, type Finding, type SourceTree } from "./source-tree.ts";

const HOME = "packages/kernel/src/";
/** Files that have one as yet. The list only shrinks: a file that has none is taken off. */
const KNOWN: readonly string[] = [];

export function checkModuleState(tree: SourceTree, known: readonly string[] = KNOWN): Finding[] {
  const findings: Finding[] = [];
  const left = new Set(known);
  for (const { path, text } of tree.files) {
    if (!path.startsWith(HOME) || !/(?<!\.(test|fuzz|bench))\.ts$/.test(path)) continue;
    for (const match of withoutComments(text).matchAll(/\bnew Weak(?:Map|Set|Ref)\b/g)) {
      if (!isModuleLevel(text.slice(0, match.index))) continue;
      left.delete(path.slice(HOME.length));
      if (known.includes(path.slice(HOME.length))) continue;
      findings.push({
        path,
        line: lineAt(text, match.index),
        message: `${match[0]} outside Kernel: give it a name there`,
      });
    }
  }
  for (const path of left)
    findings.push({ path: "tools/tidy/module-state.ts", line: 0, message: `${path} has none, take it off` });
  return findings;
}

/** Whether what comes next is the value of a variable of the module, or of a static field (the formatter indents). */
function isModuleLevel(before: string): boolean {
  const statement = before.split(/\n(?=\S| {2}static )/).at(-1)!;
  const isVariable = /^(?:(?:export )?(?:const|let|var)| {2}static) /.test(statement);
  return isVariable && !/=>|\bfunction\b|\)[^=]*\{|;/.test(statement);
}
