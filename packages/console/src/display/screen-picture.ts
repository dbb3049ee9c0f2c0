/** A picture of a screen that others look at, too: once a window is there, and nothing was drawn for a second. */
import { parseMessage, type ScreenSource } from "@stratos/display";
import { readParts } from "@stratos/display/read-parts";

const SETTLED_MS = 1000;

interface ScreenPicture {
  readonly width: number;
  readonly height: number;
  /** 0xAARRGGBB */
  readonly pixels: Uint32Array;
}

/** @returns how it is after that time at the latest; null: there was no window @throws Error: it cannot be seen */
export function pictureOf(source: ScreenSource, timeoutMs: number): Promise<ScreenPicture | null> {
  return new Promise((resolve, reject) => {
    let picture: ScreenPicture = { width: 0, height: 0, pixels: new Uint32Array(0) };
    let windows = 0;
    let settling: NodeJS.Timeout | null = null;
    let problem = "it is shown no more";
    const end = (): void => {
      clearTimeout(timer);
      if (settling !== null) clearTimeout(settling);
      watching.leave();
      resolve(windows === 0 ? null : picture);
    };
    const timer = setTimeout(end, timeoutMs);
    const settle = (): void => {
      if (settling !== null) clearTimeout(settling);
      settling = windows === 0 ? null : setTimeout(end, SETTLED_MS);
    };
    const send = (message: string | Uint8Array): void => {
      if (typeof message === "string") {
        const told = parseMessage(message);
        if (typeof told["windows"] === "number") windows = told["windows"];
        if (typeof told["problem"] === "string") problem = told["problem"];
        const { width, height } = (told["size"] ?? picture) as ScreenPicture;
        if (width !== picture.width || height !== picture.height)
          picture = { width, height, pixels: new Uint32Array(width * height) };
        // What is on a new window comes with the next bytes.
        if (settling === null) settle();
        return;
      }
      draw(picture, message);
      settle();
      watching.take('{"shown":true}');
    };
    const close = (): void => {
      clearTimeout(timer);
      if (settling !== null) clearTimeout(settling);
      reject(new Error(problem));
    };
    const watching = source.connect({ send, close }, false);
  });
}

/** As screen-viewers.ts has written it. */
function draw({ width: across, pixels: picture }: ScreenPicture, bytes: Uint8Array): void {
  readParts(bytes, 0, (x, y, width, height, pixels) => {
    let at = 0;
    for (let line = y; line < y + height; line++)
      for (let to = line * across + x; to < line * across + x + width; to++, at += 4)
        picture[to] = 0xff000000 | (pixels[at]! << 16) | (pixels[at + 1]! << 8) | pixels[at + 2]!;
  });
}
