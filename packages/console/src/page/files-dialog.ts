/** Files of the machine in and out: a folder's list, what is dropped on the page, what is chosen or dragged out. */
import { button } from "./button.ts";
import type { FolderEntry } from "./messages.ts";
import { type Ask, copyIn, copyOut, folderPicker, writeFile } from "./own-folder.ts";

interface Page {
  readonly ask: Ask;
  notice(words: string | null): void;
}

export class FilesDialog {
  readonly #page: Page;
  readonly #dialog = document.querySelector<HTMLDialogElement>("#files-dialog")!;
  readonly #list = document.querySelector<HTMLElement>("#file-list")!;
  readonly #path = document.querySelector<HTMLInputElement>("#path")!;

  constructor(page: Page) {
    this.#page = page;
    document.querySelector("#path-form")!.addEventListener("submit", (event) => {
      event.preventDefault();
      this.refresh();
    });
    const bring = document.querySelector<HTMLInputElement>("#bring")!;
    bring.addEventListener("change", () => {
      const chosen = [...(bring.files ?? [])];
      bring.value = "";
      this.#do(async () => {
        for (const file of chosen) await writeFile(file, `${this.folder}/${file.name}`, page.ask);
      });
    });
    this.#offerFolders(page);
  }

  /** Where the browser has none, folders can be dropped, and files taken one by one. */
  #offerFolders({ ask, notice }: Page): void {
    const pick = folderPicker();
    if (pick === null) return;
    const offer = (
      id: string,
      mode: "read" | "readwrite",
      copy: (own: FileSystemDirectoryHandle) => Promise<string>,
    ) => {
      const made = document.querySelector<HTMLButtonElement>(id)!;
      made.hidden = false;
      made.addEventListener("click", () =>
        this.#do(async () => {
          let own: FileSystemDirectoryHandle;
          try {
            own = await pick({ mode });
          } catch (error) {
            if ((error as DOMException).name === "AbortError") return; // the person chose none
            throw error;
          }
          made.disabled = true;
          try {
            notice(await copy(own));
          } finally {
            made.disabled = false;
          }
        }),
      );
    };
    offer("#bring-folder", "read", async (own) => {
      const folder = `${this.folder}/${own.name}`.replace(/\/$/, "");
      return `${countOf(await copyIn(own, folder, ask))} in ${folder} now`;
    });
    offer("#take-folder", "readwrite", async (own) => {
      const { files, others } = await copyOut(this.folder, own, ask);
      const left = others === 0 ? "" : `; ${others} links or devices stay here`;
      return `${countOf(files)} in ${own.name || "that folder"} now${left}`;
    });
  }

  /** Where files go; without a slash at its end. */
  get folder(): string {
    return `/${this.#path.value.replace(/^\/+|\/+$/g, "")}`.replace(/^\/$/, "");
  }

  open(): void {
    this.#dialog.showModal();
    this.refresh();
  }

  refresh(): void {
    if (this.#dialog.open) this.#do(async () => {});
  }

  #do(work: () => Promise<void>): void {
    work()
      .then(async () => {
        const entries = await this.#page.ask<FolderEntry[]>({ kind: "list", path: this.folder || "/" });
        entries.sort((a, b) => (a.name < b.name ? -1 : 1));
        this.#list.replaceChildren(...entries.map((entry) => this.#row(entry)));
      })
      .catch((error: unknown) => {
        this.#dialog.close();
        this.#page.notice((error as Error).message);
      });
  }

  #row({ name, kind }: FolderEntry): HTMLElement {
    const row = document.createElement("li");
    const path = `${this.folder}/${name}`;
    if (kind === "folder") {
      row.append(
        button(`${name}/`, () => {
          this.#path.value = path;
          this.refresh();
        }),
      );
      return row;
    }
    let url: string | null = null;
    const ask = (): Promise<Uint8Array<ArrayBuffer>> => this.#page.ask({ kind: "read", path });
    const read = async (): Promise<string> => (url ??= URL.createObjectURL(new Blob([await ask()])));
    const made = button(name, () => {
      url = null; // It may have been written since.
      read().then(
        (from) => {
          const link = document.createElement("a");
          link.href = from;
          link.download = name;
          link.click();
        },
        (error: unknown) => this.#page.notice((error as Error).message),
      );
    });
    made.draggable = true;
    // A drag says at its very start what is dragged: so the file is read when the button goes down.
    made.addEventListener("pointerdown", () => void read().catch(() => {}));
    made.addEventListener("dragstart", (event) => {
      if (url === null) event.preventDefault();
      else event.dataTransfer?.setData("DownloadURL", `application/octet-stream:${name}:${url}`);
    });
    row.append(made);
    return row;
  }
}

function countOf(files: number): string {
  return files === 1 ? "a file is" : `${files} files are`;
}

/** What was dropped, folders whole. @returns how many files. @throws Error with words for people */
export async function bringFiles(dropped: DataTransfer, folder: string, ask: Ask): Promise<number> {
  // The list is empty once this turn of the loop is over.
  const entries = [...dropped.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  const files = entries.length > 0 ? [] : [...dropped.files];
  for (const file of files) await writeFile(file, `${folder}/${file.name}`, ask);
  let count = files.length;
  for (const entry of entries) count += await bringEntry(entry, folder, ask);
  return count;
}

async function bringEntry(entry: FileSystemEntry, folder: string, ask: Ask): Promise<number> {
  const path = `${folder}/${entry.name}`;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    await writeFile(file, path, ask);
    return 1;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  let count = 0;
  for (;;) {
    const below = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (below.length === 0) return count;
    for (const each of below) count += await bringEntry(each, path, ask);
  }
}
