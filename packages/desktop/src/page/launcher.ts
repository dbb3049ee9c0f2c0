/** What can be started: the desktop's own applications, and those of the image; by search, arrows or press. */
import type { DesktopEntry } from "../entries/desktop-entry.ts";
import type { SandboxedList } from "./applications/sandboxed.ts";
import { ask, readBlob } from "./service.ts";
import { front } from "./front.ts";
import { create, Dialog } from "./widgets/containers.ts";
import { TextField } from "./widgets/controls.ts";
import { Widget } from "./widgets/widget.ts";
import { say } from "./words.ts";

export interface Startable {
  readonly name: string;
  readonly comment: string;
  /** Which of our pictures stands for it; of the image's applications a letter, until their own picture is there. */
  readonly sign: string;
  readonly application?: DesktopEntry;
  readonly start: () => void;
}

const icons = new Map<string, Promise<string>>();

/** Of the image, once. @throws when there is none */
function iconOf({ id }: DesktopEntry): Promise<string> {
  let url = icons.get(id);
  if (url === undefined) {
    url = readBlob(`/applications/${encodeURIComponent(id)}/icon`).then((blob) => URL.createObjectURL(blob));
    icons.set(id, url);
  }
  return url;
}

async function readApplications(): Promise<readonly DesktopEntry[]> {
  return ask<DesktopEntry[]>("GET", "/applications");
}

/** Stands for a command, which anything that is typed could be. */
const RUN = "❯";

interface LauncherOwner {
  startGuest(application: DesktopEntry): void;
  startSandboxed(application: { readonly id: string; readonly name: string }): void;
  notify(text: string): void;
}

export class Launcher {
  readonly #own: readonly Startable[];
  readonly #list = create("div", "launcher-list");
  readonly #onCommand: (line: string) => void;
  readonly #owner: LauncherOwner;
  #all: readonly Startable[];
  #shown: readonly Startable[] = [];
  #guests: readonly Startable[] = [];
  #sandboxed: readonly Startable[] = [];
  /** What there is has been asked for. */
  #read: Promise<unknown> = Promise.resolve();
  /** Manifests that are wrong, told of once. */
  readonly #told = new Set<string>();
  #at = 0;
  #dialog: Dialog | null = null;

  constructor(own: readonly Startable[], owner: LauncherOwner, onCommand: (line: string) => void) {
    this.#own = own;
    this.#all = own;
    this.#owner = owner;
    this.#onCommand = onCommand;
  }

  get isOpen(): boolean {
    return this.#dialog !== null;
  }

  open(): void {
    if (this.#dialog !== null) return this.#dialog.close();
    const field = new TextField(say("search"), "", "search");
    const { control } = field;
    control.placeholder = say("search");
    control.setAttribute("role", "combobox");
    control.setAttribute("aria-expanded", "true");
    control.setAttribute("aria-controls", "launcher-list");
    this.#list.id = "launcher-list";
    this.#list.setAttribute("role", "listbox");
    this.#list.setAttribute("aria-label", say("applications"));
    const dialog = new Dialog(say("applications"), [field, new Widget(this.#list)]).named("launcher");
    dialog.on("closed", () => void (this.#dialog = null));
    this.#dialog = dialog.open(front());
    field.on<string>("change", ({ detail }) => this.#search(detail));
    control.addEventListener("keydown", (event) => {
      const columns = Math.max(
        1,
        Math.floor(this.#list.clientWidth / (this.#list.firstElementChild?.clientWidth || 1)),
      );
      const by = { ArrowDown: columns, ArrowUp: -columns, ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const isWriting = control.value !== "" && (event.key === "ArrowLeft" || event.key === "ArrowRight");
      if (by !== undefined && !isWriting) this.#choose(Math.max(0, Math.min(this.#shown.length - 1, this.#at + by)));
      // Who types faster than the machine answers means what is found then, not a command of that name.
      else if (event.key === "Enter") {
        void this.#read.then(() => {
          if (this.#dialog === dialog) this.#start(this.#at);
        });
      } else return;
      event.preventDefault();
    });
    this.#search("");
    control.focus();
    const list = (): void => {
      this.#all = [...this.#own, ...this.#sandboxed, ...this.#guests];
      if (this.#dialog !== dialog) return;
      const chosen = this.#shown[this.#at]?.name;
      this.#search(control.value);
      // What somebody has gone to stays chosen, unless it was but the command for want of something better.
      const at = this.#shown.findIndex(({ name, sign }) => name === chosen && sign !== RUN);
      if (at > 0) this.#choose(at);
    };
    // What cannot be read is as if it were not there; a desktop in a tab of its own has no sandboxed ones.
    const reading = Promise.allSettled([this.#readGuests().then(list), this.#readSandboxed().then(list)]);
    this.#read = reading;
  }

  async #readGuests(): Promise<void> {
    this.#guests = (await readApplications()).map((application) => ({
      name: application.name,
      comment: application.comment,
      sign: application.name.slice(0, 1).toUpperCase(),
      application,
      start: () => this.#owner.startGuest(application),
    }));
  }

  async #readSandboxed(): Promise<void> {
    const { applications, problems } = await ask<SandboxedList>("GET", "/sandboxed");
    this.#sandboxed = applications.map(({ id, name, comment }) => ({
      name,
      comment,
      sign: "sandboxed",
      start: () => this.#owner.startSandboxed({ id, name }),
    }));
    for (const problem of problems) {
      if (!this.#told.has(problem)) this.#owner.notify(problem);
      this.#told.add(problem);
    }
  }

  #search(text: string): void {
    const wanted = text.trim().toLowerCase();
    const found = this.#all.filter(({ name, comment, application }) =>
      `${name} ${comment} ${application?.id ?? ""}`.toLowerCase().includes(wanted),
    );
    const run: Startable = {
      name: say("runCommand", text.trim()),
      comment: "",
      sign: RUN,
      start: () => this.#onCommand(text.trim()),
    };
    this.#shown = wanted === "" ? found : [...found, run];
    this.#list.replaceChildren(...this.#shown.map((each, index) => this.#item(each, index)));
    this.#choose(0);
  }

  #item({ name, comment, sign, application }: Startable, index: number): HTMLElement {
    const made = create("div", "launcher-item");
    made.id = `launcher-${index}`;
    made.setAttribute("role", "option");
    made.title = comment;
    const picture = create("span", "launcher-icon");
    if (application === undefined && sign.length > 1) picture.append(create("span", `launcher-sign ${sign}`));
    else picture.textContent = sign;
    picture.setAttribute("aria-hidden", "true");
    const words = create("span");
    words.textContent = name;
    made.append(picture, words);
    made.addEventListener("click", () => this.#start(index));
    if (application !== undefined && application.icon !== "")
      iconOf(application).then(
        (url) => {
          const image = create("img");
          image.src = url;
          image.alt = "";
          picture.replaceChildren(image);
        },
        () => {},
      );
    return made;
  }

  #choose(index: number): void {
    this.#at = index;
    for (const [each, element] of [...this.#list.children].entries())
      element.setAttribute("aria-selected", String(each === index));
    const chosen = this.#list.children[index];
    chosen?.scrollIntoView({ block: "nearest" });
    this.#dialog?.element.querySelector("input")?.setAttribute("aria-activedescendant", chosen?.id ?? "");
  }

  #start(index: number): void {
    const chosen = this.#shown[index];
    this.#dialog?.close();
    chosen?.start();
  }
}
