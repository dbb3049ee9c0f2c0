/** What shows pictures in a terminal, in a file of its own, which is loaded late. */
import { ImageAddon } from "@xterm/addon-image";
import type { Terminal } from "@xterm/xterm";

/** Of one picture; and of all that a terminal keeps: older ones give way. */
const PIXELS_MAX = 1 << 24;
const KEPT_MEGABYTES = 64;
/** Without what decodes sixel they are left out. */
const DECODER_MS = 5000;

/** Resolves when it shows what comes. */
export async function addImages(terminal: Terminal, onLoaded: () => void): Promise<void> {
  const addon = new ImageAddon({ pixelLimit: PIXELS_MAX, storageLimit: KEPT_MEGABYTES });
  terminal.loadAddon(addon);
  onLoaded();
  // It leaves out what comes before its decoder is compiled, and tells nobody of that.
  const { _handlers } = addon as unknown as { _handlers?: Map<string, { _dec?: unknown }> };
  const end = Date.now() + DECODER_MS;
  while (_handlers?.get("sixel")?._dec === undefined && Date.now() < end)
    await new Promise((resolve) => setTimeout(resolve, 5));
}
