/**
 * The words of a command line in one argument, as a shell would take them apart: quotes and backslashes, and nothing
 * that is expanded (POSIX Shell Command Language §2.2).
 *
 * @returns null: a quote is open at the end
 */
export function splitWords(line: string): string[] | null {
  const words: string[] = [];
  let word: string | null = null;
  for (let at = 0; at < line.length;) {
    const char = line[at]!;
    if (/\s/.test(char)) {
      if (word !== null) words.push(word);
      word = null;
      at++;
      continue;
    }
    const piece = PIECE.exec(line.slice(at));
    if (piece === null) return null;
    const { single, double, escaped, plain } = piece.groups!;
    word = (word ?? "") + (single ?? double?.replace(/\\([$`"\\])/g, "$1") ?? escaped ?? plain ?? "");
    at += piece[0].length;
  }
  if (word !== null) words.push(word);
  return words;
}

/** From here on, one thing that a word is made of. */
const PIECE = /^(?:'(?<single>[^']*)'|"(?<double>(?:[^"\\]|\\[^])*)"|\\(?<escaped>[^])|(?<plain>[^\s'"\\]+))/;
