/** Surfaces drawn over one another by the processor: 0xAARRGGBB, colours multiplied by alpha. */
import { intersection, type Rectangle, scaledRound } from "../geometry/rectangle.ts";
import type { Content } from "../surface/surface.ts";

export interface Canvas {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint32Array;
}

/** What can be drawn: pixels, and how they lie on the screen (surface/surface.ts says what each means). */
interface Picture {
  readonly content: Content | null;
  readonly width: number;
  readonly height: number;
  readonly source: Rectangle;
  readonly scale: number;
  readonly transform: number;
}

interface Layer {
  readonly surface: Picture;
  readonly x: number;
  readonly y: number;
}

/**
 * Draws `layers`, from the bottom, over `background` within each of `parts`.
 *
 * @param scale  pixels of the canvas, in which `parts` are, for one of the surfaces
 */
export function compose(
  canvas: Canvas,
  parts: readonly Rectangle[],
  layers: readonly Layer[],
  background: number,
  scale = 1,
): void {
  const bounds = { x: 0, y: 0, width: canvas.width, height: canvas.height };
  for (const part of parts) {
    const clip = intersection(part, bounds);
    if (clip === null) continue;
    for (let y = clip.y; y < clip.y + clip.height; y++) {
      const row = y * canvas.width + clip.x;
      canvas.pixels.fill(background, row, row + clip.width);
    }
    for (const { surface, x, y } of layers) {
      const { content, width, height } = surface;
      const place = scaledRound({ x, y, width, height }, scale);
      const shown = content === null ? null : intersection(place, clip);
      if (shown === null) continue;
      if (isPlain(surface, content!, place)) drawPlain(canvas, content!, shown, place);
      else drawMapped(canvas, surface, shown, place);
    }
  }
}

/** A pixel of the buffer is one of the canvas. */
function isPlain({ source, scale, transform }: Picture, { width, height }: Content, place: Rectangle): boolean {
  const isWhole =
    source.x === 0 && source.y === 0 && source.width * scale === width && source.height * scale === height;
  return transform === 0 && isWhole && place.width === width && place.height === height;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

function drawPlain(canvas: Canvas, content: Content, part: Rectangle, origin: Point): void {
  for (let y = part.y; y < part.y + part.height; y++) {
    const target = y * canvas.width + part.x;
    const source = (y - origin.y) * content.width + (part.x - origin.x);
    for (let index = 0; index < part.width; index++)
      blend(canvas.pixels, target + index, content.pixels[source + index]!);
  }
}

/** With a scale, a transform or a viewport: the pixel of the buffer below the middle of that of the canvas. */
function drawMapped(canvas: Canvas, surface: Picture, part: Rectangle, origin: Rectangle): void {
  const content = surface.content!;
  const { source, scale, transform } = surface;
  const stepX = source.width / origin.width,
    stepY = source.height / origin.height;
  const isSideways = (transform & 1) === 1;
  const turnedWidth = isSideways ? content.height : content.width,
    turnedHeight = isSideways ? content.width : content.height;
  const clamp = (value: number, length: number): number => Math.max(0, Math.min(length - 1, Math.floor(value)));
  for (let y = part.y; y < part.y + part.height; y++) {
    const v = (source.y + (y - origin.y + 0.5) * stepY) * scale;
    for (let x = part.x; x < part.x + part.width; x++) {
      const u = (source.x + (x - origin.x + 0.5) * stepX) * scale;
      const [bufferX, bufferY] = inBuffer(transform, u, v, turnedWidth, turnedHeight);
      const at = clamp(bufferY, content.height) * content.width + clamp(bufferX, content.width);
      blend(canvas.pixels, y * canvas.width + x, content.pixels[at]!);
    }
  }
}

/**
 * Where a point of the turned buffer lies in the buffer (wl_output.transform: flipped around a vertical axis, then
 * turned counter-clockwise). Sizes are those of the turned one.
 */
function inBuffer(transform: number, x: number, y: number, width: number, height: number): readonly [number, number] {
  const flipped = transform >= 4 ? width - x : x;
  switch (transform & 3) {
    case 0:
      return [flipped, y];
    case 1:
      return [y, width - flipped];
    case 2:
      return [width - flipped, height - y];
    default:
      return [height - y, flipped];
  }
}

/** Porter and Duff's "over". */
function blend(pixels: Uint32Array, at: number, over: number): void {
  const alpha = over >>> 24;
  if (alpha === 255) pixels[at] = over;
  else if (over !== 0) {
    const under = pixels[at]!;
    const keep = 255 - alpha;
    // Two channels at a time, each divided by 255 and rounded.
    const even = (under & 0x00ff00ff) * keep + 0x00800080;
    const odd = ((under >>> 8) & 0x00ff00ff) * keep + 0x00800080;
    const low = ((even + ((even >>> 8) & 0x00ff00ff)) >>> 8) & 0x00ff00ff;
    const high = (odd + ((odd >>> 8) & 0x00ff00ff)) & 0xff00ff00;
    pixels[at] = saturatingSum(over, (low | high) >>> 0);
  }
}

/** A client may say colours that are brighter than their alpha allows. */
function saturatingSum(one: number, other: number): number {
  let sum = 0;
  for (let shift = 0; shift < 32; shift += 8)
    sum |= Math.min(255, ((one >>> shift) & 255) + ((other >>> shift) & 255)) << shift;
  return sum >>> 0;
}
