/** The list of snapshots: take one, go back to one, delete one. */
import { button } from "./button.ts";
import type { Request, SnapshotInfo } from "./messages.ts";

interface Page {
  ask<T>(request: Request): Promise<T>;
  /** The machine has ended, and is to begin anew. */
  restart(words: string): void;
  notice(words: string | null): void;
}

export class SnapshotsDialog {
  readonly #page: Page;
  readonly #dialog = document.querySelector<HTMLDialogElement>("#snapshots-dialog")!;
  readonly #list = document.querySelector<HTMLElement>("#snapshot-list")!;
  readonly #name = document.querySelector<HTMLInputElement>("#snapshot-name")!;

  constructor(page: Page) {
    this.#page = page;
    document.querySelector("#snapshot-form")!.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#do(() => page.ask({ kind: "snapshot", name: this.#name.value }));
    });
  }

  async open(): Promise<void> {
    this.#name.value = new Date().toISOString().slice(0, 19).replace("T", " ");
    this.#dialog.showModal();
    await this.#refresh();
  }

  async #refresh(): Promise<void> {
    const all = await this.#page.ask<SnapshotInfo[]>({ kind: "snapshots" });
    this.#list.replaceChildren(...all.map((snapshot) => this.#row(snapshot)));
  }

  #row({ id, name, seconds }: SnapshotInfo): HTMLElement {
    const row = document.createElement("li");
    const label = document.createElement("span");
    label.textContent = name;
    label.title = new Date(seconds * 1000).toLocaleString();
    row.append(
      label,
      button("Go back to it", () => {
        this.#dialog.close();
        this.#page.ask({ kind: "rollback", id }).then(
          () => this.#page.restart("the files are as they were; starting …"),
          (error: unknown) => this.#page.notice((error as Error).message),
        );
      }),
      button("Delete", () => this.#do(() => this.#page.ask({ kind: "delete snapshot", id }))),
    );
    return row;
  }

  #do(work: () => Promise<unknown>): void {
    work()
      .then(() => this.#refresh())
      .catch((error: unknown) => {
        this.#dialog.close();
        this.#page.notice((error as Error).message);
      });
  }
}
