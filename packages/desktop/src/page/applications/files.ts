/** Files of the machine: looked at, renamed, deleted, carried from this computer and to it. */
import { front } from "../front.ts";
import { ask, readBlob, sendContent } from "../service.ts";
import { column, Dialog, Menu, type MenuItem, row } from "../widgets/containers.ts";
import { Button, Label, TextField } from "../widgets/controls.ts";
import { Table } from "../widgets/table.ts";
import { currentLanguage, say } from "../words.ts";
import type { ApplicationHost, OpenedApplication } from "./application.ts";

interface Entry {
  readonly name: string;
  readonly kind: string;
  readonly isFolder: boolean;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

/** A larger file is not shown as text. */
const TEXT_MAX = 1 << 20;
const NAME_MAX = 255;

export function openFiles(host: ApplicationHost, argument: unknown): OpenedApplication {
  const { desktop, notify } = host;
  const { home } = desktop.session;
  let path = typeof argument === "string" && argument.startsWith("/") ? argument : home || "/";
  const within = (name: string): string => (path === "/" ? `/${name}` : `${path}/${name}`);
  const place = new TextField(say("path"), path).style({ grow: 1 });
  const count = new Label("").named("status-text");
  const table = new Table<Entry>(
    say("files"),
    [
      {
        title: say("name"),
        text: ({ name }) => name,
        icon: ({ isFolder, kind }) => (isFolder ? "folder" : kind === "file" ? "file" : "special"),
        order: (one, other) =>
          Number(other.isFolder) - Number(one.isFolder) || one.name.localeCompare(other.name, currentLanguage()),
      },
      {
        title: say("size"),
        text: ({ isFolder, sizeBytes }) => (isFolder ? "" : bytesText(sizeBytes)),
        isNumber: true,
        order: (one, other) => one.sizeBytes - other.sizeBytes,
      },
      {
        title: say("modified"),
        text: ({ modifiedMs }) => timeText(modifiedMs),
        order: (one, other) => one.modifiedMs - other.modifiedMs,
      },
    ],
    ({ name }) => name,
  ).style({ grow: 1 });

  const attempt = (work: () => Promise<unknown>): void => {
    work().catch((error: unknown) => notify((error as Error).message));
  };
  const show = async (to: string): Promise<void> => {
    const query = encodeURIComponent(to);
    const { entries, isWhole } = await ask<{ entries: Entry[]; isWhole: boolean }>("GET", `/files?path=${query}`);
    if (to !== path) table.choose(null);
    path = to;
    place.value = to;
    table.rows = entries;
    count.text = say("entries", entries.length) + (isWhole ? "" : ` – ${say("tooManyNames")}`);
  };
  const open = (entry: Entry): void => {
    if (entry.isFolder) attempt(() => show(within(entry.name)));
    else if (entry.kind !== "file" && entry.kind !== "link") notify(`${entry.name}: ${entry.kind}`);
    else if (entry.sizeBytes > TEXT_MAX) notify(say("tooLarge", entry.name));
    else host.start("text", within(entry.name));
  };
  const up = (): void => attempt(() => show(path.replace(/\/[^/]*$/, "") || "/"));
  const askName = (title: string, value: string, act: (name: string) => Promise<unknown>): void => {
    const field = new TextField(say("newName"), value);
    const finish = (): void => {
      const name = field.value.trim();
      if (name === "" || name.includes("/") || name.length > NAME_MAX) return;
      dialog.close();
      attempt(async () => {
        await act(name);
        await show(path);
        table.choose(name);
      });
    };
    field.on("enter", finish);
    const buttons = row(
      new Button(say("cancel"), () => dialog.close()),
      new Button(say("ok"), finish).named("primary"),
    );
    const dialog = new Dialog(title, [field, buttons.style({ justify: "end" })]).open(front());
    field.control.select();
  };
  const rename = (entry: Entry): void =>
    askName(say("rename"), entry.name, (name) =>
      name === entry.name ? Promise.resolve() : ask("POST", "/rename", { from: within(entry.name), to: within(name) }),
    );
  const remove = ({ name }: Entry): void => {
    const agree = new Button(say("remove").replace(/ ?…$/, ""), () => {
      dialog.close();
      attempt(async () => {
        await ask("DELETE", `/files?path=${encodeURIComponent(within(name))}`);
        await show(path);
      });
    }).named("danger");
    const buttons = row(new Button(say("cancel"), () => dialog.close()), agree).style({ justify: "end" });
    const dialog = new Dialog(say("removeTitle", name), [new Label(say("removeText"), "p"), buttons]).open(front());
  };
  const download = ({ name }: Entry): void =>
    attempt(async () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await readBlob(`/content?path=${encodeURIComponent(within(name))}`));
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    });
  const upload = (files: readonly File[]): void =>
    attempt(async () => {
      for (const file of files) {
        await sendContent(within(file.name), file);
        notify(say("uploaded", file.name));
      }
      await show(path);
    });
  const chooser = document.createElement("input");
  Object.assign(chooser, { type: "file", multiple: true });
  chooser.addEventListener("change", () => upload([...(chooser.files ?? [])]));

  const itemsOf = (entry: Entry | null): (MenuItem | "line")[] => [
    ...(entry === null
      ? []
      : ([
          { text: say("open"), act: () => open(entry) },
          { text: say("download"), isEnabled: !entry.isFolder, act: () => download(entry) },
          { text: say("rename"), act: () => rename(entry) },
          { text: say("remove"), act: () => remove(entry) },
          "line",
        ] as const)),
    { text: say("upload"), act: () => chooser.click() },
    {
      text: say("newFolder"),
      act: () => askName(say("newFolder"), "", (name) => ask("POST", "/folders", { path: within(name) })),
    },
    { text: say("terminalHere"), act: () => host.start("terminal", { folder: path }) },
    { text: say("refresh"), act: () => attempt(() => show(path)) },
  ];
  table.on<Entry>("open", ({ detail }) => open(detail));
  table.on<{ x: number; y: number }>(
    "menu",
    ({ detail }) => void new Menu(say("files"), itemsOf(table.chosen)).open(front(), detail),
  );
  table.on<KeyboardEvent>("key", ({ detail: event }) => {
    const entry = table.chosen;
    if (event.key === "Backspace") up();
    else if (event.key === "F2" && entry !== null) rename(entry);
    else if (event.key === "Delete" && entry !== null) remove(entry);
    else return;
    event.preventDefault();
  });
  place.on<string>("enter", ({ detail }) => attempt(() => show(detail.startsWith("/") ? detail : within(detail))));
  const more = new Button("⋯").labelled(say("windowMenu", say("files")));
  more.on("press", () => {
    const { left, bottom } = more.element.getBoundingClientRect();
    new Menu(say("files"), itemsOf(table.chosen)).open(front(), { x: left, y: bottom });
  });
  const bar = row(
    new Button("↑", up).labelled(say("up")),
    new Button("⌂", () => attempt(() => show(home || "/"))).labelled(say("home")),
    place,
    more,
  ).named("toolbar");
  const root = column(bar, table, count).named("application files");
  root.element.addEventListener("contextmenu", (event) => {
    if (event.defaultPrevented) return;
    event.preventDefault();
    new Menu(say("files"), itemsOf(null)).open(front(), { x: event.clientX, y: event.clientY });
  });
  root.element.addEventListener("dragover", (event) => {
    event.preventDefault();
    root.element.classList.add("dropping");
  });
  root.element.addEventListener("dragleave", () => root.element.classList.remove("dropping"));
  root.element.addEventListener("drop", (event) => {
    event.preventDefault();
    root.element.classList.remove("dropping");
    upload([...(event.dataTransfer?.files ?? [])]);
  });
  attempt(() => show(path));
  return {
    title: say("files"),
    size: { width: 720, height: 460 },
    min: { width: 320, height: 200 },
    root,
    get argument() {
      return path;
    },
    focus: () => table.focus(),
  };
}

export function bytesText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  for (; bytes >= 1024 && unit < units.length - 1; unit++) bytes /= 1024;
  const digits = unit === 0 || bytes >= 100 ? 0 : 1;
  return `${bytes.toLocaleString(currentLanguage(), { maximumFractionDigits: digits })} ${units[unit]}`;
}

function timeText(milliseconds: number): string {
  return new Date(milliseconds).toLocaleString(currentLanguage(), { dateStyle: "medium", timeStyle: "short" });
}
