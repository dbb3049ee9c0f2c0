/** The language of a page, kept for all pages of one origin; who has chosen none gets what his browser asks for. */
import { LANGUAGES, languageOf, momentText, sizeText } from "@stratos/panels/language";

const KEPT = "stratos language";

export const language = languageOf([localStorage.getItem(KEPT), ...navigator.languages]);

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
  return momentText(at, language);
}

export function size(bytes: number): string {
  return sizeText(bytes, language);
}
