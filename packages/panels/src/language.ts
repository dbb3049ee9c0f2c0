/** Languages in which panels speak, and how they tell sizes and times. */
export const LANGUAGES = { en: "English", de: "Deutsch", ja: "日本語" } as const;
export type Language = keyof typeof LANGUAGES;
/** What is said with the same words in each language. */
export type Words<Word extends string> = Readonly<Record<Language, Readonly<Record<Word, string>>>>;

/** @param tags  `de-AT`, `ja_JP.UTF-8`, the most wanted first. @returns the first that we speak, else English */
export function languageOf(tags: readonly (string | null | undefined)[]): Language {
  const wanted = tags.map((tag) => /^[A-Za-z]{2}(?![A-Za-z])/.exec(tag ?? "")?.[0].toLowerCase() ?? "");
  return (wanted.find((tag) => tag in LANGUAGES) as Language | undefined) ?? "en";
}

/** `{0}` and so on stand for values. */
export function phrase(text: string, values: readonly (string | number)[]): string {
  return text.replace(/\{(\d)\}/g, (_, index: string) => String(values[Number(index)] ?? ""));
}

export function momentText(at: string | number, language: Language): string {
  return new Date(at).toLocaleString(language);
}

/** `1.5 MiB`, as in the command line's lists. */
export function sizeText(bytes: number, language: Language): string {
  let unit = 0;
  let amount = bytes;
  for (; amount >= 1024 && unit < UNITS.length - 1; unit++) amount /= 1024;
  const maximumFractionDigits = unit === 0 || amount >= 100 ? 0 : 1;
  return `${amount.toLocaleString(language, { maximumFractionDigits })} ${UNITS[unit]}`;
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
