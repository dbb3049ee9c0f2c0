/**
 * zwp_text_input_v3: what is composed outside of the program (input methods, dead keys, keyboards on a screen) comes to
 * it as text. A program says by `enable` and `commit` that something in its focused surface takes some.
 */
import { utf8Of } from "@stratos/base";
import { flag, list, maybe, record, text, uint32, whole } from "@stratos/base/value-check";
import type { Client } from "../core/client.ts";
import type { Resource } from "../core/resource.ts";
import type { Rectangle } from "../geometry/rectangle.ts";
import { events, implement, stand } from "../protocol/protocol.ts";
import { a, rectangle, savedClass } from "../saved/saved-class.ts";
import { keptSurface } from "../surface/kept.ts";
import type { Surface } from "../surface/surface.ts";

/** Bytes of one string: MessageWriter cuts longer ones. */
const PART_BYTES = 2000;

/**
 * How long a program has to say that it has read what it was told (on a busy host that takes seconds, and text that
 * comes before is lost); who cannot be asked has it read by then.
 */
const PATIENCE_MS = 3000,
  SHORT_PATIENCE_MS = 60;

/** How often a program may say other things meanwhile, and be told again. */
const REPEATS_MAX = 16;

/** Text that waits, in parts: what comes beyond it is too much for a person. */
const PARTS_MAX = 2048;

/** What text needs of the screen. */
interface TextOwner {
  /** A frame is wanted: whether text is taken, or where, may be different now. */
  changed(): void;
  /** Asks the program whether it has read all so far. @returns the number of its answer; null: it cannot be asked */
  ask(surface: Surface): number | null;
  nowMs(): number;
}

/** The program was told something, and has not read it yet. */
interface Told {
  /** Of the answer that says so; null: it comes in time. */
  readonly answer: number | null;
  readonly untilMs: number;
  /** It is text that it is to have, and so are keys that were pressed after it. */
  readonly isText: boolean;
  readonly repeats: number;
}

interface State {
  isEnabled: boolean;
  /** Of the cursor, in the surface. */
  cursor: Rectangle;
}

const initial = (): State => ({ isEnabled: false, cursor: { x: 0, y: 0, width: 0, height: 0 } });

class TextInput {
  readonly resource: Resource;
  readonly owner: TextInputs;
  pending: State = initial();
  current: State = initial();
  /** Commits, which is what `done` counts by. */
  commits = 0;

  constructor(resource: Resource, owner: TextInputs) {
    this.resource = resource;
    this.owner = owner;
  }

  serve(): void {
    this.resource.onDestroy(() => this.owner.drop(this));
    implement(this.resource, "zwp_text_input_v3", {
      destroy: () => {},
      enable: () => void (this.pending = { ...initial(), isEnabled: true }),
      disable: () => void (this.pending = initial()),
      // What is around the cursor, and of what kind it is, would help to guess words: nobody here does.
      set_surrounding_text: () => {},
      set_text_change_cause: () => {},
      set_content_type: () => {},
      set_cursor_rectangle: (x, y, width, height) => void (this.pending.cursor = { x, y, width, height }),
      commit: () => {
        this.commits = (this.commits + 1) >>> 0;
        this.current = { ...this.pending };
        this.owner.committed(this);
      },
    });
  }

  static {
    const state = record({ isEnabled: flag, cursor: rectangle });
    savedClass("TextInput", this, {
      resource: a("Resource"),
      owner: (value) => value instanceof TextInputs,
      pending: state,
      current: state,
      commits: uint32,
    });
  }
}

interface SavedTextInputs {
  readonly inputs: readonly TextInput[];
  readonly focus: Surface | null;
  readonly parts: readonly string[];
  readonly preedit: string | null;
  readonly shown: string;
  readonly told: Told | null;
}

export const areSavedTextInputs = record({
  inputs: list(a("TextInput"), 1 << 20),
  focus: maybe(a("Surface")),
  parts: list(text(PART_BYTES), PARTS_MAX),
  preedit: maybe(text(2 ** 24)),
  shown: text(PART_BYTES),
  told: maybe(
    record({ answer: maybe(uint32), untilMs: whole(0, 2 ** 53), isText: flag, repeats: whole(0, REPEATS_MAX) }),
  ),
});

export class TextInputs {
  readonly #inputs = new Map<Resource, TextInput>();
  readonly #owner: TextOwner;
  #focus: Surface | null = null;
  /** To be told: text in parts, and then what is being composed; null: as it was. */
  #parts: string[] = [];
  #preedit: string | null = null;
  /** As it was told last. */
  #shown = "";
  #told: Told | null = null;

  constructor(owner: TextOwner) {
    this.#owner = owner;
  }

  serve(resource: Resource): void {
    implement(resource, "zwp_text_input_manager_v3", {
      destroy: () => {},
      get_text_input: (id) => this.#add(id),
    });
  }

  #add(resource: Resource): void {
    const input = new TextInput(resource, this);
    this.#inputs.set(resource, input);
    stand(resource, input);
    if (this.#focus?.client === resource.client) events.zwp_text_input_v3.enter(resource, this.#focus.resource);
  }

  drop({ resource }: TextInput): void {
    this.#inputs.delete(resource);
    this.#owner.changed();
  }

  /**
   * Programs may pass over a `done` that does not count this commit (foot does), and keep its text for the next one:
   * who had not read it yet is told again, without the text, which would come twice to others.
   */
  committed(input: TextInput): void {
    const told = this.#told;
    if (this.#active?.[1] === input && told !== null && told.repeats < REPEATS_MAX) {
      this.#tellDone(input, this.#shown, { isText: told.isText, repeats: told.repeats + 1 });
    }
    this.#owner.changed();
  }

  /** The program has read all that it was told before it was asked. */
  answered(client: Client, answer: number): void {
    if (this.#focus?.client !== client || this.#told === null || this.#told.answer !== answer) return;
    this.#told = null;
    this.#tell();
    this.#owner.changed();
  }

  save(): SavedTextInputs {
    const inputs = [...this.#inputs.values()].filter(({ resource }) => resource.client.isKept);
    return {
      inputs,
      focus: keptSurface(this.#focus),
      parts: this.#parts,
      preedit: this.#preedit,
      shown: this.#shown,
      told: this.#told,
    };
  }

  goOn({ inputs, focus, parts, preedit, shown, told }: SavedTextInputs): void {
    for (const input of inputs) this.#inputs.set(input.resource, input);
    this.#focus = focus;
    this.#parts = [...parts];
    this.#preedit = preedit;
    this.#shown = shown;
    this.#told = told;
  }

  isFor(surface: Surface | null): boolean {
    return surface === this.#focus;
  }

  setFocus(surface: Surface | null): void {
    if (surface === this.#focus) return;
    const before = this.#focus;
    this.#focus = surface;
    this.#parts = [];
    this.#preedit = null;
    this.#shown = "";
    this.#told = null;
    for (const [resource, input] of this.#inputs) {
      // Who is left enables it again when it is entered, and not before.
      input.pending = initial();
      input.current = initial();
      if (before?.client === resource.client && !before.resource.isDestroyed)
        events.zwp_text_input_v3.leave(resource, before.resource);
      if (surface?.client === resource.client) events.zwp_text_input_v3.enter(resource, surface.resource);
    }
    this.#owner.changed();
  }

  get #active(): readonly [Resource, TextInput] | null {
    for (const entry of this.#inputs)
      if (entry[0].client === this.#focus?.client && entry[1].current.isEnabled) return entry;
    return null;
  }

  /** Where text goes, in the focused surface; null: the program takes keys only. */
  get place(): { readonly surface: Surface; readonly cursor: Rectangle } | null {
    const active = this.#active;
    return active === null ? null : { surface: this.#focus!, cursor: active[1].current.cursor };
  }

  /** Shown at the cursor while it is composed. @returns false: nobody takes text */
  compose(text: string): boolean {
    if (this.#active === null) return false;
    this.#preedit = text;
    this.#tell();
    return true;
  }

  /** It is there for good, in the place of what was composed. @returns false: nobody takes text */
  commit(text: string): boolean {
    if (this.#active === null) return false;
    this.#parts.push(...partsOf(text).slice(0, PARTS_MAX - this.#parts.length));
    this.#preedit = "";
    this.#tell();
    return true;
  }

  /** It has not read all text yet: keys that were pressed after it are to wait with it. */
  get isBehind(): boolean {
    return (this.#parts.length > 0 || this.#told?.isText === true) && this.#active !== null;
  }

  /** A frame was shown: who has not answered in time is told more. */
  frame(): void {
    if (this.#told === null) return;
    if (this.#owner.nowMs() >= this.#told.untilMs) {
      this.#told = null;
      this.#tell();
    }
    this.#owner.changed();
  }

  /** One thing at a time, as `done` counts what the program has said (`committed`). */
  #tell(): void {
    const active = this.#active;
    if (active === null || this.#told !== null) return;
    const part = this.#parts.shift();
    if (part === undefined && this.#preedit === null) return;
    const [resource, input] = active;
    const [shown = ""] = this.#parts.length > 0 ? [] : partsOf(this.#preedit ?? "");
    if (shown === "" && part === undefined) events.zwp_text_input_v3.preedit_string(resource, null, 0, 0);
    if (part !== undefined) events.zwp_text_input_v3.commit_string(resource, part);
    if (this.#parts.length === 0) this.#preedit = null;
    this.#tellDone(input, shown, { isText: part !== undefined, repeats: 0 });
    this.#owner.changed();
  }

  #tellDone({ resource, commits }: TextInput, shown: string, told: Pick<Told, "isText" | "repeats">): void {
    const end = utf8Of(shown).length;
    // What is not said again with each `done` is gone.
    if (shown !== "") events.zwp_text_input_v3.preedit_string(resource, shown, end, end);
    events.zwp_text_input_v3.done(resource, commits);
    this.#shown = shown;
    const answer = this.#owner.ask(this.#focus!);
    const patienceMs = answer === null ? SHORT_PATIENCE_MS : PATIENCE_MS;
    this.#told = { ...told, answer, untilMs: Math.ceil(this.#owner.nowMs()) + patienceMs };
  }
}

/** Of whole characters, and without NUL, which no string of the protocol can have. */
function partsOf(text: string): string[] {
  const LONGEST_CHARACTER = 4;
  const parts: string[] = [];
  let part = "",
    sizeBytes = 0;
  for (const character of text.toWellFormed().replaceAll("\0", "")) {
    part += character;
    sizeBytes += character > "\x7f" ? LONGEST_CHARACTER : 1;
    if (sizeBytes <= PART_BYTES - LONGEST_CHARACTER) continue;
    parts.push(part);
    part = "";
    sizeBytes = 0;
  }
  return part === "" ? parts : [...parts, part];
}
