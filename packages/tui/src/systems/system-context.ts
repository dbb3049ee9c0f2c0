/** What the views of this host's systems have in common. */
import { momentText, phrase, sizeText } from "@stratos/panels/language";
import { SYSTEM_WORDS, type SystemWord } from "@stratos/panels/systems";
import type { Stage } from "../app/view.ts";

export class SystemContext {
  readonly stage: Stage;

  constructor(stage: Stage) {
    this.stage = stage;
  }

  readonly say = (word: SystemWord, ...values: readonly (string | number)[]): string =>
    phrase(SYSTEM_WORDS[this.stage.language][word], values);

  size(bytes: number): string {
    return sizeText(bytes, this.stage.language);
  }

  moment(at: string | number): string {
    return momentText(at, this.stage.language);
  }
}
