/**
 * What was copied, and who is told: programs by wl_data_device and primary selection, X11 programs by their selections,
 * and whoever shows the screen. Content goes straight from who copied it to who pastes it.
 */
import { bytes, flag, list, maybe, oneOf, record } from "@stratos/base/value-check";
import type { CompositorPorts, SharedFile } from "../core/ports.ts";
import { a, savedClass } from "../saved/saved-class.ts";

/** Of text that goes between the host and programs; more is not taken. */
export const TEXT_BYTES_MAX = 1 << 20;
/** Pastes that are being written by us; a further one is empty. */
const WRITES_MAX = 64;

/** Names of text, the best one first: UTF-8 in each of them but the last, of which programs only know ASCII. */
export const TEXT_TYPES: readonly string[] = [
  "text/plain;charset=utf-8",
  "UTF8_STRING",
  "text/plain",
  "TEXT",
  "STRING",
];

/** Something that can be pasted. */
export interface Copied {
  readonly types: readonly string[];
  /** Writes it into `file`. @param release  to be called once the file is not needed any more */
  send(type: string, file: SharedFile, release: () => void): void;
  /** Text that comes to us first: there is no program to write it. @param onText  as `Selection.readText` */
  readText?(onText: (bytes: Uint8Array | null) => void): void;
  /** It can't be pasted any more: something else was copied. */
  cancelled(): void;
  /** A display that goes on has it. */
  readonly isKept: boolean;
}

/** What offers of a display that goes on may be of: others have gone. */
export const isSavedCopied = a("DataSource", "HostText", "XCopied", "Gone");

/** What was copied where the display does not go on. */
class Gone implements Copied {
  readonly types: readonly string[] = [];
  readonly isKept = true;

  send(_type: string, _file: SharedFile, release: () => void): void {
    release();
  }

  cancelled(): void {}

  static {
    savedClass("Gone", this, { types: list(oneOf(), 0), isKept: oneOf(true) });
  }
}

export const GONE: Copied = new Gone();

/** Text of the host's. */
class HostText implements Copied {
  readonly types = TEXT_TYPES;
  readonly isKept = true;
  readonly selection: Selection;
  readonly bytes: Uint8Array;

  constructor(selection: Selection, bytes: Uint8Array) {
    this.selection = selection;
    this.bytes = bytes;
  }

  send(type: string, file: SharedFile, release: () => void): void {
    this.selection.write(file, TEXT_TYPES.includes(type) ? this.bytes : new Uint8Array(0), release);
  }

  readText(onText: (bytes: Uint8Array | null) => void): void {
    onText(this.bytes);
  }

  cancelled(): void {}

  static {
    savedClass(
      "HostText",
      this,
      { isKept: oneOf(true), selection: (value) => value instanceof Selection, bytes: bytes(TEXT_BYTES_MAX) },
      null,
      { keeps: ["types"] },
    );
  }
}

interface SavedSelection {
  readonly copied: Copied | null;
  readonly isOfHost: boolean;
}

export const isSavedSelection = record({ copied: maybe(a("DataSource", "HostText", "XCopied")), isOfHost: flag });

export class Selection {
  readonly #ports: CompositorPorts;
  readonly #watchers: ((copied: Copied | null) => void)[] = [];
  #copied: Copied | null = null;
  #ofHost: Copied | null = null;
  #writes = 0;

  constructor(ports: CompositorPorts) {
    this.#ports = ports;
  }

  get copied(): Copied | null {
    return this.#copied;
  }

  /** @param watcher  called after each change */
  watch(watcher: (copied: Copied | null) => void): void {
    this.#watchers.push(watcher);
  }

  set(copied: Copied | null): void {
    const before = this.#copied;
    if (before === copied) return;
    this.#copied = copied;
    before?.cancelled();
    for (const watcher of this.#watchers) watcher(copied);
  }

  save(): SavedSelection {
    const { isOfHost } = this;
    const isKept = this.#copied?.isKept === true;
    return { copied: isKept ? this.#copied : null, isOfHost: isKept && isOfHost };
  }

  /** Nobody is told: all know of it. */
  goOn({ copied, isOfHost }: SavedSelection): void {
    this.#copied = copied;
    this.#ofHost = isOfHost ? copied : null;
  }

  /** It is gone with its program. */
  drop(copied: Copied): void {
    if (this.#copied === copied) this.set(null);
  }

  /** Bytes of ours, into what a program passed. */
  write(file: SharedFile, bytes: Uint8Array, release: () => void): void {
    if (this.#writes >= WRITES_MAX) return release();
    this.#writes++;
    this.#ports.write(file, bytes, () => {
      this.#writes--;
      release();
    });
  }

  /** Text of the host's, as bytes of UTF-8. */
  setText(bytes: Uint8Array): void {
    const copied = new HostText(this, bytes);
    this.#ofHost = copied;
    this.set(copied);
  }

  /** It was set by `setText`. */
  get isOfHost(): boolean {
    return this.#copied !== null && this.#copied === this.#ofHost;
  }

  /** @param onText  bytes of UTF-8; null: nothing was copied that is text, or it is too much, or never came */
  readText(onText: (bytes: Uint8Array | null) => void): void {
    const copied = this.#copied;
    const type = TEXT_TYPES.find((each) => copied?.types.includes(each) === true);
    if (copied === null || type === undefined) return onText(null);
    if (copied.readText !== undefined) return copied.readText(onText);
    const { file, release } = this.#ports.collect(TEXT_BYTES_MAX, onText);
    copied.send(type, file, release);
  }
}
