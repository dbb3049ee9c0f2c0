/**
 * Pictures in a terminal: sixel, and iTerm2's inline images. What shows them is loaded when a program first writes one,
 * or asks whether it could; what is written meanwhile waits for it, so that none is lost.
 */
import type { Terminal } from "@xterm/xterm";
import { wantsImages } from "./image-sequences.ts";
import type { TextOf } from "./kept-images.ts";

interface OfferedImages {
  /** What the terminal shows, with its pictures (kept-images.ts); null: it has none. */
  screen(textOf: TextOf, scrollback: number): string | null;
}

/** @param onLoaded  what else has answered before goes first again */
export function offerImages(terminal: Terminal, onLoaded: () => void = () => {}): OfferedImages {
  const write = terminal.write.bind(terminal);
  const wants = wantsImages();
  const waiting: Parameters<typeof write>[] = [];
  let isLoading = false;
  let screen: OfferedImages["screen"] = () => null;
  const load = async (): Promise<void> => {
    const { addImages } = await import("./image-addon.ts");
    screen = await addImages(terminal, onLoaded);
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
  return { screen: (textOf, scrollback) => screen(textOf, scrollback) };
}
