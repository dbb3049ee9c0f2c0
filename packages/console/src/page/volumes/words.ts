import { VOLUME_WORDS, type VolumeWord } from "@stratos/panels/volumes";
import { language } from "../language.ts";

export function say(word: VolumeWord): string {
  return VOLUME_WORDS[language][word];
}
