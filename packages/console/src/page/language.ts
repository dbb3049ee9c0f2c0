/** The language of a page, kept for all pages of one origin; who has chosen none gets what his browser asks for. */
const LANGUAGES = { en: "English", de: "Deutsch", ja: "日本語" } as const;
type Language = keyof typeof LANGUAGES;
/** What is said with the same words in each language. */
export type Words<Word extends string> = Readonly<Record<Language, Readonly<Record<Word, string>>>>;

const KEPT = "stratos language";

export const language: Language = chosen();

function chosen(): Language {
  const wanted = [localStorage.getItem(KEPT), ...navigator.languages].map((tag) => (tag ?? "").slice(0, 2));
  return (wanted.find((tag) => tag in LANGUAGES) as Language | undefined) ?? "en";
}

/** The page says the rest in the one that is chosen when it is loaded again, which is at once. */
export function offerLanguages(select: HTMLSelectElement, label: string): void {
  document.documentElement.lang = language;
  select.setAttribute("aria-label", label);
  for (const [tag, name] of Object.entries(LANGUAGES)) select.append(new Option(name, tag));
  select.value = language;
  select.addEventListener("change", () => {
    localStorage.setItem(KEPT, select.value);
    location.reload();
  });
}

export function moment(at: string | number): string {
  return new Date(at).toLocaleString(language);
}

/** `1.5 MiB`, as in the command line's lists. */
export function size(bytes: number): string {
  let unit = 0;
  let amount = bytes;
  for (; amount >= 1024 && unit < UNITS.length - 1; unit++) amount /= 1024;
  const maximumFractionDigits = unit === 0 || amount >= 100 ? 0 : 1;
  return `${amount.toLocaleString(language, { maximumFractionDigits })} ${UNITS[unit]}`;
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
