/** What can be done with a session that a server has, and not with that of a tab: another user, logging out. */
import type { Desktop, Session } from "./desktop.ts";
import { front } from "./front.ts";
import { askWhether } from "./questions.ts";
import { ask } from "./service.ts";
import { Dialog, row } from "./widgets/containers.ts";
import { Button, Label } from "./widgets/controls.ts";
import { say } from "./words.ts";

/** What this one's programs do goes on. */
export function chooseUser(desktop: Desktop): void {
  const { user, otherUsers } = desktop.session;
  const problem = new Label("", "p");
  problem.element.setAttribute("role", "alert");
  const choices = otherUsers.map(
    (other) => new Button(other, () => void desktop.save().then(() => switchTo(other, problem))),
  );
  const dialog = new Dialog(say("switchUserTitle"), [
    new Label(say("switchUserHelp", user), "p"),
    row(...choices),
    problem,
    row(new Button(say("cancel"), () => dialog.close())).style({ justify: "end" }),
  ]).open(front());
}

export function switchTo(user: string, problem: Label): void {
  ask("POST", "/switch", { user }).then(
    () => location.reload(),
    (error: unknown) => void (problem.text = (error as Error).message),
  );
}

/** Of a system, which goes on. */
export function logOut({ name }: Session, showEnd: () => void): void {
  askWhether(say("logOutTitle"), say("logOutSystem", name), {
    yes: say("logOut"),
    act: () => ask("POST", "/end", {}).then(showEnd),
  });
}
