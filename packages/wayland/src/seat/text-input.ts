/**
 * zwp_text_input_v3: what is composed outside of the program (input methods, dead keys, keyboards on a screen) comes to
 * it as text. A program says by `enable` and `commit` that something in its focused surface takes some.
 */
import { utf8Of } from "@stratos/base";
import { flag, list, maybe, record, text, uint32, whole } from "@stratos/base/value-check";
import type { Resource } from "../core/resource.ts";
import type { Rectangle } from "../geometry/rectangle.ts";
import { events, implement, stand } from "../protocol/protocol.ts";
import { a, rectangle, savedClass } from "../saved/saved-class.ts";
import { keptSurface } from "../surface/kept.ts";
import type { Surface } from "../surface/surface.ts";

/** Bytes of one string: MessageWriter cuts longer ones. */
const PART_BYTES = 2000;

/** How many frames a program has to say that its cursor went on, before it is told more. */
const PATIENCE_FRAMES = 4;

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
  readonly patience: number;
}

export const areSavedTextInputs = record({
  inputs: list(a("TextInput"), 1 << 20),
  focus: maybe(a("Surface")),
  parts: list(text(PART_BYTES), 1 << 16),
  preedit: maybe(text(2 ** 24)),
  patience: whole(0, PATIENCE_FRAMES),
});

export class TextInputs {
  readonly #inputs = new Map<Resource, TextInput>();
  readonly #onChange: () => void;
  #focus: Surface | null = null;
  /** To be told: text in parts, and then what is being composed; null: as it was. */
  #parts: string[] = [];
  #preedit: string | null = null;
  /** Frames until it may be told more. */
  #patience = 0;

  /** @param onChange  a frame is wanted: whether text is taken, or where, may be different now */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
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
    this.#onChange();
  }

  committed(input: TextInput): void {
    if (this.#active?.[1] === input) {
      this.#patience = 0;
      this.#tell();
    }
    this.#onChange();
  }

  save(): SavedTextInputs {
    const inputs = [...this.#inputs.values()].filter(({ resource }) => resource.client.isKept);
    return {
      inputs,
      focus: keptSurface(this.#focus),
      parts: this.#parts,
      preedit: this.#preedit,
      patience: this.#patience,
    };
  }

  goOn({ inputs, focus, parts, preedit, patience }: SavedTextInputs): void {
    for (const input of inputs) this.#inputs.set(input.resource, input);
    this.#focus = focus;
    this.#parts = [...parts];
    this.#preedit = preedit;
    this.#patience = patience;
  }

  setFocus(surface: Surface | null): void {
    if (surface === this.#focus) return;
    const before = this.#focus;
    this.#focus = surface;
    this.#parts = [];
    this.#preedit = null;
    this.#patience = 0;
    for (const [resource, input] of this.#inputs) {
      // Who is left enables it again when it is entered, and not before.
      input.pending = initial();
      input.current = initial();
      if (before?.client === resource.client && !before.resource.isDestroyed)
        events.zwp_text_input_v3.leave(resource, before.resource);
      if (surface?.client === resource.client) events.zwp_text_input_v3.enter(resource, surface.resource);
    }
    this.#onChange();
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
    this.#parts.push(...partsOf(text));
    this.#preedit = "";
    this.#tell();
    return true;
  }

  /** Text waits to be told: keys that were pressed after it are to wait with it. */
  get isBehind(): boolean {
    return this.#parts.length > 0 && this.#active !== null;
  }

  /** A frame was shown: who has not answered by then has nothing to answer. */
  frame(): void {
    if (this.#patience === 0) return;
    this.#patience--;
    if (this.#patience > 0) this.#onChange();
    else this.#tell();
  }

  /** One thing at a time, as `done` counts what the program has said: some pass over what they are told meanwhile. */
  #tell(): void {
    const active = this.#active;
    if (active === null || this.#patience > 0) return;
    const part = this.#parts.shift();
    if (part === undefined && this.#preedit === null) return;
    const [resource, input] = active;
    const [shown = ""] = this.#parts.length > 0 ? [] : partsOf(this.#preedit ?? "");
    const end = utf8Of(shown).length;
    if (shown !== "" || part === undefined)
      events.zwp_text_input_v3.preedit_string(resource, shown === "" ? null : shown, end, end);
    if (part !== undefined) events.zwp_text_input_v3.commit_string(resource, part);
    if (this.#parts.length === 0) this.#preedit = null;
    events.zwp_text_input_v3.done(resource, input.commits);
    this.#patience = PATIENCE_FRAMES;
    this.#onChange();
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
