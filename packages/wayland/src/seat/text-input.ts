/**
 * zwp_text_input_v3: what is composed outside of the program (input methods, dead keys, keyboards on a screen) comes to
 * it as text. A program says by `enable` and `commit` that something in its focused surface takes some.
 */
import { utf8Of } from "@stratos/base";
import type { Resource } from "../core/resource.ts";
import type { Rectangle } from "../geometry/rectangle.ts";
import { events, implement } from "../protocol/protocol.ts";
import type { Surface } from "../surface/surface.ts";

/** Bytes of one string: MessageWriter cuts longer ones. */
const PART_BYTES = 2000;

interface State {
  isEnabled: boolean;
  /** Of the cursor, in the surface. */
  cursor: Rectangle;
}

const initial = (): State => ({ isEnabled: false, cursor: { x: 0, y: 0, width: 0, height: 0 } });

interface TextInput {
  pending: State;
  current: State;
  /** Commits, which is what `done` counts by. */
  commits: number;
}

export class TextInputs {
  readonly #inputs = new Map<Resource, TextInput>();
  readonly #onChange: () => void;
  #focus: Surface | null = null;

  /** @param onChange  whether text is taken, or where, may be different now */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  bind(resource: Resource): void {
    implement(resource, "zwp_text_input_manager_v3", {
      destroy: () => {},
      get_text_input: (id) => this.#add(id),
    });
  }

  #add(resource: Resource): void {
    const input: TextInput = { pending: initial(), current: initial(), commits: 0 };
    this.#inputs.set(resource, input);
    resource.onDestroy(() => {
      this.#inputs.delete(resource);
      this.#onChange();
    });
    implement(resource, "zwp_text_input_v3", {
      destroy: () => {},
      enable: () => void (input.pending = { ...initial(), isEnabled: true }),
      disable: () => void (input.pending = initial()),
      // What is around the cursor, and of what kind it is, would help to guess words: nobody here does.
      set_surrounding_text: () => {},
      set_text_change_cause: () => {},
      set_content_type: () => {},
      set_cursor_rectangle: (x, y, width, height) => void (input.pending.cursor = { x, y, width, height }),
      commit: () => {
        input.commits = (input.commits + 1) >>> 0;
        input.current = { ...input.pending };
        this.#onChange();
      },
    });
    if (this.#focus?.client === resource.client) events.zwp_text_input_v3.enter(resource, this.#focus.resource);
  }

  setFocus(surface: Surface | null): void {
    if (surface === this.#focus) return;
    const before = this.#focus;
    this.#focus = surface;
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
    const active = this.#active;
    if (active === null) return false;
    const [resource, input] = active;
    const [shown = ""] = partsOf(text);
    const end = utf8Of(shown).length;
    events.zwp_text_input_v3.preedit_string(resource, shown === "" ? null : shown, end, end);
    events.zwp_text_input_v3.done(resource, input.commits);
    return true;
  }

  /** It is there for good, in the place of what was composed. @returns false: nobody takes text */
  commit(text: string): boolean {
    const active = this.#active;
    if (active === null) return false;
    const [resource, input] = active;
    for (const part of partsOf(text)) {
      events.zwp_text_input_v3.commit_string(resource, part);
      events.zwp_text_input_v3.done(resource, input.commits);
    }
    if (text === "") this.compose("");
    return true;
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
