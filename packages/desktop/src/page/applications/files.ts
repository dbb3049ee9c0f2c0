/** Files of the machine: looked at, renamed, thrown away, carried about, from this computer and to it. */
import { front } from "../front.ts";
import { askName, askWhether } from "../questions.ts";
import { ask, readBlob, sendContent } from "../service.ts";
import { column, Menu, type MenuItem, row } from "../widgets/containers.ts";
import { Button, Label, TextField } from "../widgets/controls.ts";
import { Table } from "../widgets/table.ts";
import { currentLanguage, say } from "../words.ts";
import { type ApplicationHost, FILES_CHANGED, type OpenedApplication } from "./application.ts";

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
let carried: { readonly paths: readonly string[]; readonly isCut: boolean } | null = null;
/** What is being dragged, in whichever window; null: nothing of ours. */
let dragged: readonly string[] | null = null;

export function openFiles(host: ApplicationHost, argument: unknown): OpenedApplication {
  const { desktop, notify } = host;
  const { home } = desktop.session;
  let path = typeof argument === "string" && argument.startsWith("/") ? argument : home || "/";
  const within = (name: string): string => below(path, name);
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
  )
    .many()
    .style({ grow: 1 });

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
  /** What this window has changed others may show. */
  const changed = async (): Promise<void> => {
    await show(path);
    document.dispatchEvent(new CustomEvent(FILES_CHANGED, { detail: root }));
  };
  const followOthers = ({ detail }: CustomEventInit): void => {
    if (detail !== root) attempt(() => show(path));
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
        await changed();
        table.choose(name);
      },
    });
  const rename = (entry: Entry): void =>
    named(say("rename"), entry.name, (to) =>
      to === within(entry.name) ? Promise.resolve() : ask("POST", "/rename", { from: within(entry.name), to }),
    );
  const remove = (entries: readonly Entry[], why = say("removeText")): void =>
    void askWhether(say("removeTitle", namesOf(entries)), why, {
      yes: say("remove"),
      act: async () => {
        for (const { name } of entries) await ask("DELETE", `/files?path=${encodeURIComponent(within(name))}`);
        await changed();
      },
    });
  /** What has no place in the trash can be deleted only. */
  const throwAway = (entries: readonly Entry[]): void =>
    attempt(async () => {
      const left: Entry[] = [];
      let why = "";
      for (const entry of entries)
        await ask("POST", "/trash", { path: within(entry.name) }).catch((error: unknown) => {
          left.push(entry);
          why = (error as Error).message;
        });
      await changed();
      if (left.length > 0) remove(left, `${why}. ${say("removeText")}`);
    });
  const download = (entries: readonly Entry[]): void =>
    attempt(async () => {
      for (const { name, isFolder } of entries) {
        const link = document.createElement("a");
        const content = await readBlob(`/${isFolder ? "archive" : "content"}?path=${encodeURIComponent(within(name))}`);
        link.href = URL.createObjectURL(content);
        link.download = isFolder ? `${name}.tar` : name;
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
      }
    });
  const upload = (files: readonly File[]): void => {
    const send = async (): Promise<void> => {
      for (const file of files) {
        await sendContent(within(file.name), file);
        notify(say("uploaded", file.name));
      }
      await changed();
    };
    const there = files.filter(({ name }) => names.has(name)).map(({ name }) => name);
    if (there.length === 0) return attempt(send);
    askWhether(say("replaceTitle", there.join(", ")), say("replaceText"), { yes: say("replace"), act: send });
  };
  const carry = (entries: readonly Entry[], isCut: boolean): void =>
    void (carried = { paths: entries.map(({ name }) => within(name)), isCut });
  /** Into a folder; a copy beside what it is of gets another name. @throws Error of the first that could not */
  const bring = async (paths: readonly string[], folder: string, isMoved: boolean): Promise<void> => {
    const taken = new Set(folder === path ? names : []);
    const brought: string[] = [];
    try {
      for (const from of paths) {
        const name = from.slice(from.lastIndexOf("/") + 1);
        const isHere = from === below(folder, name);
        if (isMoved && isHere) continue;
        const to = isMoved ? name : freeName(name, taken);
        await ask("POST", isMoved ? "/rename" : "/copy", { from, to: below(folder, to) });
        taken.add(to);
        brought.push(to);
      }
    } finally {
      await changed();
      if (folder === path && brought.length > 0) table.choose(brought.at(-1)!);
    }
  };
  const paste = (): void =>
    attempt(async () => {
      if (carried === null) return;
      const { paths, isCut } = carried;
      if (isCut) carried = null;
      await bring(paths, path, isCut);
    });
  const chooser = document.createElement("input");
  Object.assign(chooser, { type: "file", multiple: true });
  chooser.addEventListener("change", () => upload([...(chooser.files ?? [])]));

  const itemsOf = (entries: readonly Entry[]): (MenuItem | "line")[] => [
    ...(entries.length === 0
      ? []
      : ([
          { text: say("open"), isEnabled: entries.length === 1, act: () => open(entries[0]!) },
          { text: say("download"), act: () => download(entries) },
          { text: say("copy"), act: () => carry(entries, false) },
          { text: say("cut"), act: () => carry(entries, true) },
          { text: say("rename"), isEnabled: entries.length === 1, act: () => rename(entries[0]!) },
          { text: say("throwAway"), act: () => throwAway(entries) },
          { text: say("remove"), act: () => remove(entries) },
          "line",
        ] as const)),
    { text: say("paste"), isEnabled: carried !== null, act: paste },
    { text: say("upload"), act: () => chooser.click() },
    {
      text: say("newFolder"),
      act: () => named(say("newFolder"), "", (to) => ask("POST", "/folders", { path: to })),
    },
    { text: say("trash"), act: () => host.start("trash") },
    { text: say("terminalHere"), act: () => host.start("terminal", { folder: path }) },
    { text: say("refresh"), act: () => attempt(() => show(path)) },
  ];
  table.on<Entry>("open", ({ detail }) => open(detail));
  table.on<{ x: number; y: number }>(
    "menu",
    ({ detail }) => void new Menu(say("files"), itemsOf(table.allChosen)).open(front(), detail),
  );
  table.on<KeyboardEvent>("key", ({ detail: event }) => {
    const entries = table.allChosen;
    if (event.key === "Backspace") up();
    else if (event.ctrlKey && !event.altKey && event.key === "v") paste();
    else if (entries.length === 0) return;
    else if (event.ctrlKey && !event.altKey && /^[cx]$/.test(event.key)) carry(entries, event.key === "x");
    else if (event.key === "F2" && entries.length === 1) rename(entries[0]!);
    else if (event.key === "Delete") (event.shiftKey ? remove : throwAway)(entries);
    else return;
    event.preventDefault();
  });
  place.on<string>("enter", ({ detail }) => attempt(() => show(detail.startsWith("/") ? detail : within(detail))));
  const more = new Button("⋯").labelled(say("windowMenu", say("files")));
  more.on("press", () => {
    const { left, bottom } = more.element.getBoundingClientRect();
    new Menu(say("files"), itemsOf(table.allChosen)).open(front(), { x: left, y: bottom });
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
    new Menu(say("files"), itemsOf([])).open(front(), { x: event.clientX, y: event.clientY });
  });
  acceptDrops();
  /** Of the machine's files onto a folder's row or into another window: moved, with Ctrl copied; of this computer's. */
  function acceptDrops(): void {
    const { element } = root;
    let aim: Element | null = null;
    const aimAt = (next: Element | null): void => {
      aim?.classList.remove("dropping");
      (aim = next)?.classList.add("dropping");
    };
    table.element.addEventListener("dragstart", (event) => {
      const entry = table.rowAt(event.target);
      if (entry === null) return;
      if (!table.allChosen.includes(entry)) table.choose(entry.name);
      dragged = table.allChosen.map(({ name }) => within(name));
      event.dataTransfer!.effectAllowed = "copyMove";
      event.dataTransfer!.setData("text/plain", dragged.join("\n"));
    });
    table.element.addEventListener("dragend", () => (dragged = null));
    element.addEventListener("dragover", (event) => {
      event.preventDefault();
      const isFolder = dragged !== null && table.rowAt(event.target)?.isFolder === true;
      aimAt(isFolder ? (event.target as Element).closest("tr") : element);
      event.dataTransfer!.dropEffect = dragged === null || event.ctrlKey ? "copy" : "move";
    });
    element.addEventListener("dragleave", ({ relatedTarget }) => {
      if (!element.contains(relatedTarget as Node | null)) aimAt(null);
    });
    element.addEventListener("drop", (event) => {
      event.preventDefault();
      aimAt(null);
      if (dragged === null) return upload([...(event.dataTransfer?.files ?? [])]);
      const onto = table.rowAt(event.target);
      const folder = onto?.isFolder === true ? within(onto.name) : path;
      const paths = dragged.filter((each) => each !== folder);
      attempt(() => bring(paths, folder, !event.ctrlKey));
    });
  }
  document.addEventListener(FILES_CHANGED, followOthers);
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
    end: () => document.removeEventListener(FILES_CHANGED, followOthers),
  };
}

function below(folder: string, name: string): string {
  return folder === "/" ? `/${name}` : `${folder}/${name}`;
}

function namesOf(entries: readonly { readonly name: string }[]): string {
  const shown = entries.slice(0, 3).map(({ name }) => name);
  return shown.join(", ") + (entries.length > 3 ? " …" : "");
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
