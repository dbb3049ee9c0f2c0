/** What was thrown away: looked at, put back where it was, deleted for good. */
import { front } from "../front.ts";
import { askWhether } from "../questions.ts";
import { ask } from "../service.ts";
import { column, Menu, type MenuItem, row } from "../widgets/containers.ts";
import { Button, Label } from "../widgets/controls.ts";
import { Table } from "../widgets/table.ts";
import { currentLanguage, say } from "../words.ts";
import { type ApplicationHost, FILES_CHANGED, type OpenedApplication } from "./application.ts";
import { bytesText } from "./files.ts";

interface Entry {
  readonly name: string;
  readonly path: string | null;
  readonly deleted: string | null;
  readonly isFolder: boolean;
  readonly sizeBytes: number;
}

export function openTrash({ notify }: ApplicationHost): OpenedApplication {
  const count = new Label("").named("status-text");
  const table = new Table<Entry>(
    say("trash"),
    [
      {
        title: say("name"),
        text: (entry) => nameOf(entry),
        icon: ({ isFolder }) => (isFolder ? "folder" : "file"),
        order: (one, other) => nameOf(one).localeCompare(nameOf(other), currentLanguage()),
      },
      {
        title: say("wasIn"),
        text: ({ path }) => (path === null ? "" : path.slice(0, path.lastIndexOf("/")) || "/"),
        order: (one, other) => (one.path ?? "").localeCompare(other.path ?? ""),
      },
      {
        title: say("size"),
        text: ({ isFolder, sizeBytes }) => (isFolder ? "" : bytesText(sizeBytes)),
        isNumber: true,
        order: (one, other) => one.sizeBytes - other.sizeBytes,
      },
      {
        title: say("thrownAway"),
        text: ({ deleted }) => deleted?.replace("T", " ") ?? "",
        order: (one, other) => (one.deleted ?? "").localeCompare(other.deleted ?? ""),
      },
    ],
    ({ name }) => name,
    3,
    true,
  )
    .many()
    .style({ grow: 1 });

  let isEmpty = true;
  const show = async (): Promise<void> => {
    const { entries, isWhole } = await ask<{ entries: Entry[]; isWhole: boolean }>("GET", "/trash");
    table.rows = entries;
    isEmpty = entries.length === 0;
    empty.isEnabled = !isEmpty;
    count.text = isEmpty
      ? say("trashEmpty")
      : say("entries", entries.length) + (isWhole ? "" : ` – ${say("tooManyNames")}`);
  };
  const attempt = (work: () => Promise<unknown>): void => {
    work()
      .catch((error: unknown) => notify((error as Error).message))
      .then(show)
      .catch((error: unknown) => notify((error as Error).message));
  };
  const restore = (): void =>
    attempt(async () => {
      try {
        for (const { name } of table.allChosen) await ask("POST", "/trash/restore", { name });
      } finally {
        document.dispatchEvent(new CustomEvent(FILES_CHANGED, { detail: root }));
      }
    });
  const remove = (): void => {
    const entries = table.allChosen;
    if (entries.length === 0) return;
    askWhether(say("removeTitle", entries.map(nameOf).slice(0, 3).join(", ")), say("removeText"), {
      yes: say("remove"),
      act: async () => {
        for (const { name } of entries) await ask("DELETE", `/trash?name=${encodeURIComponent(name)}`);
        await show();
      },
    });
  };
  const empty = new Button(say("emptyTrash"), () =>
    askWhether(say("emptyTrashTitle"), say("removeText"), {
      yes: say("emptyTrash"),
      act: async () => {
        await ask("DELETE", "/trash");
        await show();
      },
    }),
  );
  const putBack = new Button(say("putBack"), restore);
  const chose = (): void => void (putBack.isEnabled = table.allChosen.length > 0);
  const items = (): MenuItem[] => [
    { text: say("putBack"), isEnabled: table.allChosen.length > 0, act: restore },
    { text: say("remove"), isEnabled: table.allChosen.length > 0, act: remove },
    { text: say("emptyTrash"), isEnabled: !isEmpty, act: () => empty.element.click() },
    { text: say("refresh"), act: () => attempt(async () => {}) },
  ];
  chose();
  table.on("choose", chose);
  table.on<{ x: number; y: number }>(
    "menu",
    ({ detail }) => void new Menu(say("trash"), items()).open(front(), detail),
  );
  table.on<KeyboardEvent>("key", ({ detail: event }) => {
    if (event.key !== "Delete") return;
    event.preventDefault();
    remove();
  });
  const root = column(row(putBack, empty).named("toolbar"), table, count).named("application trash");
  const followOthers = ({ detail }: CustomEventInit): void => {
    if (detail !== root) attempt(async () => {});
  };
  document.addEventListener(FILES_CHANGED, followOthers);
  attempt(async () => {});
  return {
    title: say("trash"),
    size: { width: 720, height: 400 },
    min: { width: 320, height: 200 },
    root,
    argument: null,
    focus: () => table.focus(),
    end: () => document.removeEventListener(FILES_CHANGED, followOthers),
  };
}

/** As it was called where it was. */
function nameOf({ name, path }: Entry): string {
  return path === null ? name : path.slice(path.lastIndexOf("/") + 1);
}
