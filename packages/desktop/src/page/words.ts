/** What the page says, in three languages. What programs and the service say stays as it is. */
import type { Language } from "../arrange/settings.ts";
import { EN, type Word, type Words } from "./words/en.ts";

export type { Word };

/** Others than the first are loaded when they are wanted. */
export const LOADERS: Readonly<Record<Language, () => Promise<Words>>> = {
  en: async () => EN,
  de: async () => (await import("./words/de.ts")).DE,
  ja: async () => (await import("./words/ja.ts")).JA,
};

let language: Language = "en";
let words: Words = EN;

/** @throws Error: its words cannot be loaded now, and those before stay */
export async function setLanguage(to: Language): Promise<void> {
  words = await LOADERS[to]();
  language = to;
  document.documentElement.lang = to;
}

export function say(word: Word, ...values: readonly (string | number)[]): string {
  return words[word].replace(/\{(\d)\}/g, (_, index: string) => String(values[Number(index)] ?? ""));
}

export function currentLanguage(): Language {
  return language;
}
