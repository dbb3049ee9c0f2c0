/** SGR: how what is written next looks (console_codes(4), "ECMA-48 Select Graphic Rendition"). */
import type { TextScreen } from "./text-screen.ts";

/** ANSI's colours have red first, as the palette has. */
const PLAIN = { colour: 7, background: 0 };

export function setRendition(screen: TextScreen, parameters: Int32Array, count: number): void {
  for (let at = 0; at < count; at++) {
    const code = parameters[at]!;
    if (code === 38 || code === 48) {
      at = extendedColour(screen, parameters, count, at);
      continue;
    }
    one(screen, code);
  }
}

function one(screen: TextScreen, code: number): void {
  const { pen } = screen;
  switch (code) {
    case 0:
      screen.resetPen();
      return;
    case 1:
      pen.intensity = 2;
      return;
    case 2:
      pen.intensity = 0;
      return;
    case 4:
    case 21:
      pen.isUnderlined = true;
      return;
    case 7:
      pen.isReversed = true;
      return;
    case 22:
      pen.intensity = 1;
      return;
    case 24:
      pen.isUnderlined = false;
      return;
    case 27:
      pen.isReversed = false;
      return;
    case 39:
      pen.colour = PLAIN.colour;
      return;
    case 49:
      pen.background = PLAIN.background;
      return;
    default:
      if (code >= 30 && code < 38) pen.colour = code - 30;
      else if (code >= 40 && code < 48) pen.background = code - 40;
      else if (code >= 90 && code < 98) pen.colour = code - 82;
      else if (code >= 100 && code < 108) pen.background = code - 92;
  }
}

/** 5;INDEX or 2;RED;GREEN;BLUE: the nearest of the sixteen. @returns where its last parameter is */
function extendedColour(screen: TextScreen, parameters: Int32Array, count: number, at: number): number {
  const kind = parameters[at + 1];
  const end = at + (kind === 5 ? 2 : kind === 2 ? 4 : 1);
  if (end >= count || (kind !== 5 && kind !== 2)) return end;
  const colour =
    kind === 5 ? indexed(parameters[end]!) : nearest(parameters[end - 2]!, parameters[end - 1]!, parameters[end]!);
  if (parameters[at] === 38) screen.pen.colour = colour;
  else screen.pen.background = colour;
  return end;
}

/** xterm's 256: sixteen, a cube of 6 × 6 × 6, and 24 greys. */
function indexed(index: number): number {
  if (index < 16) return index;
  if (index > 255) return PLAIN.colour;
  if (index >= 232) return nearest(...grey(8 + (index - 232) * 10));
  const level = (step: number): number => (step === 0 ? 0 : 55 + 40 * step);
  const cube = index - 16;
  return nearest(level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6));
}

function grey(level: number): [number, number, number] {
  return [level, level, level];
}

/** Which parts are at least half of the brightest, and bright where that one is. */
function nearest(red: number, green: number, blue: number): number {
  const most = Math.max(red, green, blue);
  if (most < 0x2b) return 0;
  const least = Math.max(0x2b, most / 2);
  const parts = (red >= least ? 1 : 0) | (green >= least ? 2 : 0) | (blue >= least ? 4 : 0);
  if (parts === 7) return most < 0x80 ? 8 : most < 0xd5 ? 7 : 15;
  return most > 0xd4 ? parts | 8 : parts;
}
