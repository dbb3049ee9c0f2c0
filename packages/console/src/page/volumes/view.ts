/** What the views of a volume have in common. */
import type { Action } from "@stratos/panels/action";
import type { VolumeWord } from "@stratos/panels/volumes";
import { mayAct, type Role } from "@stratos/volumes/roles";
import { button } from "../button.ts";
import { ask } from "./rest.ts";
import { say } from "./words.ts";

export interface ViewContext {
  /** `/volumes/NAME`, below the service's root. */
  readonly at: string;
  readonly role: Role;
  /** The service changes nothing. */
  readonly readOnly: boolean;
  /** Behind the view's name in the address: a path, a snapshot. */
  readonly rest: string;
  /** Does something, tells why it did not work, and draws the view anew. */
  readonly attempt: (work: () => Promise<unknown>) => void;
  /** Shows another place of this view. */
  readonly go: (rest: string) => void;
  readonly notice: (words: string) => void;
}

/** @returns the view's content. @throws as ask */
export type View = (context: ViewContext) => Promise<readonly Node[]>;

/** It is offered to those alone who may. */
export function mayChange({ role, readOnly }: ViewContext, needed: Role): boolean {
  return mayAct(role, needed) && (needed === "viewer" || !readOnly);
}

/**
 * A button for each that its caller may do, which asks before something is lost.
 *
 * @param actions  as they are when one is pressed
 */
export function actionButtons(
  context: ViewContext,
  actions: () => readonly Action<VolumeWord>[],
  of: string | null = null,
): HTMLButtonElement[] {
  return actions()
    .filter(({ needs }) => mayChange(context, needs))
    .map(({ word }) => {
      const made = button(say(word), () => {
        const { question, run } = actions().find((action) => action.word === word)!;
        if (question !== null && !confirm(question)) return;
        context.attempt(async () => {
          const told = await run(ask);
          if (told !== null) context.notice(told);
        });
      });
      if (of !== null) made.setAttribute("aria-label", `${say(word)}: ${of}`);
      return made;
    });
}
