/**
 * Numbers of Linux stand in `@stratos/abi` alone, where `tests/abi/layouts.test.ts` holds them against its headers: a
 * package that may import them has no constant of the same name and value. Those that stand by themselves, as formats
 * and the network do for files and frames, do not declare `@stratos/abi`, or have other names.
 */
import { withoutComments } from "./layers.ts";
import { lineAt, type Finding, type SourceTree } from "./source-tree.ts";

const HOME = "packages/abi/src/";

export function checkAbiCopies(tree: SourceTree): Finding[] {
  const declaring = new Set<string>();
  const numbers = new Map<string, number>();
  for (const { path, text } of tree.files) {
    const name = /^packages\/([^/]+)\/package\.json$/.exec(path)?.[1];
    if (name !== undefined && name !== "abi" && text.includes('"@stratos/abi"')) declaring.add(name);
    if (path.startsWith(HOME) && isProduct(path))
      for (const one of constantsOf(text)) if (one.isExported) numbers.set(one.name, one.value);
  }
  const findings: Finding[] = [];
  for (const { path, text } of tree.files) {
    const name = /^packages\/([^/]+)\/src\/.*\.ts$/.exec(path)?.[1];
    if (name === undefined || !declaring.has(name) || !isProduct(path)) continue;
    for (const { name: constant, value, offset } of constantsOf(text))
      if (numbers.get(constant) === value)
        findings.push({
          path,
          line: lineAt(text, offset),
          message: `${constant} is in @stratos/abi: take it from there`,
        });
  }
  return findings;
}

const isProduct = (path: string): boolean => !/\.(test|fuzz|bench)\.ts$|\/testing\//.test(path);

/** As the formatter writes them: `const A = 1,` and on each of the next lines `  B = 2,`. */
function* constantsOf(text: string): Generator<{ name: string; value: number; offset: number; isExported: boolean }> {
  for (const list of withoutComments(text).matchAll(/^(export )?const [A-Z][^;]*;/gm))
    for (const { index, 1: name, 2: value } of list[0].matchAll(/(?:const|\n {1}) ([A-Z][A-Z\d_]*) = (-?\d\w*)[,;]/g))
      yield {
        name: name!,
        value: Number(value!.replaceAll("_", "")),
        offset: list.index + index + 1,
        isExported: list[1] !== undefined,
      };
}
