/**
 * A terminal application: a title, tabs, the view of one of them, what is to be told, and the keys that do something
 * now. Views are asked for anew again and again, so that what others change is seen; what fails is told in place, and
 * the last that was known stays.
 *
 *     row 0         title                                    who
 *     row 1         tabs
 *     rows 2 …      the view
 *     last but one  what is to be told, or what is being done
 *     last          keys
 */
import type { Action, Ask } from "@stratos/panels/action";
import { type Language, phrase } from "@stratos/panels/language";
import { mayAct, type Role } from "@stratos/volumes/roles";
import { Canvas } from "../parts/canvas.ts";
import { Confirm, type DialogWords, Menu, Pager, Prompt } from "../parts/dialogs.ts";
import type { Hint, Part } from "../parts/part.ts";
import { widthOf } from "../terminal/cell-text.ts";
import type { Key } from "../terminal/key.ts";
import { Screen, type ScreenLook } from "../terminal/screen.ts";
import { Terminal } from "../terminal/terminal.ts";
import type { Stage, View } from "./view.ts";
import { APP_WORDS, type AppWord } from "./words.ts";

/** How often is looked: at what moves by itself, at the rest. */
const MOVING_MS = 1000;
const LOOK_MS = 3000;
const HEAD_ROWS = 2;
const FOOT_ROWS = 2;
const LEAST = { columns: 40, rows: 8 };
const INTERRUPTED = 130;

interface AppOptions {
  readonly name: string;
  readonly language: Language;
  readonly look: ScreenLook;
  readonly ask: Ask;
  readonly content: (path: string) => Promise<Uint8Array>;
}

interface Identity {
  readonly name: string;
  readonly role: Role;
  readonly readOnly?: boolean;
}

type Told = { readonly text: string; readonly isBad: boolean } | null;

export class App implements Stage {
  readonly language: Language;
  readonly ask: Ask;
  readonly content: (path: string) => Promise<Uint8Array>;
  readonly #name: string;
  readonly #terminal: Terminal;
  readonly #screen: Screen;
  #views: readonly View[] = [];
  #at = 0;
  /** What is before the view, the last one on top. */
  readonly #dialogs: Part[] = [];
  #identity: Identity | null = null;
  /** Beside the name. */
  #subject: () => string = () => "";
  #told: Told = null;
  /** What is being done; they do not wait for each other. */
  #working = 0;
  /** Counts what was asked for: an answer that was overtaken is not told of. */
  #looked = 0;
  #isLooking = false;
  #timer: NodeJS.Timeout | null = null;
  #frame: NodeJS.Immediate | null = null;
  /** Not yet acted on: a key that opens a dialog has done so before the next one is looked at. */
  readonly #keys: Key[] = [];
  #pressing: NodeJS.Immediate | null = null;
  #finish: (status: number) => void = () => {};

  constructor({ name, language, look, ask, content }: AppOptions) {
    this.language = language;
    this.ask = ask;
    this.content = content;
    this.#name = name;
    this.#terminal = new Terminal({
      onKey: (key) => {
        this.#keys.push(key);
        this.#pressing ??= setImmediate(() => this.#pressNext());
      },
      onResize: () => {
        this.#screen.resize(this.#terminal.size);
        this.changed();
      },
      onReturn: () => {
        this.#screen.forget();
        this.changed();
      },
      onEnd: (status) => this.#finish(status),
    });
    this.#screen = new Screen(this.#terminal.size, look);
  }

  /**
   * @param subject  what the views are of, for the title
   * @returns the exit status, once its user has enough
   */
  async run(views: readonly View[], subject: () => string): Promise<number> {
    this.#views = views;
    this.#subject = subject;
    const ended = new Promise<number>((resolve) => (this.#finish = resolve));
    this.#terminal.open();
    try {
      this.changed();
      this.#look();
      return await ended;
    } finally {
      if (this.#timer !== null) clearTimeout(this.#timer);
      if (this.#frame !== null) clearImmediate(this.#frame);
      if (this.#pressing !== null) clearImmediate(this.#pressing);
      this.#keys.length = 0;
      this.#finish = () => {};
      this.#terminal.close();
    }
  }

  get view(): View {
    return this.#views[this.#at]!;
  }

  // ---- What views ask for ------------------------------------------------------------------------------------------

  say(word: AppWord, ...values: readonly (string | number)[]): string {
    return phrase(APP_WORDS[this.language][word], values);
  }

  mayAct(needed: Role): boolean {
    const identity = this.#identity;
    if (identity === null) return false;
    return mayAct(identity.role, needed) && (needed === "viewer" || identity.readOnly !== true);
  }

  attempt(work: () => Promise<string | null>): void {
    this.#working++;
    this.#told = null;
    this.changed();
    work()
      .then(
        (words) => {
          if (words !== null) this.notice(words);
        },
        (error: unknown) => this.#tell(error),
      )
      .finally(() => {
        this.#working--;
        this.#look();
      });
  }

  act<Word extends string>(action: Action<Word> | undefined): void {
    if (action === undefined || !this.mayAct(action.needs)) return;
    const { question, run } = action;
    if (question === null) return this.attempt(() => run(this.ask));
    void this.confirm(question).then((isYes) => {
      if (isYes) this.attempt(() => run(this.ask));
    });
  }

  offer<Word extends string>(title: string, actions: readonly Action<Word>[], name: (word: Word) => string): void {
    const offered = actions.filter(({ needs }) => this.mayAct(needs));
    if (offered.length === 0) return;
    void this.choose(
      title,
      offered.map(({ word }) => name(word)),
    ).then((index) => {
      if (index !== null) this.act(offered[index]);
    });
  }

  confirm(question: string): Promise<boolean> {
    return this.#open((done) => new Confirm(question, this.#dialogWords, done));
  }

  prompt(label: string, text = ""): Promise<string | null> {
    return this.#open((done) => new Prompt(label, text, this.#dialogWords, done));
  }

  choose(title: string, items: readonly string[]): Promise<number | null> {
    return this.#open((done) => new Menu(title, items, this.#dialogWords, done));
  }

  read(title: string, text: string): void {
    void this.#open<void>((done) => new Pager(title, text, this.#dialogWords, () => done()));
  }

  notice(words: string): void {
    this.#told = { text: words, isBad: false };
    this.changed();
  }

  show(view: View): void {
    const at = this.#views.indexOf(view);
    if (at < 0) return;
    this.#at = at;
    this.#told = null;
    this.changed();
    this.#look();
  }

  changed(): void {
    this.#frame ??= setImmediate(() => {
      this.#frame = null;
      this.#draw();
    });
  }

  /** Lends the terminal to another program, and looks again after it. */
  async lend(work: () => Promise<void>): Promise<void> {
    await this.#terminal.lend(work);
    this.#look();
  }

  get #dialogWords(): DialogWords {
    return APP_WORDS[this.language];
  }

  #open<Answer>(make: (done: (answer: Answer) => void) => Part): Promise<Answer> {
    return new Promise((resolve) => {
      const dialog = make((answer) => {
        this.#dialogs.splice(this.#dialogs.indexOf(dialog), 1);
        this.changed();
        resolve(answer);
      });
      this.#dialogs.push(dialog);
      this.changed();
    });
  }

  // ---- Looking -----------------------------------------------------------------------------------------------------

  /** Asks for the view anew, now; the next time by itself. */
  #look(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const number = ++this.#looked;
    const { view } = this;
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#ask(view)
      .then(
        () => {
          // It answers again.
          if (this.#told?.isBad === true && this.#isUnreached) this.#told = null;
          this.#isUnreached = false;
        },
        (error: unknown) => {
          if (number !== this.#looked) return;
          this.#isUnreached = true;
          this.#tell(error);
        },
      )
      .finally(() => {
        this.#isLooking = false;
        this.changed();
        // What was asked for meanwhile is another view, or what was done since.
        if (number !== this.#looked) return this.#look();
        const isTold = !this.#isUnreached && view.isDear === true;
        if (!isTold) this.#timer = setTimeout(() => this.#look(), view.isMoving === true ? MOVING_MS : LOOK_MS);
      });
  }

  /** What is told is that looking failed. */
  #isUnreached = false;

  async #ask(view: View): Promise<void> {
    this.#identity ??= await this.ask<Identity>("GET", "/session");
    if (view.isEdited !== true) await view.load();
  }

  #tell(error: unknown): void {
    this.#told = { text: error instanceof Error ? error.message : String(error), isBad: true };
    this.changed();
  }

  // ---- Keys --------------------------------------------------------------------------------------------------------

  #pressNext(): void {
    this.#pressing = null;
    const key = this.#keys.shift();
    if (key === undefined) return;
    this.#press(key);
    if (this.#keys.length > 0) this.#pressing = setImmediate(() => this.#pressNext());
  }

  #press(key: Key): void {
    this.changed();
    if (key.name === "ctrl-c") return this.#finish(INTERRUPTED);
    if (key.name === "ctrl-l") return this.#screen.forget();
    const dialog = this.#dialogs.at(-1);
    if (dialog !== undefined) return void dialog.press(key);
    const { view } = this;
    if (view.press(key) || view.isTyping === true) return;
    if (key.name === "q") this.#finish(0);
    else if (key.name === "?" || key.name === "f1") this.#help();
    else if (key.name === "r" || key.name === "f5") this.#look();
    else if (key.name === "tab") this.#turn(1);
    else if (key.name === "shift-tab") this.#turn(-1);
    else if (/^\d$/.test(key.name)) {
      // The tenth is 0.
      const chosen = this.#views[(Number(key.name) + 9) % 10];
      if (chosen !== undefined) this.show(chosen);
    } else if (key.name === "escape") this.#told = null;
  }

  #turn(by: number): void {
    const { length } = this.#views;
    this.show(this.#views[(this.#at + by + length) % length]!);
  }

  #help(): void {
    const own = this.view.hints();
    const rows: readonly Hint[] = [
      ...own,
      ["↑↓ jk", this.say("move")],
      ["PgUp PgDn", this.say("pageMove")],
      ["g G", this.say("ends")],
      ["/", this.say("filter")],
      [`Tab 1-${this.#views.length % 10}`, this.say("nextView")],
      ["r", this.say("reload")],
      ["Esc", this.say("back")],
      ["?", this.say("help")],
      ["q ^C", this.say("quit")],
    ];
    const width = Math.max(...rows.map(([key]) => widthOf(key)));
    const lines = rows.map(([key, what]) => `${key}${" ".repeat(width - widthOf(key) + 2)}${what}`);
    this.read(this.say("keys"), `${this.view.title}\n\n${lines.join("\n")}\n\n${this.say("busyHelp")}`);
  }

  // ---- The frame ---------------------------------------------------------------------------------------------------

  #draw(): void {
    const screen = this.#screen;
    screen.clear();
    const { columns, rows } = screen.size;
    const canvas = new Canvas(screen, { column: 0, row: 0, columns, rows });
    if (columns < LEAST.columns || rows < LEAST.rows) canvas.line(0, this.say("tooSmall"));
    else this.#drawAll(canvas);
    this.#terminal.write(screen.flush());
  }

  #drawAll(canvas: Canvas): void {
    canvas.bar(0, ` ${this.#name}  ${this.#subject()}`, "title");
    canvas.right(0, this.#who(), "title");
    this.#drawTabs(canvas);
    const body = canvas.below(HEAD_ROWS, canvas.rows - HEAD_ROWS - FOOT_ROWS);
    this.view.draw(body);
    const dialog = this.#dialogs.at(-1);
    if (dialog !== undefined) {
      canvas.screen.cursor = null;
      dialog.draw(body);
    }
    const told = this.#told;
    const row = canvas.rows - FOOT_ROWS;
    if (told !== null) canvas.line(row, { text: told.text, style: told.isBad ? "bad" : "good" });
    else if (this.#working > 0) canvas.line(row, { text: this.say("working"), style: "dim" });
    this.#drawHints(canvas, dialog);
  }

  #who(): string {
    const identity = this.#identity;
    if (identity === null) return "";
    const readOnly = identity.readOnly === true ? ` · ro` : "";
    return `${identity.name} · ${identity.role}${readOnly} `;
  }

  /** The chosen one is always among them. */
  #drawTabs(canvas: Canvas): void {
    const texts = this.#views.map(({ title }, at) => ` ${(at + 1) % 10} ${title} `);
    let first = 0;
    const width = (from: number): number =>
      texts.slice(from, this.#at + 1).reduce((sum, text) => sum + widthOf(text), from > 0 ? 1 : 0);
    while (first < this.#at && width(first) > canvas.columns) first++;
    let column = first > 0 ? canvas.write(0, 1, "…", "dim") : 0;
    for (let at = first; at < texts.length; at++) {
      if (column + widthOf(texts[at]!) > canvas.columns) return void canvas.write(column, 1, "…", "dim");
      column = canvas.write(column, 1, texts[at]!, at === this.#at ? "tabChosen" : "tab");
    }
  }

  #drawHints(canvas: Canvas, dialog: Part | undefined): void {
    const ends: readonly Hint[] = [
      ["?", this.say("help")],
      ["q", this.say("quit")],
    ];
    const hints = dialog !== undefined ? dialog.hints() : [...this.view.hints(), ...ends];
    const row = canvas.rows - 1;
    const widthOfHint = ([key, what]: Hint): number => widthOf(key) + widthOf(what) + 3;
    // Help and the end are always to be seen.
    let room = canvas.columns - (dialog === undefined ? ends.reduce((sum, hint) => sum + widthOfHint(hint), 0) : 0);
    let column = 0;
    for (const hint of hints) {
      if (!ends.includes(hint) && (room -= widthOfHint(hint)) < 0) continue;
      column = canvas.write(column, row, hint[0], "key");
      column = canvas.write(column, row, ` ${hint[1]}  `, "normal");
    }
  }
}
