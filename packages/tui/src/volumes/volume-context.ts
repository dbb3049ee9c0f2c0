/** Which volume the views show, and what they say of it. */
import { momentText, sizeText } from "@stratos/panels/language";
import { VOLUME_WORDS, type VolumeWord } from "@stratos/panels/volumes";
import type { Stage } from "../app/view.ts";

export class VolumeContext {
  readonly stage: Stage;
  /** Null: there is none. */
  name: string | null = null;

  constructor(stage: Stage) {
    this.stage = stage;
  }

  /** `/volumes/NAME`. @throws Error where there is no volume */
  get at(): string {
    if (this.name === null) throw new Error(this.say("none"));
    return `/volumes/${encodeURIComponent(this.name)}`;
  }

  readonly say = (word: VolumeWord): string => VOLUME_WORDS[this.stage.language][word];

  size(bytes: number): string {
    return sizeText(bytes, this.stage.language);
  }

  moment(at: string | number): string {
    return momentText(at, this.stage.language);
  }
}
