/**
 * What a person does with windows of programs: keys, text, pointer, fingers, and what is copied. Keys go to a field
 * that nobody sees: browsers compose text (input methods, dead keys, keyboards on the screen) only where text can be.
 * What they compose comes as text; so does a key whose character is another one than the layout `us` has there, as
 * long as the program takes text. Else a key is a key. Pasting is the browser's own: its event brings what was
 * copied, and then the key follows. What programs copy is handed on at the next press of the person, as a page may
 * write it only then.
 */
import { KEYS, US_CHARACTERS } from "@stratos/display/keys";

/** A message of a page has 65,536 bytes at most, and JSON may make six of a character. */
const PART = 8192,
  TEXT_MAX = 1 << 20;
const PASTE_MS = 200;
/** By the bits of PointerEvent.buttons, as input-event-codes.h has them. */
const BUTTONS = [0x110, 0x111, 0x112, 0x113, 0x114];
const LINE_PIXELS = 15;

/** In pixels of the page. */
export interface DisplayPlace {
  readonly x: number;
  readonly y: number;
  readonly height: number;
}

export class DisplayInput {
  readonly field = document.createElement("textarea");
  readonly #send: (message: object) => void;
  readonly #onTooLong: () => void;
  readonly #held = new Set<number>();
  readonly #fingers = new Map<number, number>();
  #text: DisplayPlace | null = null;
  #copied: string | null = null;
  #pasting: { readonly code: number; readonly timer: ReturnType<typeof setTimeout> } | null = null;
  #update: ReturnType<typeof setTimeout> | undefined;
  #isThirdLevel = false;
  #pressed = 0;
  #at = { pointer: 0, x: 0, y: 0 };
  #wantsPointer = false;
  #locked: HTMLElement | null = null;
  readonly #listening = new AbortController();

  constructor(send: (message: object) => void, onTooLong: () => void, label = "Keys for the windows of programs") {
    this.#send = send;
    this.#onTooLong = onTooLong;
    const { field } = this;
    field.className = "guest-keys";
    Object.assign(field, { inputMode: "none", autocomplete: "off", autocapitalize: "none", spellcheck: false });
    field.tabIndex = -1;
    field.setAttribute("aria-label", label);
    field.addEventListener("input", (event) => this.#typed(event as InputEvent));
    field.addEventListener("compositionupdate", ({ data }) => {
      clearTimeout(this.#update);
      // The last update comes with the end: programs that are told both at once may pass over the text.
      this.#update = setTimeout(() => send({ preedit: data.slice(0, PART) }), 0);
    });
    field.addEventListener("compositionend", ({ data }) => {
      clearTimeout(this.#update);
      this.#say("text", data);
      this.#clear();
    });
    field.addEventListener("paste", (event) => this.#pasted(event));
    field.addEventListener("keydown", (event) => this.#keyDown(event));
    field.addEventListener("keyup", (event) => this.#keyUp(event));
    field.addEventListener("blur", () => this.#letGo());
    this.#clear();
  }

  readonly #lockChanged = (): void => {
    const had = this.#locked !== null;
    this.#locked = this.field.ownerDocument.pointerLockElement as HTMLElement | null;
    if (had && this.#locked === null && this.#wantsPointer) this.#send({ unlock: true });
  };

  /** Its field is not on the page any more. */
  close(): void {
    this.keepPointer(false);
    this.#listening.abort();
  }

  focus(): void {
    this.field.focus({ preventScroll: true });
  }

  /** The program takes text there; null: it takes keys. */
  takeText(place: DisplayPlace | null): void {
    this.#text = place;
    this.field.inputMode = place === null ? "none" : "text";
    if (place === null) return;
    const { style } = this.field;
    Object.assign(style, { left: `${place.x}px`, top: `${place.y}px`, height: `${Math.max(1, place.height)}px` });
  }

  /** A program has copied it. */
  copied(text: string): void {
    this.#copied = text;
    if (navigator.userActivation?.isActive) this.#giveCopied();
  }

  #giveCopied(): void {
    const whole = this.#copied;
    if (whole === null) return;
    this.#copied = null;
    navigator.clipboard?.writeText(whole).catch(() => void (this.#copied ??= whole));
  }

  #say(name: string, whole: string): void {
    for (let at = 0; at === 0 || at < whole.length; at += PART)
      this.#send({ [name]: whole.slice(at, at + PART), more: at + PART < whole.length });
  }

  #tap(key: number): void {
    this.#send({ key, down: true });
    this.#send({ key, down: false });
  }

  /** Something that a keyboard on the screen can take away. */
  #clear(): void {
    this.field.value = " ";
  }

  #typed({ isComposing, inputType, data }: InputEvent): void {
    if (isComposing || /Composition/.test(inputType)) return;
    if (inputType === "deleteContentBackward") this.#tap(KEYS["Backspace"]!);
    else if (inputType === "insertLineBreak" || inputType === "insertParagraph") this.#tap(KEYS["Enter"]!);
    else if (data) this.#say("text", data);
    this.#clear();
  }

  #pasted(event: ClipboardEvent): void {
    event.preventDefault();
    const whole = event.clipboardData?.getData("text/plain") ?? "";
    if (whole.length > TEXT_MAX) this.#onTooLong();
    else if (whole !== "") this.#say("paste", whole);
    this.#endPasting();
  }

  #endPasting(): void {
    if (this.#pasting === null) return;
    clearTimeout(this.#pasting.timer);
    const { code } = this.#pasting;
    this.#pasting = null;
    this.#held.add(code);
    this.#send({ key: code, down: true });
  }

  #isText({ key, code, ctrlKey, metaKey, altKey, shiftKey }: KeyboardEvent): boolean {
    if (this.#text === null || [...key].length !== 1) return false;
    if ((ctrlKey || altKey || metaKey) && !this.#isThirdLevel) return false;
    const usual = US_CHARACTERS[code]?.[shiftKey ? 1 : 0];
    return usual !== key && !(/^Key/.test(code) && usual?.toLowerCase() === key.toLowerCase());
  }

  #keyDown(event: KeyboardEvent): void {
    this.#giveCopied();
    // The browser composes.
    if (event.isComposing || event.keyCode === 229 || (event.key === "Dead" && this.#text !== null)) return;
    this.#isThirdLevel = event.getModifierState("AltGraph");
    if (this.#isText(event)) return;
    const code = KEYS[event.code];
    if (code === undefined) return;
    if (pastes(event) && !event.repeat) {
      this.#endPasting();
      this.#pasting = { code, timer: setTimeout(() => this.#endPasting(), PASTE_MS) };
      return;
    }
    event.preventDefault();
    if (event.repeat) return;
    this.#held.add(code);
    this.#send({ key: code, down: true });
  }

  #keyUp(event: KeyboardEvent): void {
    this.#endPasting();
    const code = KEYS[event.code];
    if (code === undefined || !this.#held.delete(code)) return;
    event.preventDefault();
    this.#send({ key: code, down: false });
  }

  /** No key stays down when the keyboard goes elsewhere. */
  #letGo(): void {
    this.#endPasting();
    for (const key of this.#held) this.#send({ key, down: false });
    this.#held.clear();
  }

  #press(now: number): void {
    for (const [bit, button] of BUTTONS.entries())
      if ((now ^ this.#pressed) & (1 << bit)) this.#send({ button, down: (now & (1 << bit)) !== 0 });
    this.#pressed = now;
  }

  /** The pointer that is pressed, and where on the screen; programs are told no more of that press. Null: none is. */
  takePress(): { readonly pointer: number; readonly x: number; readonly y: number } | null {
    if (this.#pressed === 0 && this.#fingers.size === 0) return null;
    this.#pressed = 0;
    this.#fingers.clear();
    return this.#at;
  }

  /** A program wants to keep the pointer, which the browser lets a page do after a press, until Escape. */
  keepPointer(isLocked: boolean): void {
    this.#wantsPointer = isLocked;
    if (!isLocked) this.#locked?.ownerDocument.exitPointerLock();
  }

  #finger(event: PointerEvent, phase: "down" | "move" | "up" | "cancel", placeOf: PlaceOf): void {
    if (phase === "down") {
      const used = [...this.#fingers.values()];
      const free = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].find((each) => !used.includes(each));
      if (free !== undefined) this.#fingers.set(event.pointerId, free);
    }
    const touch = this.#fingers.get(event.pointerId);
    if (touch === undefined) return;
    if (phase === "up" || phase === "cancel") this.#fingers.delete(event.pointerId);
    this.#send({ touch, phase, at: placeOf(event) });
  }

  /** A picture of programs. @param placeOf  where that is on their screen */
  listen(canvas: HTMLCanvasElement, placeOf: PlaceOf = placeInWindow): void {
    const isFinger = ({ pointerType }: PointerEvent): boolean => pointerType === "touch";
    const seen = (event: PointerEvent): void => {
      this.#at = { pointer: event.pointerId, ...placeOf(event) };
    };
    canvas.addEventListener("pointermove", (event) => {
      seen(event);
      if (canvas.ownerDocument.body.classList.contains("dragging")) return;
      if (isFinger(event)) return this.#finger(event, "move", placeOf);
      this.#send(
        this.#locked !== null ? { relative: { x: event.movementX, y: event.movementY } } : { move: placeOf(event) },
      );
      this.#press(event.buttons);
    });
    canvas.addEventListener("pointerdown", (event) => {
      seen(event);
      canvas.setPointerCapture(event.pointerId);
      this.focus();
      this.#giveCopied();
      event.preventDefault();
      if (isFinger(event)) return this.#finger(event, "down", placeOf);
      // The same listener twice is one.
      canvas.ownerDocument.addEventListener("pointerlockchange", this.#lockChanged, { signal: this.#listening.signal });
      if (this.#wantsPointer && this.#locked === null)
        void Promise.resolve(canvas.requestPointerLock()).catch(() => {});
      if (this.#locked === null) this.#send({ move: placeOf(event) });
      this.#press(event.buttons);
    });
    canvas.addEventListener("pointerup", (event) => {
      if (isFinger(event)) this.#finger(event, "up", placeOf);
      else this.#press(event.buttons);
    });
    canvas.addEventListener("pointercancel", (event) => {
      if (isFinger(event)) this.#finger(event, "cancel", placeOf);
      else this.#press(0);
    });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener(
      "wheel",
      (event) => {
        const unit = event.deltaMode === 0 ? 1 : LINE_PIXELS;
        this.#send({ scroll: { x: event.deltaX * unit, y: event.deltaY * unit } });
        event.preventDefault();
      },
      { passive: false },
    );
  }
}

type PlaceOf = (event: PointerEvent) => { readonly x: number; readonly y: number };

/** The screen is as large as the page. */
function placeInWindow({ clientX, clientY }: PointerEvent): { readonly x: number; readonly y: number } {
  return { x: Math.max(0, Math.min(innerWidth, clientX)), y: Math.max(0, Math.min(innerHeight, clientY)) };
}

function pastes({ code, ctrlKey, metaKey, altKey, shiftKey }: KeyboardEvent): boolean {
  return !altKey && ((code === "KeyV" && (ctrlKey || metaKey)) || (code === "Insert" && shiftKey));
}
