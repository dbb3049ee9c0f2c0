/** What all of the desktop asks a person: whether, and what something shall be called. One form for each. */
import { front } from "./front.ts";
import { Dialog, row } from "./widgets/containers.ts";
import { Button, Label, TextField } from "./widgets/controls.ts";
import type { Widget } from "./widgets/widget.ts";
import { say } from "./words.ts";

type Act = () => unknown;

interface Choice {
  readonly text: string;
  readonly act: Act;
  readonly kind?: "primary" | "danger";
}

/** Nothing is done without an answer; cancelling comes first, and has the keyboard. */
export function askWhether(
  title: string,
  question: string,
  { yes, act, cancel = say("cancel") }: { readonly yes: string; readonly act: Act; readonly cancel?: string },
): Dialog {
  return ask(title, [new Label(question, "p")], [{ text: yes, act, kind: "danger" }], cancel);
}

/** Of several ways on. */
export function askWhich(title: string, question: string, choices: readonly Choice[]): Dialog {
  return ask(title, [new Label(question, "p")], choices);
}

interface NameAct {
  /** What fails is told beside the name, which can be another then. */
  readonly act: (name: string) => unknown;
  /** A whole path, from the root on. */
  readonly isPath?: boolean;
}

export function askName(title: string, value: string, { act, isPath = false }: NameAct): void {
  const field = new TextField(say(isPath ? "path" : "newName"), value);
  const isName = (name: string): boolean => {
    const last = name.slice(name.lastIndexOf("/") + 1);
    return last !== "" && last !== "." && last !== ".." && name.startsWith("/") === isPath && (isPath || last === name);
  };
  const finish = (): unknown => {
    const name = field.value.trim();
    if (!isName(name)) throw new Error(say("noName"));
    return act(name);
  };
  const dialog = ask(title, [field], [{ text: say("ok"), act: finish, kind: "primary" }]);
  field.on("enter", () => dialog.element.querySelector<HTMLElement>("button.primary")?.click());
  // The ending stays, as a rule.
  const from = value.lastIndexOf("/") + 1;
  const dot = value.lastIndexOf(".");
  field.control.focus();
  field.control.setSelectionRange(from, dot > from ? dot : value.length);
}

function ask(
  title: string,
  content: readonly Widget[],
  choices: readonly Choice[],
  cancel: string = say("cancel"),
): Dialog {
  const problem = new Label("", "p");
  problem.element.setAttribute("role", "alert");
  const buttons = choices.map(({ text, act, kind }) => {
    const button = new Button(withoutDots(text), () => {
      for (const each of buttons) each.isEnabled = false;
      Promise.resolve()
        .then(act)
        .then(
          () => dialog.close(),
          (error: unknown) => {
            for (const each of buttons) each.isEnabled = true;
            problem.text = (error as Error).message;
          },
        );
    });
    return kind === undefined ? button : button.named(kind);
  });
  const dialog = new Dialog(title, [
    ...content,
    problem,
    row(new Button(cancel, () => dialog.close()), ...buttons).style({ justify: "end" }),
  ]);
  return dialog.open(front());
}

/** Words of a menu that lead here end with dots. */
function withoutDots(text: string): string {
  return text.replace(/ ?…$/, "");
}
