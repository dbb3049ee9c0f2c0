/**
 * The kernel, and netfilter for it, reads and writes structures of programs by their layouts in `@stratos/abi`
 * (STYLE.md §5), never at a bare number: `view.getUint32(Stat.offset.st_mode, true)`, not `view.getUint32(16, true)`.
 * What has no layout, such as the bytes of a protocol, follows a line `// offset: why`. Not meant are the second half
 * of 64 bits, at 4, and arrays of words.
 */
import { withoutComments } from "./layers.ts";
import { lineAt, type Finding, type SourceTree } from "./source-tree.ts";

const BARE: readonly RegExp[] = [
  // A view, or what the kernel's own words are put to and taken from.
  /\.[gs]et(?:Big)?(?:Ui|I)nt\d+\(\s*(?:\w+ \+ (?!4[,)]))?(?:0x)?[1-9]\w*[,)]/g,
  /\b(?:put64|get64|getU64|putTimeval|optionInt)\([\w.]+, (?:\w+ \+ )?(?:0x)?[1-9]\w*[,)]/g,
  /\.set\(intOption\([^;]*\), (?:0x)?[1-9]\w*\)/g,
  // A program's memory.
  /\b(?:load|store)U\d+\([^,();]* \+ (?:\w+ \* (?!8[,)]))?(?!4[,)])(?:0x)?[1-9]\w*[,)]/g,
  // A structure that iptables gave to a match or target.
  /\binfo\[\d+\]|\blittle(?:Word|Short)\(info, \d/g,
];
const MARK = /^\s*\/\/ offset: \S/;
/** Marked lines in all. The number only shrinks. */
const MARKED_MAX = 1;

export function checkBareOffsets(tree: SourceTree, markedMax: number = MARKED_MAX): Finding[] {
  const findings: Finding[] = [];
  let marked = 0;
  for (const { path, text } of tree.files) {
    if (!/^packages\/(kernel|netfilter)\/src\/.*\.ts$/.test(path) || /\.(test|fuzz|bench)\.ts$|\/testing\//.test(path))
      continue;
    const code = withoutComments(text);
    for (const pattern of BARE) {
      for (const match of code.matchAll(pattern)) {
        const line = lineAt(text, match.index + 1);
        if (MARK.test(text.split("\n")[line - 2] ?? "") && ++marked <= markedMax) continue;
        const message = `a structure at a bare offset: ${match[0].trim()}; take its layout from @stratos/abi`;
        findings.push({ path, line, message });
      }
    }
  }
  if (marked < markedMax) {
    const message = `${marked} lines are marked: lower MARKED_MAX`;
    findings.push({ path: "tools/tidy/bare-offsets.ts", line: 0, message });
  }
  return findings;
}
