/** What shows pictures in a terminal, in a file of its own, which is loaded late. */
import { ImageAddon } from "@xterm/addon-image";
import type { Terminal } from "@xterm/xterm";
import { mendedInlineFile } from "./inline-file.ts";
import { type ImageStore, screenWithImages, type TextOf } from "./kept-images.ts";

/** Of one picture; and of all that a terminal keeps: older ones give way. */
const PIXELS_MAX = 1 << 24;
const KEPT_MEGABYTES = 64;
/** Without what decodes sixel they are left out. */
const DECODER_MS = 5000;

/** Of the addon's own: it has no other way in. */
interface Inside {
  readonly _storage?: ImageStore;
  readonly _handlers?: Map<"sixel", { readonly _dec?: unknown }> & Map<"iip", InlineFiles>;
}

interface InlineFiles {
  start(): void;
  put(data: Uint32Array, start: number, end: number): void;
  end(success: boolean): boolean | Promise<boolean>;
}

/**
 * Resolves when it shows what comes.
 *
 * @returns what a terminal shows, with its pictures; null: it has none
 */
export async function addImages(
  terminal: Terminal,
  onLoaded: () => void,
): Promise<(textOf: TextOf, lines: number) => string | null> {
  const addon = new ImageAddon({ pixelLimit: PIXELS_MAX, storageLimit: KEPT_MEGABYTES });
  terminal.loadAddon(addon);
  const { _handlers: handlers, _storage: store } = addon as unknown as Inside;
  const files = handlers?.get("iip");
  if (files !== undefined)
    terminal.parser.registerOscHandler(1337, (text) => {
      const mended = mendedInlineFile(text, PIXELS_MAX);
      if (mended === null) return false;
      files.start();
      files.put(
        Uint32Array.from(mended, (character) => character.charCodeAt(0)),
        0,
        mended.length,
      );
      return files.end(true);
    });
  onLoaded();
  // It leaves out what comes before its decoder is compiled, and tells nobody of that.
  const end = Date.now() + DECODER_MS;
  while (handlers?.get("sixel")?._dec === undefined && Date.now() < end)
    await new Promise((resolve) => setTimeout(resolve, 5));
  return (textOf, lines) => (store === undefined ? null : screenWithImages(terminal, store, textOf, lines));
}
