/** Text as a model can take it: the beginning and the end of what is long. */

/** Characters of one answer. */
const TEXT_MAX = 16_000;

/** @returns the text, or its two ends with what is left out between them */
export function boundedText(text: string, most: number = TEXT_MAX): { readonly text: string; readonly isCut: boolean } {
  if (text.length <= most) return { text, isCut: false };
  const part = Math.floor(most / 2);
  const left = text.length - 2 * part;
  return {
    text: `${text.slice(0, part)}\n… ${left} characters are left out here …\n${text.slice(-part)}`,
    isCut: true,
  };
}
