import { phrase } from "@stratos/panels/language";
import { SYSTEM_WORDS, type SystemWord } from "@stratos/panels/systems";
import { language } from "../language.ts";

export function say(word: SystemWord, ...values: readonly (string | number)[]): string {
  return phrase(SYSTEM_WORDS[language][word], values);
}
