/** The desktop's keys, in words. */
import { front } from "./front.ts";
import { column, Dialog, row } from "./widgets/containers.ts";
import { Button, Label } from "./widgets/controls.ts";
import { say } from "./words.ts";

export function showKeys(): void {
  const words = [
    "keySnap",
    "keyMove",
    "keyGrow",
    "keyNext",
    "keyWorkspace",
    "keyWindow",
    "keyMonitor",
    "keyOpen",
  ] as const;
  const close = new Button(say("ok"), () => dialog.close()).named("primary");
  const dialog = new Dialog(say("help"), [
    new Label(say("keyHelp"), "p"),
    column(...words.map((word) => new Label(say(word), "p"))).named("keys"),
    row(close).style({ justify: "end" }),
  ]).open(front());
  close.element.focus();
}
