/** What a person sets: colours, language, keyboard, sizes, the passphrase. */
import {
  IDLE_MINUTES,
  LANGUAGES,
  LAYOUTS,
  SCALES,
  THEMES,
  WORKSPACES_MAX,
  type DesktopSettings,
} from "../../arrange/settings.ts";
import { type Side, SIDES } from "../../arrange/monitors.ts";
import { ask } from "../service.ts";
import { type Box, column, row } from "../widgets/containers.ts";
import { Button, Choice, Label, Switch, TextField } from "../widgets/controls.ts";
import { say, type Word } from "../words.ts";
import type { ApplicationHost, OpenedApplication } from "./application.ts";
import { permissionWords, type SandboxedList } from "./sandboxed.ts";

export function openSettings(host: ApplicationHost): OpenedApplication {
  const { theme, language, layout, scale, workspaces, idleMinutes } = host.desktop.settings;
  const change = (change: Partial<DesktopSettings>): void =>
    void host.change(change).catch((error: unknown) => host.notify((error as Error).message));
  const turn = (name: "hasScreenReader" | "hasContrast" | "isStill"): Switch =>
    new Switch(say(name), host.desktop.settings[name]).on<boolean>("change", ({ detail }) =>
      change({ [name]: detail }),
    );
  const doing = (items: ApplicationHost["power"]): Box => row(...items.map(({ text, act }) => new Button(text, act)));
  const choose = <Name extends keyof DesktopSettings>(
    text: string,
    name: Name,
    options: readonly (readonly [string, string])[],
    value: string,
    read: (text: string) => DesktopSettings[Name],
  ): Choice => new Choice(text, options, value).on<string>("change", ({ detail }) => change({ [name]: read(detail) }));
  const first = choose(
    say("theme"),
    "theme",
    THEMES.map((each) => [each, say(each)]),
    theme,
    (text) => text as DesktopSettings["theme"],
  );
  const before = new TextField(say("passphraseBefore"), "", "password");
  const passphrase = new TextField(say("passphrase"), "", "password");
  const set = new Button(say("setPassphrase"), () => {
    ask("PUT", "/passphrase", { passphrase: passphrase.value, before: before.value }).then(
      () => {
        passphrase.value = before.value = "";
        host.notify(say("passphraseSet"));
      },
      (error: unknown) => host.notify((error as Error).message),
    );
  });
  const permissions = column().named("permissions");
  listPermissions(host, permissions);
  const monitors = column().named("monitors");
  const end = listMonitors(host, monitors);
  const root = column(
    first,
    choose(
      say("language"),
      "language",
      Object.entries(LANGUAGES),
      language,
      (text) => text as DesktopSettings["language"],
    ),
    new Label(say("keyboard"), "h3"),
    choose(say("layout"), "layout", Object.entries(LAYOUTS), layout, (text) => text as DesktopSettings["layout"]),
    new Label(say("displays"), "h3"),
    choose(
      say("scale"),
      "scale",
      SCALES.map((each) => [String(each), `${each} %`]),
      String(scale),
      Number,
    ),
    monitors,
    choose(
      say("workspaceCount"),
      "workspaces",
      Array.from({ length: WORKSPACES_MAX }, (_, index) => [String(index + 1), String(index + 1)]),
      String(workspaces),
      Number,
    ),
    new Label(say("accessibility"), "h3"),
    turn("hasScreenReader"),
    turn("hasContrast"),
    turn("isStill"),
    ...(host.power.length === 0 ? [] : [new Label(say("power"), "h3"), doing(host.power)]),
    new Label(say("session"), "h3"),
    choose(
      say("lockAfter"),
      "idleMinutes",
      IDLE_MINUTES.map((each) => [String(each), each === 0 ? say("never") : say("minutes", each)]),
      String(idleMinutes),
      Number,
    ),
    doing(host.session),
    new Label(say("sound"), "h3"),
    ...(host.sound === null ? [new Label(say("noSound"), "p")] : host.sound.controls()),
    new Label(say("passphrase"), "h3"),
    new Label(say("passphraseHelp"), "p"),
    before,
    passphrase,
    row(set).style({ justify: "end" }),
    permissions,
  )
    .named("application settings")
    .style({ padding: 1, gap: 0.75, isScrolling: true });
  return {
    title: say("settings"),
    size: { width: 460, height: 520 },
    min: { width: 280, height: 200 },
    root,
    argument: null,
    end,
    focus: () => first.control.focus(),
  };
}

/** Each with its scale, and where it lies; and one more. @returns ends it */
function listMonitors(host: ApplicationHost, into: Box): () => void {
  const { monitors } = host.desktop;
  const sides: Readonly<Record<Side, Word>> = {
    right: "sideRight",
    left: "sideLeft",
    above: "sideAbove",
    below: "sideBelow",
  };
  const scales = SCALES.map((each) => [String(each), `${each} %`] as const);
  const show = (): void => {
    into.replaceChildren(
      ...monitors.all.flatMap((monitor, index) => {
        const { id, zoom, side } = monitor;
        const scale = new Choice(say("zoom"), scales, String(Math.round(100 * zoom))).on<string>(
          "change",
          ({ detail }) => {
            const percent = Number(detail);
            // That of the first is kept; the others go with their windows.
            if (index === 0) void host.change({ zoom: percent }).catch((error: Error) => host.notify(error.message));
            else monitors.change(id, { zoom: percent / 100 });
          },
        );
        const title = new Label(say("monitorNumber", index + 1), "strong");
        if (index === 0) return monitors.all.length === 1 ? [scale] : [title, scale];
        const place = new Choice(
          say("monitorSide"),
          SIDES.map((each) => [each, say(sides[each])]),
          side,
        ).on<string>("change", ({ detail }) => monitors.change(id, { side: detail as Side }));
        const remove = new Button(say("removeMonitor"), () => monitors.remove(id));
        return [title, scale, place, row(remove).style({ justify: "end" })];
      }),
      row(
        new Button(say("addMonitor"), () => {
          if (monitors.add() === null) host.notify(say("noMonitor"));
        }).named("add-monitor"),
      ).style({ justify: "end" }),
    );
  };
  show();
  let count = monitors.all.length;
  return monitors.onChange(() => {
    if (monitors.all.length === count) return;
    count = monitors.all.length;
    show();
  });
}

/** What sandboxed applications may do, to be changed; nothing where there are none. */
function listPermissions(host: ApplicationHost, into: Box): void {
  const list = async (): Promise<void> => {
    const { applications } = await ask<SandboxedList>("GET", "/sandboxed");
    const asked = applications.filter(({ permissions }) => permissions.length > 0);
    if (asked.length === 0) return;
    into.replaceChildren(
      new Label(say("permissions"), "h3"),
      ...asked.flatMap(({ id, name, permissions }) => [
        new Label(name, "strong"),
        ...permissions.map(({ permission, isGranted }) =>
          new Choice(
            permissionWords(permission),
            [
              ["ask", say("askFirst")],
              ["true", say("allow")],
              ["false", say("refuse")],
            ],
            isGranted === null ? "ask" : String(isGranted),
          ).on<string>("change", ({ detail }) => {
            const decision = detail === "ask" ? null : detail === "true";
            const path = `/sandboxed/${encodeURIComponent(id)}/permissions`;
            ask("PUT", path, { permission, isGranted: decision }).then(
              () => host.permissionsChanged(),
              (error: unknown) => host.notify((error as Error).message),
            );
          }),
        ),
      ]),
    );
  };
  // In a tab of its own the desktop has none.
  list().catch(() => {});
}
