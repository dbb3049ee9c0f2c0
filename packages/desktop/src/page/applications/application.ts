/** What the desktop's own applications have in common: widgets in a window. */
import type { Size } from "../../arrange/place.ts";
import type { commandOf } from "../../arrange/shortcuts.ts";
import { focusNear } from "../front.ts";
import type { Desktop, WindowContent } from "../desktop.ts";
import type { Sound } from "../sound.ts";
import type { Widget } from "../widgets/widget.ts";
import type { WindowFrame } from "../window-frame.ts";

export const SETTINGS_CHANGED = "settings-changed";
/** Told to the document by the window that has changed files, for others that show them. */
export const FILES_CHANGED = "files-changed";

interface Doable {
  readonly text: string;
  act(): void;
}

/** What applications may ask of the rest of the desktop. */
export interface ApplicationHost {
  readonly desktop: Desktop;
  notify(text: string): void;
  /** A key of the desktop's, as a frame tells of it that may say anything: moves windows, and starts nothing. */
  pressed(press: Parameters<typeof commandOf>[0]): void;
  /** Null: the machine has none of its own here. */
  readonly sound: Sound | null;
  /** What sandboxed applications may do is another thing now. */
  permissionsChanged(): void;
  /** Another application, by its name in `kept`. */
  start(kind: string, argument?: unknown): void;
  /** What can be done with the machine, and with the session, in words. */
  readonly power: readonly Doable[];
  readonly session: readonly Doable[];
  /** Settings that hold from here on, and are kept; the document is told of them by SETTINGS_CHANGED. */
  change(settings: Partial<Desktop["settings"]>): Promise<void>;
}

export interface OpenedApplication {
  readonly title: string;
  readonly size: Size;
  readonly min?: Size;
  readonly root: Widget;
  /** What it is made again from. */
  readonly argument: unknown;
  focus(): void;
  /** @returns false: the person is asked first, and may call `close` */
  mayClose?(close: () => void): boolean;
  /** Nothing of it goes on. */
  end?(): void;
  shown?(isShown: boolean): void;
  /** It is in another window of the browser now. */
  moved?(): void;
}

/** Opens a window with it. @param at  as it was on a page before */
export function openApplication(
  { desktop }: ApplicationHost,
  kind: string,
  open: (id: () => string) => OpenedApplication,
  at: { readonly id?: string } = {},
): string {
  let id = "";
  const opened = open(() => id);
  const content = (own: string, frame: WindowFrame): WindowContent => {
    id = own;
    frame.content.append(opened.root.element);
    frame.element.classList.add(`of-${kind}`);
    return {
      get kept() {
        return { kind, argument: opened.argument };
      },
      focus: () => {
        const at = focusNear(frame.element);
        if (frame.element.contains(at) && at !== frame.element) return;
        opened.focus();
      },
      close: () => {
        const close = (): void => {
          opened.end?.();
          desktop.closed(id);
        };
        if (opened.mayClose?.(close) !== false) close();
      },
      moved: () => opened.moved?.(),
      ...(opened.shown === undefined ? {} : { shown: (isShown: boolean) => opened.shown!(isShown) }),
    };
  };
  const { title, size, min } = opened;
  return desktop.open(content, { title, size, ...(min === undefined ? {} : { min }), ...at });
}
