/**
 * A sandboxed application's window: a frame without an origin, whose only way out is a port. Each of its calls is asked
 * of the service, which judges it; what the person has not decided is asked for here. A frame that no longer answers,
 * or has failed, is named, and can be started anew.
 */
import { front } from "../front.ts";
import { ask } from "../service.ts";
import { column, create, Dialog, row } from "../widgets/containers.ts";
import { Button, Label } from "../widgets/controls.ts";
import { Widget } from "../widgets/widget.ts";
import { currentLanguage, say } from "../words.ts";
import type { ApplicationHost, OpenedApplication } from "./application.ts";

interface Sandboxed {
  readonly id: string;
  readonly name: string;
  readonly comment: string;
  readonly permissions: readonly { readonly permission: string; readonly isGranted: boolean | null }[];
}

export interface SandboxedList {
  readonly applications: readonly Sandboxed[];
  readonly problems: readonly string[];
}

type Outcome =
  | { readonly kind: "done"; readonly value: unknown }
  | { readonly kind: "ask"; readonly permission: string };

/** What a frame says; it may say anything. */
interface Said {
  readonly id?: unknown;
  readonly request?: unknown;
  readonly pong?: unknown;
  readonly failed?: unknown;
  readonly press?: unknown;
}

/** A frame is asked so often whether it lives, and may be silent so long. */
const PING_MS = 2000,
  SILENCE_MS = 10_000;
/** Calls that are under way. */
const CALLS_MAX = 16;
const WORDS_MAX = 300;
/** Between two notifications. */
const NOTICE_MS = 1000;

export interface SandboxedFrame {
  readonly element: HTMLElement;
  /** Anew, whatever it did. */
  start(): void;
  /** It is told whether somebody sees it. */
  setShown(isShown: boolean): void;
  end(): void;
}

/** @param tell  what is wrong with it; null: nothing any more */
export function sandboxedFrame(
  host: ApplicationHost,
  { id, name, part }: { readonly id: string; readonly name: string; readonly part: "window" | "panel" },
  tell: (problem: string | null) => void,
): SandboxedFrame {
  const place = `/sandboxed/${encodeURIComponent(id)}`;
  const element = create("div", "sandboxed-frame");
  let port: MessagePort | null = null;
  let isShown = true;
  let heardAt = 0;
  let isTroubled = false;
  let asking: Promise<unknown> = Promise.resolve();
  let underWay = 0;
  let noticedAt = -Infinity;

  const trouble = (problem: string): void => {
    isTroubled = true;
    tell(problem.slice(0, WORDS_MAX));
  };
  const start = (): void => {
    port?.close();
    port = null;
    isTroubled = false;
    tell(null);
    element.replaceChildren();
    ask<{ path: string }>("POST", `${place}/open`, { part }).then(
      ({ path }) => {
        const frame = create("iframe");
        frame.setAttribute("sandbox", "allow-scripts");
        frame.setAttribute("allow", "");
        frame.referrerPolicy = "no-referrer";
        frame.title = name;
        // Once: a page that the frame would go to afterwards gets none.
        frame.addEventListener("load", () => connect(frame), { once: true });
        frame.src = path;
        element.append(frame);
      },
      (error: unknown) => trouble((error as Error).message),
    );
  };
  const connect = (frame: HTMLIFrameElement): void => {
    const channel = new MessageChannel();
    port = channel.port1;
    port.onmessage = ({ data }: MessageEvent<Said | null>) => hear(channel.port1, data ?? {});
    const theme = getComputedStyle(document.documentElement).colorScheme;
    // It has no origin that could be named.
    frame.contentWindow!.postMessage({ language: currentLanguage(), theme }, "*", [channel.port2]);
    heardAt = performance.now();
    if (!isShown) port.postMessage({ isShown });
  };
  const hear = (from: MessagePort, { id: number, request, failed, press }: Said): void => {
    if (from !== port) return;
    heardAt = performance.now();
    if (failed !== undefined) trouble(say("sandboxedFailed", name, String(failed)));
    else if (typeof press === "object" && press !== null) {
      // Others than the one with the keyboard have no keys to tell of.
      if (element.contains(document.activeElement)) host.pressed(press as Parameters<typeof host.pressed>[0]);
    } else if (typeof number === "number" && typeof request === "object" && request !== null) {
      const answer = (message: object): void => from.postMessage({ id: number, ...message });
      if (underWay >= CALLS_MAX) return answer({ problem: `more than ${CALLS_MAX} calls at once` });
      underWay++;
      call(request as Readonly<Record<string, unknown>>)
        .then(
          (value) => answer({ value }),
          (error: unknown) => answer({ problem: (error as Error).message }),
        )
        .finally(() => underWay--);
    }
  };
  const call = async (request: Readonly<Record<string, unknown>>): Promise<unknown> => {
    for (;;) {
      const outcome = await ask<Outcome>("POST", `${place}/call`, request);
      if (outcome.kind === "done") {
        if (request["call"] === "notify") notice(String(request["text"]));
        return outcome.value;
      }
      // One question at a time; the next call may be answered by then.
      asking = asking.catch(() => {}).then(() => decide(outcome.permission));
      await asking;
    }
  };
  const notice = (text: string): void => {
    const now = performance.now();
    if (now - noticedAt < NOTICE_MS) throw new Error(`more than one notification in ${NOTICE_MS} ms`);
    noticedAt = now;
    host.notify(`${name}: ${text}`);
  };
  const decide = async (permission: string): Promise<void> => {
    const { applications } = await ask<SandboxedList>("GET", "/sandboxed");
    const known = applications.find((each) => each.id === id)?.permissions;
    if (known?.find((each) => each.permission === permission)?.isGranted !== null) return;
    const isGranted = await granted(name, permission);
    await ask("PUT", `${place}/permissions`, { permission, isGranted });
  };
  const timer = setInterval(() => {
    if (port === null) return;
    port.postMessage({ ping: 1 });
    if (performance.now() - heardAt > SILENCE_MS && !isTroubled) trouble(say("sandboxedSilent", name));
  }, PING_MS);
  return {
    element,
    start,
    setShown: (shown) => {
      isShown = shown;
      port?.postMessage({ isShown });
    },
    end: () => {
      clearInterval(timer);
      port?.close();
      port = null;
      element.replaceChildren();
    },
  };
}

export function openSandboxed(host: ApplicationHost, argument: unknown, own: () => string): OpenedApplication {
  const { id = "", name = "" } = (typeof argument === "object" && argument !== null ? argument : {}) as {
    readonly id?: string;
    readonly name?: string;
  };
  const words = new Label("", "p");
  words.element.setAttribute("role", "alert");
  const trouble = row(words.style({ grow: 1 }), new Button(say("startAgain"), () => frame.start())).named(
    "sandboxed-trouble",
  );
  const frame = sandboxedFrame(host, { id, name, part: "window" }, (problem) => {
    words.text = problem ?? "";
    trouble.element.hidden = problem === null;
  });
  const { element } = frame;
  // A press in the frame is told to nobody here, but the page loses the keyboard to it.
  const entered = (): void => {
    if (element.contains(document.activeElement)) host.desktop.arrangement.focus(own());
  };
  addEventListener("blur", entered);
  frame.start();
  return {
    title: name,
    size: { width: 640, height: 480 },
    min: { width: 240, height: 160 },
    root: column(trouble, new Widget(element).style({ grow: 1 })).named("application"),
    argument: { id, name },
    focus: () => element.querySelector("iframe")?.focus(),
    shown: (shown) => frame.setShown(shown),
    end: () => {
      removeEventListener("blur", entered);
      frame.end();
    },
  };
}

/** Asks the person. */
function granted(name: string, permission: string): Promise<boolean> {
  return new Promise((resolve) => {
    let isGranted = false;
    const decide = (decision: boolean): void => {
      isGranted = decision;
      dialog.close();
    };
    const refuse = new Button(say("refuse"), () => decide(false));
    const dialog = new Dialog(say("permissionTitle", name), [
      new Label(permissionWords(permission), "p"),
      new Label(say("permissionHelp"), "p"),
      row(refuse, new Button(say("allow"), () => decide(true))).style({ justify: "end" }),
    ]);
    dialog.on("closed", () => resolve(isGranted));
    dialog.open(front());
    refuse.element.focus();
  });
}

export function permissionWords(permission: string): string {
  const [, kind, path = ""] = /^(\w+):?(.*)$/s.exec(permission) ?? [];
  const word = { read: "mayRead", write: "mayWrite", run: "mayRun" } as const;
  if (kind === "read" || kind === "write" || kind === "run") return say(word[kind], path);
  return say(kind === "panel" ? "mayPanel" : "mayNotify");
}
