/** A desktop that is locked: who knows its passphrase opens it, and others go to their own. */
import type { Session } from "./desktop.ts";
import { front } from "./front.ts";
import { ask } from "./service.ts";
import { switchTo } from "./served-session.ts";
import { Dialog, row } from "./widgets/containers.ts";
import { Button, Label, TextField } from "./widgets/controls.ts";
import { say } from "./words.ts";

/** Until the person has said the passphrase. */
export function unlocked({ user, otherUsers }: Session): Promise<void> {
  return new Promise((resolve) => {
    const field = new TextField(say("passphrase"), "", "password");
    const problem = new Label("", "p");
    problem.element.setAttribute("role", "alert");
    const unlock = (): void => {
      ask("POST", "/unlock", { passphrase: field.value }).then(
        () => {
          dialog.on("closed", () => resolve());
          dialog.element.removeEventListener("cancel", keep);
          dialog.close();
        },
        (error: unknown) => {
          problem.text = (error as Error).message;
          field.control.select();
        },
      );
    };
    const keep = (event: Event): void => event.preventDefault();
    field.on("enter", unlock);
    const others = otherUsers.map((other) => new Button(say("switchTo", other), () => void switchTo(other, problem)));
    const dialog = new Dialog(say("locked"), [
      ...(others.length === 0 ? [] : [new Label(user, "p")]),
      field,
      problem,
      ...(others.length === 0 ? [] : [row(...others)]),
      row(new Button(say("unlock"), unlock).named("primary")).style({ justify: "end" }),
    ]).named("lock");
    dialog.element.addEventListener("cancel", keep);
    dialog.open(front());
  });
}
