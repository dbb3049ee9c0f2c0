/** Files of the machine: looked at, renamed, deleted, carried from this computer and to it. */
import { front } from "../front.ts";
import { askName, askWhether } from "../questions.ts";
import { ask, readBlob, sendContent } from "../service.ts";
import { column, Menu, type MenuItem, row } from "../widgets/containers.ts";
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

/** What is to be pasted, in whichever window. */
let carried: { readonly path: string; readonly isCut: boolean } | null = null;

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

  let names: ReadonlySet<string> = new Set();
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
    names = new Set(entries.map(({ name }) => name));
    count.text = say("entries", entries.length) + (isWhole ? "" : ` – ${say("tooManyNames")}`);
  };
  const open = (entry: Entry): void => {
    if (entry.isFolder) attempt(() => show(within(entry.name)));
    else if (entry.kind !== "file" && entry.kind !== "link") notify(`${entry.name}: ${entry.kind}`);
    else if (entry.sizeBytes > TEXT_MAX) notify(say("tooLarge", entry.name));
    else host.start("text", within(entry.name));
  };
  const up = (): void => attempt(() => show(path.replace(/\/[^/]*$/, "") || "/"));
  const named = (title: string, value: string, act: (path: string) => Promise<unknown>): void =>
    askName(title, value, {
      act: async (name) => {
        await act(within(name));
        await show(path);
        table.choose(name);
      },
    });
  const rename = (entry: Entry): void =>
    named(say("rename"), entry.name, (to) =>
      to === within(entry.name) ? Promise.resolve() : ask("POST", "/rename", { from: within(entry.name), to }),
    );
  const remove = ({ name }: Entry): void =>
    void askWhether(say("removeTitle", name), say("removeText"), {
      yes: say("remove"),
      act: async () => {
        await ask("DELETE", `/files?path=${encodeURIComponent(within(name))}`);
        await show(path);
      },
    });
  const download = ({ name }: Entry): void =>
    attempt(async () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await readBlob(`/content?path=${encodeURIComponent(within(name))}`));
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    });
  const upload = (files: readonly File[]): void => {
    const send = async (): Promise<void> => {
      for (const file of files) {
        await sendContent(within(file.name), file);
        notify(say("uploaded", file.name));
      }
      await show(path);
    };
    const there = files.filter(({ name }) => names.has(name)).map(({ name }) => name);
    if (there.length === 0) return attempt(send);
    askWhether(say("replaceTitle", there.join(", ")), say("replaceText"), { yes: say("replace"), act: send });
  };
  const carry = ({ name }: Entry, isCut: boolean): void => void (carried = { path: within(name), isCut });
  const paste = (): void =>
    attempt(async () => {
      if (carried === null) return;
      const { path: from, isCut } = carried;
      const name = from.slice(from.lastIndexOf("/") + 1);
      if (isCut && from === within(name)) return;
      const to = isCut ? name : freeName(name, names);
      await ask("POST", isCut ? "/rename" : "/copy", { from, to: within(to) });
      if (isCut) carried = null;
      await show(path);
      table.choose(to);
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
          { text: say("copy"), act: () => carry(entry, false) },
          { text: say("cut"), act: () => carry(entry, true) },
          { text: say("rename"), act: () => rename(entry) },
          { text: say("remove"), act: () => remove(entry) },
          "line",
        ] as const)),
    { text: say("paste"), isEnabled: carried !== null, act: paste },
    { text: say("upload"), act: () => chooser.click() },
    {
      text: say("newFolder"),
      act: () => named(say("newFolder"), "", (to) => ask("POST", "/folders", { path: to })),
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
    else if (event.ctrlKey && !event.altKey && event.key === "v") paste();
    else if (event.ctrlKey && !event.altKey && /^[cx]$/.test(event.key) && entry !== null)
      carry(entry, event.key === "x");
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

/** As other names of a folder are not. */
function freeName(name: string, names: ReadonlySet<string>): string {
  const dot = name.lastIndexOf(".");
  const [stem, ending] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
  for (let number = 1; ; number++) {
    const free = number === 1 ? name : `${stem} (${number})${ending}`;
    if (!names.has(free)) return free;
  }
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
