/** What the session's menu does with the machine: it is suspended until somebody goes on, or shut down. */
import { front } from "./front.ts";
import type { Session } from "./desktop.ts";
import { askWhether } from "./questions.ts";
import { ask } from "./service.ts";
import { Dialog, row } from "./widgets/containers.ts";
import { Button, Label } from "./widgets/controls.ts";
import { say } from "./words.ts";

/** Somebody at another page may go on. */
const LOOK_MS = 2000;

let shown: Promise<void> | null = null;

/** Nothing runs: resolves when somebody, here or at another page, has gone on. */
export function untilResumed(): Promise<void> {
  shown ??= showSuspended().finally(() => void (shown = null));
  return shown;
}

function showSuspended(): Promise<void> {
  return new Promise((resolve) => {
    const problem = new Label("", "p");
    problem.element.setAttribute("role", "alert");
    const done = (): void => {
      clearInterval(looking);
      dialog.on("closed", () => resolve());
      dialog.element.removeEventListener("cancel", keep);
      dialog.close();
    };
    const keep = (event: Event): void => event.preventDefault();
    const goOn = new Button(say("resume"), () => {
      ask("POST", "/resume", {}).then(done, (error: unknown) => void (problem.text = (error as Error).message));
    }).named("primary");
    const dialog = new Dialog(say("suspended"), [
      new Label(say("suspendedHelp"), "p"),
      problem,
      row(goOn).style({ justify: "end" }),
    ]).named("lock");
    const look = async (): Promise<void> => {
      const { isSuspended } = await ask<Session>("GET", "/session");
      if (!isSuspended) done();
    };
    const looking = setInterval(() => void look().catch(() => {}), LOOK_MS);
    dialog.element.addEventListener("cancel", keep);
    dialog.open(front());
    goOn.element.focus();
  });
}

/** @param ended  shows that nothing runs any more */
export function askToShutDown({ keepsFiles }: Session, ended: () => void): void {
  askWhether(say("shutDownTitle"), say(keepsFiles ? "shutDownKept" : "logOutOwn"), {
    yes: say("shutDown"),
    act: () => ask("POST", "/shutdown", {}).then(ended),
  });
}
