/** What a desktop's page is made of: its composition root. What runs is the service's: a page loaded again goes on. */
import type { KeptLayout, KeptWindow } from "../arrange/kept-layout.ts";
import type { DesktopSettings } from "../arrange/settings.ts";
import { commandOf } from "../arrange/shortcuts.ts";
import {
  type ApplicationHost,
  type OpenedApplication,
  openApplication,
  SETTINGS_CHANGED,
} from "./applications/application.ts";
import { openScreen } from "./applications/screen.ts";
import { openSandboxed } from "./applications/sandboxed.ts";
import { Desktop, type Session } from "./desktop.ts";
import { GuestWindows } from "./guest-windows.ts";
import type { DesktopEntry } from "../entries/desktop-entry.ts";
import { whenIdle } from "./idle.ts";
import { Launcher, type Startable } from "./launcher.ts";
import { Notifications } from "./notifications.ts";
import { Panel } from "./panel.ts";
import { PanelPlugins } from "./panel-plugins.ts";
import { askToShutDown, untilResumed } from "./power.ts";
import { ask, checkAddress, showNumber, whenLocked, whenSuspended } from "./service.ts";
import { Sound } from "./sound.ts";
import { TrayArea } from "./tray.ts";
import { say, setLanguage, type Word } from "./words.ts";

const OWN: readonly { readonly kind: string; readonly word: Word }[] = [
  { kind: "terminal", word: "terminal" },
  { kind: "files", word: "files" },
  { kind: "trash", word: "trash" },
  { kind: "monitor", word: "monitor" },
  { kind: "logs", word: "logs" },
  { kind: "settings", word: "settings" },
  { kind: "widgets", word: "widgets" },
];
const PROGRAMS_MS = 3000;

const place = document.querySelector<HTMLElement>("#desktop")!;
const message = document.querySelector<HTMLElement>("#message")!;

/** The page shows the desktop, or says why it cannot. */
export async function showDesktop(): Promise<void> {
  try {
    checkAddress();
    const session = await ask<Session>("GET", "/session");
    showNumber(session.number);
    await setLanguage(session.settings.language);
    message.hidden = true;
    if (session.isLocked) await (await import("./lock-screen.ts")).unlocked(session);
    if (session.isSuspended) await untilResumed();
    show(session, await ask<KeptLayout>("GET", "/layout"));
  } catch (error) {
    message.hidden = false;
    message.textContent = (error as Error).message;
  }
}

function show(session: Session, layout: KeptLayout): void {
  let panel: Panel | null = null;
  const desktop = new Desktop(place, session, () => panel?.element.offsetHeight ?? 0);
  const notifications = new Notifications((count) => panel !== null && (panel.count = count));
  document.body.append(notifications.element);
  const notify = (text: string): void => notifications.add(text);
  const tray = new TrayArea(notify);
  const guests = session.hasDisplay ? new GuestWindows(desktop, notifications, tray) : null;
  const sound = session.hasDisplay ? new Sound(notify) : null;
  const fail = (error: unknown): void => notify((error as Error).message);

  const host: ApplicationHost = {
    desktop,
    notify,
    pressed: (press) => {
      // Names of keys, as UI Events has them; nothing that objects have by themselves.
      if (!/^[A-Z][A-Za-z0-9]{1,20}$/.test(press.code)) return;
      const command = press.code === "F6" ? ({ do: "panel" } as const) : commandOf(press);
      if (command === null || desktop.command(command)) return;
      if (command.do === "launcher") launcher.open();
      else if (command.do === "panel") panel?.focus();
    },
    get power() {
      if (!session.hasDisplay) return [];
      return [
        { text: say("suspend"), act: suspend },
        { text: say("shutDown"), act: () => askToShutDown(session, showEnd) },
      ];
    },
    get session() {
      const leave = session.hasDisplay
        ? []
        : [{ text: say("logOut"), act: () => void served((of) => of.logOut(session, showEnd)) }];
      const others =
        session.otherUsers.length === 0
          ? []
          : [{ text: say("switchUser"), act: () => void served((of) => of.chooseUser(desktop)) }];
      return [{ text: say("lock"), act: lock }, ...others, ...leave];
    },
    sound,
    permissionsChanged: () => void plugins.refresh().catch(fail),
    start: (kind, argument) => start(kind, argument),
    change: async (change) => {
      const settings = { ...desktop.settings, ...change };
      desktop.settings = settings;
      await ask("PUT", "/settings", settings);
      for (const { view } of desktop.monitors.all) apply(settings, view.document);
      if (change.zoom !== undefined) desktop.monitors.change(desktop.monitors.first.id, { zoom: change.zoom / 100 });
      document.dispatchEvent(new Event(SETTINGS_CHANGED));
      await setLanguage(settings.language);
      panel?.relabel();
      tray.relabel();
      if (change.workspaces !== undefined) desktop.arrangement.setWorkspaceCount(settings.workspaces);
      desktop.fit();
    },
  };
  const isOfDesktop = (event: KeyboardEvent): boolean => commandOf(pressOf(event)) !== null || event.code === "F6";
  const openers: Readonly<Record<string, (argument: unknown, id: () => string) => OpenedApplication>> = {
    sandboxed: (argument, id) => openSandboxed(host, argument, id),
    ...(session.hasScreen ? { screen: (_, id) => openScreen(host, id) } : {}),
  };
  /** Loaded when they are opened. */
  type Opener = (id: () => string) => OpenedApplication;
  const lateOpeners: Readonly<Record<string, (argument: unknown) => Promise<Opener>>> = {
    files: async (argument) => {
      const { openFiles } = await import("./applications/files.ts");
      return () => openFiles(host, argument);
    },
    trash: async () => {
      const { openTrash } = await import("./applications/trash.ts");
      return () => openTrash(host);
    },
    text: async (argument) => {
      const { openText } = await import("./applications/text.ts");
      return (id) => openText(host, argument, id);
    },
    widgets: async () => (await import("./applications/gallery.ts")).openGallery,
    logs: async (argument) => {
      const { openLogs } = await import("./applications/logs.ts");
      return () => openLogs(host, argument);
    },
    settings: async () => {
      const { openSettings } = await import("./applications/settings.ts");
      return () => openSettings(host);
    },
    ...(session.hasMaintenance
      ? {
          maintenance: async () => {
            const { openMaintenance } = await import("./applications/maintenance.ts");
            return () => openMaintenance(host);
          },
        }
      : {}),
    monitor: async () => {
      const { openMonitor } = await import("./applications/monitor.ts");
      return () => openMonitor(host);
    },
  };
  const start = (kind: string, argument?: unknown, at: Partial<KeptWindow> = {}): void => {
    const known = Object.hasOwn(openers, kind) ? openers[kind] : undefined;
    if (known !== undefined) return void openApplication(host, kind, (id) => known(argument, id), at);
    const late = Object.hasOwn(lateOpeners, kind) ? lateOpeners[kind] : undefined;
    if (late !== undefined)
      return void late(argument).then((opened) => void openApplication(host, kind, opened, at), fail);
    if (kind !== "terminal") return;
    // It is larger than all the rest of the page, and loaded when it is wanted.
    import("./applications/terminal.ts").then(({ openTerminal }) => {
      const wanted = (typeof argument === "object" && argument !== null ? argument : {}) as object;
      openApplication(host, kind, (id) => openTerminal(host, wanted, id, isOfDesktop), at);
    }, fail);
  };
  const startGuest = (application: DesktopEntry): void => {
    if (application.isOfTerminal) return start("terminal", { title: application.name, command: application.argv });
    if (!session.hasDisplay && !session.hasScreen) return notify(say("noDisplay"));
    ask("POST", `/applications/${encodeURIComponent(application.id)}/start`, {}).catch(fail);
  };
  const offered = [
    ...(session.hasScreen ? [{ kind: "screen", word: "screen" } as const] : []),
    ...OWN,
    ...(session.hasMaintenance ? [{ kind: "maintenance", word: "maintenance" } as const] : []),
  ];
  const own: Startable[] = offered.map(({ kind, word }) => ({
    get name() {
      return say(word);
    },
    comment: "",
    sign: kind,
    start: () => start(kind),
  }));
  const startSandboxed = ({ id, name }: { readonly id: string; readonly name: string }): void =>
    start("sandboxed", { id, name });
  const launcher = new Launcher(
    own,
    { startGuest, startSandboxed, notify },
    (command) => void ask("POST", "/run", { command }).catch(fail),
  );
  const lockNow = async (): Promise<void> => {
    await desktop.save();
    await ask("POST", "/lock", {});
    location.reload();
  };
  const lock = (): void => void lockNow().catch(fail);
  whenLocked(() => location.reload());
  // Without a passphrase there is nothing that would keep anybody out.
  whenIdle(
    () => desktop.settings.idleMinutes,
    () => void lockNow().catch(() => {}),
  );
  whenSuspended(() => void untilResumed());
  const suspend = (): void => void ask("POST", "/suspend", {}).then(() => untilResumed(), fail);
  const help = (): void => void import("./key-help.ts").then(({ showKeys }) => showKeys(), fail);
  const plugins = new PanelPlugins(host);
  plugins.refresh().catch(() => {});
  panel = new Panel(
    desktop,
    {
      openLauncher: () => launcher.open(),
      openNotifications: (at) => notifications.open(at),
      sound,
      get sessionItems() {
        const first = [
          { text: say("help"), act: help },
          { text: say("settings"), act: () => start("settings") },
        ];
        return [...first, ...host.session, ...host.power];
      },
    },
    [plugins, tray],
  );
  document.body.append(panel.element);
  desktop.fit();

  const keyPressed = (event: KeyboardEvent): void => {
    if (document.querySelector("dialog[open]:not(.launcher)") !== null) return;
    const isPanel = document.hasFocus() && panel!.element.contains(document.activeElement);
    const command =
      event.code === "F6" && !event.ctrlKey && !event.altKey ? ({ do: "panel" } as const) : commandOf(pressOf(event));
    if (command === null) return;
    event.preventDefault();
    event.stopPropagation();
    if (desktop.command(command)) return;
    if (command.do === "launcher") launcher.open();
    else if (command.do === "terminal" || command.do === "files") start(command.do);
    else if (command.do === "panel") isPanel ? desktop.giveFocus() : panel!.focus();
    else if (command.do === "lock") lock();
    else if (command.do === "help") help();
  };
  desktop.monitors.each(({ view, element }) => {
    view.addEventListener("keydown", keyPressed, { capture: true });
    element.addEventListener("pointerdown", ({ target }) => {
      if (target === element) desktop.arrangement.focus(null);
    });
    element.addEventListener("contextmenu", (event) => event.target === element && event.preventDefault());
    apply(desktop.settings, view.document);
  });
  guests?.connect();
  desktop.restore(layout, ({ id, kept, free, placement, workspace, isMinimized }) =>
    start(kept!.kind, kept!.argument, { id, free, placement, workspace, isMinimized }),
  );
  followPrograms(notify);
}

function pressOf(event: KeyboardEvent): Parameters<typeof commandOf>[0] {
  const { code, ctrlKey, altKey, metaKey, shiftKey } = event;
  return { code, ctrlKey, altKey, metaKey, shiftKey, isThirdLevel: event.getModifierState("AltGraph") };
}

function apply({ theme, scale, hasContrast, isStill }: DesktopSettings, { documentElement: root }: Document): void {
  root.classList.toggle("contrast", hasContrast);
  root.classList.toggle("still", isStill);
  root.dataset["theme"] = theme;
  root.style.colorScheme = theme === "auto" ? "light dark" : theme;
  root.style.fontSize = `${scale}%`;
}

/** Programs of the launcher that have failed are told of. */
function followPrograms(notify: (text: string) => void): void {
  interface Program {
    readonly id: string;
    readonly title: string;
    readonly end: string | null;
  }
  const told = new Set<string>();
  let isFirst = true;
  const look = async (): Promise<void> => {
    if (document.hidden) return;
    const { applications } = await ask<{ applications: readonly Program[] }>("GET", "/programs");
    for (const { id, title, end } of applications) {
      if (end === null || told.has(id)) continue;
      told.add(id);
      if (end !== "0" && !isFirst) notify(say("programEnded", title, end));
    }
    isFirst = false;
  };
  const round = (): void => {
    const next = (): void => void setTimeout(round, PROGRAMS_MS);
    look().then(next, next);
  };
  round();
}

function showEnd(): void {
  document.body.replaceChildren(message);
  message.hidden = false;
  message.textContent = say("ended");
}

/** What a page in a tab has not is loaded when it is wanted. */
async function served(act: (of: typeof import("./served-session.ts")) => void): Promise<void> {
  act(await import("./served-session.ts"));
}
