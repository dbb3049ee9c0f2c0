/** A view: what one tab shows, and what its keys do; and what it is given for that. */
import type { Action, Ask } from "@stratos/panels/action";
import type { Language } from "@stratos/panels/language";
import type { Role } from "@stratos/volumes/roles";
import type { Part } from "../parts/part.ts";
import type { AppWord } from "./words.ts";

export interface View extends Part {
  /** Of its tab. */
  readonly title: string;
  /** Asks the service for what it shows. @throws Error with the service's words */
  load(): Promise<void>;
  /** All keys that write are its own: it takes text. */
  readonly isTyping?: boolean;
  /** Somebody changes something here that is not saved: what the service tells meanwhile must not undo it. */
  readonly isEdited?: boolean;
  /** It goes on by itself, and is asked for more often. */
  readonly isMoving?: boolean;
  /** To answer takes long: it is asked for when it is shown, and by `r`. */
  readonly isDear?: boolean;
}

/** What the application does for its views. */
export interface Stage {
  readonly language: Language;
  readonly ask: Ask;
  /** A file's content, a log. @throws Error with the service's words */
  readonly content: (path: string) => Promise<Uint8Array>;
  /** Whether who asks may do what needs that role. */
  mayAct(needed: Role): boolean;
  say(word: AppWord, ...values: readonly (string | number)[]): string;
  /** Does something; what it returns, or why it failed, is told below the view, which is asked for anew. */
  attempt(work: () => Promise<string | null>): void;
  /** An action of the model: asks first where something will be lost. Does nothing for who may not. */
  act<Word extends string>(action: Action<Word> | undefined): void;
  /** Lets one be chosen of what may be done. */
  offer<Word extends string>(title: string, actions: readonly Action<Word>[], name: (word: Word) => string): void;
  confirm(question: string): Promise<boolean>;
  prompt(label: string, text?: string): Promise<string | null>;
  choose(title: string, items: readonly string[]): Promise<number | null>;
  read(title: string, text: string): void;
  notice(words: string): void;
  /** Shows another view, by its place among the tabs. */
  show(view: View): void;
  /** What is shown has changed. */
  changed(): void;
}
