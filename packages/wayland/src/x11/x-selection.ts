/**
 * Text that X11 programs copy and paste (ICCCM §2, Peer-to-Peer Communication by Means of Selections), joined with what
 * Wayland's programs do: what an X11 program owns is offered to them, and what they copy is owned by us towards X11.
 *
 *     an X11 program copies    XFIXES: another owner ──► TARGETS asked ──► text among them? ──► Selection.set
 *     … Wayland's pastes       ConvertSelection ──► property of our window (INCR: piece by piece) ──► its pipe
 *     Wayland's copies         SetSelectionOwner(our window);  X11's pastes: SelectionRequest ──► its window's property
 */
import { byteString, byteStringOf, byteStringToUtf8, concatBytes, utf8Of } from "@stratos/base";
import { flag, maybe, oneOf, record, uint32 } from "@stratos/base/value-check";
import type { SharedFile } from "../core/ports.ts";
import { a, savedClass } from "../saved/saved-class.ts";
import { type Copied, type Selection, TEXT_BYTES_MAX, TEXT_TYPES } from "../data/selection.ts";
import type { XLink } from "./x-link.ts";
import * as x from "./x-protocol.ts";
import { ATOM, type AtomName, EVENT } from "./x-protocol.ts";

/** Words of a property that GetProperty brings at a time: more than is taken. */
const WORDS_MAX = TEXT_BYTES_MAX / 4;
/** Bytes that go with one ChangeProperty. */
const PIECE = 1 << 16;
/** Pastes that wait for X11's owner; of more the oldest is empty. */
const TRANSFERS_MAX = 16;
/** An owner that says nothing for so long is passed over by the next paste. */
const PATIENCE_MS = 5000;
/** Changes of the property's value (PropertyNotify, state). */
const NEW_VALUE = 0;

interface Transfer {
  /** Called once. @param text  UTF-8; null: there is nothing */
  readonly deliver: (text: Uint8Array | null) => void;
  startMs: number;
  /** INCR: pieces so far; null: it comes at once. */
  pieces: Uint8Array[] | null;
}

/** Of an X11 program. */
class XCopied implements Copied {
  readonly owner: XSelection;
  readonly target: AtomName;

  constructor(owner: XSelection, target: AtomName) {
    this.owner = owner;
    this.target = target;
  }

  get types(): readonly string[] {
    return TEXT_TYPES;
  }

  get isKept(): boolean {
    return this.owner.isKept;
  }

  send(_type: string, file: SharedFile, release: () => void): void {
    const { selection } = this.owner;
    this.owner.paste(this.target, (text) => selection.write(file, text ?? new Uint8Array(0), release));
  }

  readText(onText: (text: Uint8Array | null) => void): void {
    this.owner.paste(this.target, onText);
  }

  cancelled(): void {}

  static {
    savedClass("XCopied", this, { owner: (value) => value instanceof XSelection, target: oneOf(...x.ATOM_NAMES) });
  }
}

interface SavedXSelection {
  readonly owned: Copied | null;
  readonly ownerTime: number;
  readonly isOurs: boolean;
  readonly target: AtomName;
}

export const isSavedXSelection = record({
  owned: maybe(a("XCopied")),
  ownerTime: uint32,
  isOurs: flag,
  target: oneOf(...x.ATOM_NAMES),
});

export class XSelection {
  readonly #name: "CLIPBOARD" | "PRIMARY";
  readonly #selection: Selection;
  readonly #nowMs: () => number;
  #link: XLink | null = null;
  /** What an X11 program owns. */
  #owned: Copied | null = null;
  /** Of the owner: an answer for another one is none. */
  #ownerTime = 0;
  /** Our window owns it, for a program of Wayland's. */
  #isOurs = false;
  #transfers: Transfer[] = [];
  /** As what they are asked for. */
  #target: AtomName = "UTF8_STRING";

  constructor(name: "CLIPBOARD" | "PRIMARY", selection: Selection, nowMs: () => number) {
    this.#name = name;
    this.#selection = selection;
    this.#nowMs = nowMs;
    selection.watch((copied) => this.#changed(copied));
  }

  begin(link: XLink): void {
    this.#link = link;
    // Without it nobody tells us who copies; what Wayland's programs copy can be pasted all the same.
    if (link.fixesMajor !== 0)
      link.request(x.selectSelectionEvents(link.fixesMajor, link.ownWindow, link.atom(this.#name)));
    this.#changed(this.#selection.copied);
  }

  /** A display that goes on has it. */
  get isKept(): boolean {
    return this.#link?.isAtRest === true;
  }

  get selection(): Selection {
    return this.#selection;
  }

  save(): SavedXSelection {
    return { owned: this.#owned, ownerTime: this.#ownerTime, isOurs: this.#isOurs, target: this.#target };
  }

  /** Instead of `begin`. */
  goOn(link: XLink, { owned, ownerTime, isOurs, target }: SavedXSelection): void {
    this.#link = link;
    this.#owned = owned;
    this.#ownerTime = ownerTime;
    this.#isOurs = isOurs;
    this.#target = target;
  }

  /** The server is gone, and with it what X11 programs have copied. */
  end(): void {
    this.#link = null;
    this.#isOurs = false;
    this.#dropTransfers();
    if (this.#owned !== null) this.#selection.drop(this.#owned);
    this.#owned = null;
  }

  /** Somebody has copied something. */
  #changed(copied: Copied | null): void {
    const link = this.#link;
    if (link === null || (copied !== null && copied === this.#owned)) return;
    this.#owned = null;
    this.#dropTransfers();
    const isText = copied !== null && TEXT_TYPES.some((type) => copied.types.includes(type));
    if (!isText && !this.#isOurs) return;
    this.#isOurs = isText;
    link.request(x.setSelectionOwner(isText ? link.ownWindow : 0, link.atom(this.#name)));
  }

  /** @returns false: it is not about this selection */
  event(code: number, event: DataView): boolean {
    const link = this.#link;
    if (link === null) return false;
    const atom = link.atom(this.#name);
    const isOf = (at: number): boolean => event.getUint32(at, true) === atom;
    if (link.fixesEvent !== 0 && code === link.fixesEvent && isOf(12)) this.#ownerChanged(link, event);
    else if (code === EVENT.selectionNotify && isOf(12)) this.#converted(link, event);
    else if (code === EVENT.selectionRequest && isOf(16)) this.#wanted(link, event);
    else if (code === EVENT.propertyNotify && event.getUint32(4, true) === link.ownWindow && isOf(8))
      this.#propertyChanged(link, event.getUint8(16));
    else return false;
    return true;
  }

  /** XFixesSelectionNotify. */
  #ownerChanged(link: XLink, event: DataView): void {
    const owner = event.getUint32(8, true);
    if (owner === link.ownWindow) return;
    this.#isOurs = false;
    this.#dropTransfers();
    this.#ownerTime = event.getUint32(20, true);
    if (owner === 0) {
      const { copied } = this.#selection;
      // A program that went takes along what it owned, and nothing else.
      if (this.#owned !== null) this.#selection.drop(this.#owned);
      else if (copied !== null) this.#changed(copied);
      return;
    }
    this.#convert(link, "TARGETS");
  }

  #convert(link: XLink, target: AtomName): void {
    const atom = link.atom(this.#name);
    // The property is named as the selection is.
    link.request(
      x.convertSelection(link.ownWindow, atom, { target: link.atom(target), property: atom, time: this.#ownerTime }),
    );
  }

  /** SelectionNotify: the owner has put it into our property, or can't. */
  #converted(link: XLink, event: DataView): void {
    const isTargets = event.getUint32(16, true) === link.atom("TARGETS");
    if (event.getUint32(20, true) === ATOM.none) return isTargets ? undefined : this.#finish(null);
    link.ask(x.getProperty(link.ownWindow, link.atom(this.#name), WORDS_MAX, true), (reply) => {
      const value = x.propertyOf(reply);
      if (isTargets) return this.#offered(link, x.wordsOf(value));
      if (value?.type === link.atom("INCR")) {
        const [transfer] = this.#transfers;
        if (transfer !== undefined) transfer.pieces = [];
      } else this.#finish(value === null || isCut(reply) ? null : value.bytes);
    });
  }

  #offered(link: XLink, atoms: readonly number[]): void {
    const texts: readonly AtomName[] = ["UTF8_STRING", "text/plain;charset=utf-8", "STRING", "TEXT", "text/plain"];
    const target = texts.find((name) => atoms.includes(link.atom(name)));
    if (target === undefined) {
      // A picture, say: what was copied before can't be pasted any more.
      if (this.#owned !== null) this.#selection.drop(this.#owned);
      return;
    }
    const copied = new XCopied(this, target);
    this.#owned = copied;
    this.#selection.set(copied);
  }

  /** What an X11 program has copied. */
  paste(target: AtomName, deliver: (text: Uint8Array | null) => void): void {
    const link = this.#link;
    if (link === null) return deliver(null);
    const [first] = this.#transfers;
    this.#transfers.push({ deliver, startMs: 0, pieces: null });
    const isStuck = first !== undefined && this.#nowMs() - first.startMs > PATIENCE_MS;
    if (isStuck || this.#transfers.length > TRANSFERS_MAX) this.#transfers.shift()!.deliver(null);
    if (first === undefined || isStuck) this.#ask(link, target);
  }

  #ask(link: XLink, target: AtomName): void {
    const [transfer] = this.#transfers;
    if (transfer === undefined) return;
    transfer.startMs = this.#nowMs();
    this.#target = target;
    this.#convert(link, target);
  }

  /** The first of those who wait has it; null: there is nothing. */
  #finish(bytes: Uint8Array | null): void {
    const transfer = this.#transfers.shift();
    if (transfer === undefined) return;
    const isLatin1 = this.#target === "STRING";
    transfer.deliver(isLatin1 && bytes !== null ? utf8OfLatin1(bytes) : bytes);
    if (this.#link !== null) this.#ask(this.#link, this.#target);
  }

  /** INCR (ICCCM §2.7.2): each piece is a new value, and an empty one is the end. */
  #propertyChanged(link: XLink, state: number): void {
    if (state !== NEW_VALUE || this.#transfers[0]?.pieces == null) return;
    link.ask(x.getProperty(link.ownWindow, link.atom(this.#name), WORDS_MAX, true), (reply) => {
      const transfer = this.#transfers[0];
      if (transfer?.pieces == null) return;
      const bytes = x.propertyOf(reply)?.bytes ?? new Uint8Array(0);
      if (bytes.length === 0) return this.#finish(concatBytes(transfer.pieces));
      transfer.pieces.push(bytes);
      transfer.startMs = this.#nowMs();
      if (transfer.pieces.reduce((sum, piece) => sum + piece.length, 0) > TEXT_BYTES_MAX) this.#finish(null);
    });
  }

  #dropTransfers(): void {
    for (const { deliver } of this.#transfers.splice(0)) deliver(null);
  }

  /** SelectionRequest: an X11 program pastes what is ours. */
  #wanted(link: XLink, event: DataView): void {
    const request = new Uint8Array(event.buffer, event.byteOffset, 32).slice();
    const requestor = event.getUint32(12, true),
      target = event.getUint32(20, true);
    // Clients of before ICCCM name none.
    const property = event.getUint32(24, true) || target;
    const answer = (isThere: boolean): void => notify(link, request, isThere ? property : ATOM.none);
    const { copied } = this.#selection;
    const texts: readonly AtomName[] = ["UTF8_STRING", "text/plain;charset=utf-8", "text/plain", "TEXT", "STRING"];
    if (copied === null || copied === this.#owned) return answer(false);
    if (target === link.atom("TARGETS")) {
      const atoms = [link.atom("TARGETS"), ...texts.map((name) => link.atom(name))];
      link.request(x.setProperty(requestor, property, ATOM.atom, atoms));
      return answer(true);
    }
    const name = texts.find((each) => link.atom(each) === target);
    if (name === undefined) return answer(false);
    this.#selection.readText((bytes) => {
      if (bytes === null || this.#link !== link) return answer(false);
      const type = name === "TEXT" ? link.atom("UTF8_STRING") : target;
      const text = name === "STRING" ? latin1OfUtf8(bytes) : bytes;
      for (let at = 0; at === 0 || at < text.length; at += PIECE)
        link.request(
          x.setPropertyBytes(requestor, property, type, { bytes: text.subarray(at, at + PIECE), isMore: at > 0 }),
        );
      answer(true);
    });
  }
}

/** More is there than was asked for. */
function isCut(reply: DataView | null): boolean {
  return reply !== null && reply.getUint32(12, true) > 0;
}

/** SelectionNotify, for a SelectionRequest. */
function notify(link: XLink, request: Uint8Array, property: number): void {
  const from = new DataView(request.buffer);
  const told = new DataView(new ArrayBuffer(32));
  told.setUint8(0, EVENT.selectionNotify);
  const requestor = from.getUint32(12, true);
  const words = [from.getUint32(4, true), requestor, from.getUint32(16, true), from.getUint32(20, true), property];
  for (const [index, word] of words.entries()) told.setUint32(4 + 4 * index, word, true);
  link.request(x.sendEvent(requestor, 0, new Uint8Array(told.buffer)));
}

function utf8OfLatin1(bytes: Uint8Array): Uint8Array {
  return utf8Of(byteString(bytes));
}

/** Characters that it has not become question marks. */
function latin1OfUtf8(bytes: Uint8Array): Uint8Array {
  const characters = [...byteStringToUtf8(byteString(bytes))];
  return byteStringOf(characters.map((character) => (character > "\xff" ? "?" : character)).join(""));
}
