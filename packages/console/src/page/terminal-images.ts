/**
 * Pictures in a terminal: sixel, and iTerm2's inline images. What shows them is loaded when a program first writes one,
 * or asks whether it could; what is written meanwhile waits for it, so that none is lost.
 */
import type { Terminal } from "@xterm/xterm";
import { wantsImages } from "./image-sequences.ts";

/** Of one picture; and of all that a terminal keeps: older ones give way. */
const PIXELS_MAX = 1 << 24;
const KEPT_MEGABYTES = 64;
/** Without what decodes sixel they are left out. */
const DECODER_MS = 5000;

/** @param onLoaded  what else has answered before goes first again */
export function offerImages(terminal: Terminal, onLoaded: () => void = () => {}): void {
  const write = terminal.write.bind(terminal);
  const wants = wantsImages();
  const waiting: Parameters<typeof write>[] = [];
  let isLoading = false;
  const load = async (): Promise<void> => {
    const { ImageAddon } = await import("@xterm/addon-image");
    const addon = new ImageAddon({ pixelLimit: PIXELS_MAX, storageLimit: KEPT_MEGABYTES });
    terminal.loadAddon(addon);
    onLoaded();
    // It leaves out what comes before its decoder is compiled, and tells nobody of that.
    const { _handlers } = addon as unknown as { _handlers?: Map<string, { _dec?: unknown }> };
    const end = Date.now() + DECODER_MS;
    while (_handlers?.get("sixel")?._dec === undefined && Date.now() < end)
      await new Promise((resolve) => setTimeout(resolve, 5));
  };
  const goOn = (): void => {
    terminal.write = write;
    for (const each of waiting.splice(0)) write(...each);
  };
  terminal.write = (data, done) => {
    if (!isLoading && !wants(data)) return write(data, done);
    waiting.push([data, done]);
    if (isLoading) return;
    isLoading = true;
    // A page without the network, or that is closed meanwhile, shows what it can.
    load().then(goOn, goOn);
  };
}
