/** A file of the machine as text, to be read and changed. */
import { readBlob, sendContent } from "../service.ts";
import { column, create, row } from "../widgets/containers.ts";
import { Button, Label } from "../widgets/controls.ts";
import { Widget } from "../widgets/widget.ts";
import { say } from "../words.ts";
import type { ApplicationHost, OpenedApplication } from "./application.ts";

export function openText({ notify }: ApplicationHost, argument: unknown): OpenedApplication {
  const path = String(argument);
  const name = path.slice(path.lastIndexOf("/") + 1);
  const area = create("textarea", "text");
  area.spellcheck = false;
  area.readOnly = true;
  area.setAttribute("aria-label", path);
  const state = new Label(path).named("status-text").style({ grow: 1 });
  const attempt = (work: () => Promise<void>): void => {
    work().catch((error: unknown) => notify((error as Error).message));
  };
  const save = new Button(say("save"), () =>
    attempt(async () => {
      await sendContent(path, new TextEncoder().encode(area.value));
      notify(say("saved", name));
    }),
  ).named("primary");
  save.isEnabled = false;
  area.addEventListener("input", () => void (save.isEnabled = true));
  area.addEventListener("keydown", (event) => {
    if (event.key !== "s" || !event.ctrlKey || event.altKey) return;
    event.preventDefault();
    save.element.click();
  });
  attempt(async () => {
    const bytes = new Uint8Array(await (await readBlob(`/content?path=${encodeURIComponent(path)}`)).arrayBuffer());
    const text = new TextDecoder().decode(bytes);
    area.value = text;
    // What is no text would not be the same again.
    area.readOnly = text.includes("\uFFFD") || text.includes("\0");
  });
  return {
    title: name,
    size: { width: 640, height: 440 },
    root: column(row(state, save).named("toolbar"), new Widget(area).style({ grow: 1 })).named("application"),
    argument: path,
    focus: () => area.focus(),
  };
}
