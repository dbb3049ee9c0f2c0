/** A file of the machine as text, to be read and changed. What is not saved yet outlives its page, not its window. */
import { askName, askWhether, askWhich } from "../questions.ts";
import { ask, readBlob, sendContent } from "../service.ts";
import { column, create, row } from "../widgets/containers.ts";
import { Button, Label } from "../widgets/controls.ts";
import { Widget } from "../widgets/widget.ts";
import { say } from "../words.ts";
import type { ApplicationHost, OpenedApplication } from "./application.ts";
import { bytesOfText, type LineEnd, textContentOf } from "./text-content.ts";

/** Of what windows are made again from, in bytes, for all texts that are not saved: a layout has 64 KiB. */
const DRAFTS_MAX = 24 << 10;
/** Those texts. */
const drafts = new Set<{ readonly bytes: number }>();

/** @param argument  a path; or with a text that was not saved */
export function openText({ notify, desktop }: ApplicationHost, argument: unknown, id: () => string): OpenedApplication {
  const {
    path: given = argument,
    draft,
    lineEnd: keptEnd,
  } = (typeof argument === "object" && argument !== null ? argument : {}) as {
    readonly path?: unknown;
    readonly draft?: unknown;
    readonly lineEnd?: unknown;
  };
  let path = String(given);
  let lineEnd: LineEnd = keptEnd === "\r\n" ? keptEnd : "\n";
  const nameOf = (): string => path.slice(path.lastIndexOf("/") + 1);
  const titleOf = (): string => (isChanged ? `${nameOf()} •` : nameOf());
  const area = create("textarea", "text");
  area.spellcheck = false;
  area.readOnly = true;
  const state = new Label(path).named("status-text").style({ grow: 1 });
  let isChanged = false;
  const draftText = {
    get bytes() {
      return new TextEncoder().encode(JSON.stringify(area.value)).length;
    },
  };
  const isKept = (): boolean => [...drafts].reduce((sum, { bytes }) => sum + bytes, 0) <= DRAFTS_MAX;
  const ended = new AbortController();
  const warn = (event: Event): void => {
    if (isChanged && !isKept()) event.preventDefault();
  };
  addEventListener("beforeunload", warn, { signal: ended.signal });
  const attempt = (work: () => Promise<void>): void => {
    work().catch((error: unknown) => notify((error as Error).message));
  };
  const is = (changed: boolean): void => {
    isChanged = changed;
    if (changed) drafts.add(draftText);
    else drafts.delete(draftText);
    save.isEnabled = changed;
    desktop.arrangement.retitle(id(), titleOf());
    desktop.keptChanged();
  };
  /** What fails leaves the text what it was: another place is its own once it is there. */
  const write = async (to = path): Promise<void> => {
    const text = area.value;
    await sendContent(to, bytesOfText(text, lineEnd));
    if (to !== path) {
      path = to;
      state.text = path;
      area.setAttribute("aria-label", path);
      // What could not be shown whole stays as it is; this is the text that was shown.
      area.readOnly = false;
      desktop.arrangement.retitle(id(), titleOf());
      desktop.keptChanged();
    }
    notify(say("saved", nameOf()));
    if (area.value === text) is(false);
  };
  const askPlace = (): void =>
    askName(say("saveAs"), path, {
      isPath: true,
      act: async (to) => {
        const folder = to.slice(0, to.lastIndexOf("/")) || "/";
        const query = encodeURIComponent(folder);
        const { entries } = await ask<{ entries: readonly { readonly name: string }[] }>("GET", `/files?path=${query}`);
        const name = to.slice(to.lastIndexOf("/") + 1);
        if (to === path || !entries.some((each) => each.name === name)) return write(to);
        askWhether(say("replaceTitle", name), say("replaceText"), { yes: say("replace"), act: () => write(to) });
        return undefined;
      },
    });
  const save = new Button(say("save"), () => attempt(write)).named("primary");
  save.isEnabled = false;
  const saveAs = new Button(say("saveAs"), askPlace);
  area.addEventListener("input", () => {
    if (!isChanged) is(true);
    else desktop.keptChanged();
  });
  area.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "s" || !event.ctrlKey || event.altKey) return;
    event.preventDefault();
    (event.shiftKey ? saveAs : save).element.click();
  });
  attempt(async () => {
    area.setAttribute("aria-label", path);
    if (typeof draft === "string") {
      area.value = draft;
      area.readOnly = false;
      return is(true);
    }
    const bytes = new Uint8Array(await (await readBlob(`/content?path=${encodeURIComponent(path)}`)).arrayBuffer());
    const content = textContentOf(bytes);
    area.value = content.text;
    area.readOnly = content.isFixed;
    ({ lineEnd } = content);
  });
  return {
    title: titleOf(),
    size: { width: 640, height: 440 },
    root: column(row(state, saveAs, save).named("toolbar"), new Widget(area).style({ grow: 1 })).named("application"),
    get argument() {
      return isChanged && isKept() ? { path, draft: area.value, lineEnd } : path;
    },
    focus: () => area.focus(),
    mayClose: (close) => {
      if (!isChanged) return true;
      askWhich(say("unsavedTitle", nameOf()), say("unsavedText"), [
        { text: say("discard"), act: close, kind: "danger" },
        { text: say("save"), act: () => write().then(close), kind: "primary" },
      ]);
      return false;
    },
    end: () => {
      drafts.delete(draftText);
      ended.abort();
    },
  };
}
