/**
 * A sandboxed application's window: a frame without an origin, whose only way out is a port. Each of its calls is asked
 * of the service, which judges it; what the person has not decided is asked for here. A frame that no longer answers,
 * or has failed, is named, and can be started anew.
 */
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
  { readonly kind: "done"; readonly value: unknown } | { readonly kind: "ask"; readonly permission: string };

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

export function openSandboxed(host: ApplicationHost, argument: unknown, own: () => string): OpenedApplication {
  const { id = "", name = "" } = (typeof argument === "object" && argument !== null ? argument : {}) as {
    readonly id?: string;
    readonly name?: string;
  };
  const frames = create("div", "sandboxed-frame");
  const words = new Label("", "p");
  words.element.setAttribute("role", "alert");
  const again = new Button(say("startAgain"), () => start());
  const trouble = row(words.style({ grow: 1 }), again).named("sandboxed-trouble");
  trouble.element.hidden = true;
  let port: MessagePort | null = null;
  let isShown = true;
  let heardAt = 0;
  let asking: Promise<unknown> = Promise.resolve();

  const tell = (problem: string): void => {
    words.text = problem.slice(0, WORDS_MAX);
    trouble.element.hidden = false;
  };
  const start = (): void => {
    port?.close();
    port = null;
    trouble.element.hidden = true;
    frames.replaceChildren();
    ask<{ path: string }>("POST", `${place}/open`, {}).then(
      ({ path }) => {
        const frame = create("iframe");
        frame.setAttribute("sandbox", "allow-scripts");
        frame.setAttribute("allow", "");
        frame.referrerPolicy = "no-referrer";
        frame.title = name;
        // Once: a page that the frame would go to afterwards gets none.
        frame.addEventListener("load", () => connect(frame), { once: true });
        frame.src = path;
        frames.append(frame);
      },
      (error: unknown) => tell((error as Error).message),
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
  let underWay = 0;
  const hear = (from: MessagePort, { id: number, request, failed, press }: Said): void => {
    if (from !== port) return;
    heardAt = performance.now();
    if (failed !== undefined) tell(say("sandboxedFailed", name, String(failed)));
    else if (typeof press === "object" && press !== null) {
      // Others than the one with the keyboard have no keys to tell of.
      if (frames.contains(document.activeElement)) host.pressed(press as Parameters<typeof host.pressed>[0]);
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
        if (request["call"] === "notify") host.notify(`${name}: ${String(request["text"])}`);
        return outcome.value;
      }
      // One question at a time; the next call may be answered by then.
      asking = asking.then(async () => {
        const { applications } = await ask<SandboxedList>("GET", "/sandboxed");
        const known = applications.find((each) => each.id === id)?.permissions;
        const decided = known?.find((each) => each.permission === outcome.permission)?.isGranted;
        if (decided !== null) return;
        const isGranted = await granted(name, outcome.permission);
        await ask("PUT", `${place}/permissions`, { permission: outcome.permission, isGranted });
      });
      await asking;
    }
  };
  const place = `/sandboxed/${encodeURIComponent(id)}`;
  const timer = setInterval(() => {
    if (port === null) return;
    port.postMessage({ ping: 1 });
    if (performance.now() - heardAt > SILENCE_MS && trouble.element.hidden) tell(say("sandboxedSilent", name));
  }, PING_MS);
  // A press in the frame is told to nobody here, but the page loses the keyboard to it.
  const entered = (): void => {
    if (frames.contains(document.activeElement)) host.desktop.arrangement.focus(own());
  };
  addEventListener("blur", entered);
  start();
  return {
    title: name,
    size: { width: 640, height: 480 },
    min: { width: 240, height: 160 },
    root: column(trouble, new Widget(frames).style({ grow: 1 })).named("application"),
    argument: { id, name },
    focus: () => frames.querySelector("iframe")?.focus(),
    shown: (shown) => {
      isShown = shown;
      port?.postMessage({ isShown });
    },
    end: () => {
      clearInterval(timer);
      removeEventListener("blur", entered);
      port?.close();
      frames.replaceChildren();
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
    dialog.open(document.body);
    refuse.element.focus();
  });
}

export function permissionWords(permission: string): string {
  const [, kind, path = ""] = /^(\w+):?(.*)$/s.exec(permission) ?? [];
  const word = { read: "mayRead", write: "mayWrite", run: "mayRun" } as const;
  return kind === "read" || kind === "write" || kind === "run" ? say(word[kind], path) : say("mayNotify");
}
