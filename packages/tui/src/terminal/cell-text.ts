/**
 * Text as a terminal's cells hold it: how wide it is, cut and padded to a width. Nothing that could command a terminal
 * gets through: control characters, and those that turn the direction of what follows.
 */
import { eastAsianWidth } from "get-east-asian-width";

/** Joins what it follows: marks, joiners, variation selectors. */
const ZERO_WIDTH = /^[\p{Mn}\p{Me}\u200b-\u200d\ufe00-\ufe0f\u{e0100}-\u{e01ef}]$/u;
/** Control characters, direction marks and overrides, separators of lines, halves of surrogates. */
const COMMANDS = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;
const ASCII = /^[\x20-\x7e]*$/;
/** Stands for what is not shown. */
const HIDDEN = "\ufffd";

/** A character of one cell or two, with the marks on it. */
interface Glyph {
  readonly text: string;
  readonly width: 1 | 2;
}

/** One line: tabs are spaces, what could command the terminal is shown as U+FFFD. */
export function glyphsOf(text: string): Glyph[] {
  const clean = text.replaceAll("\t", "  ").replace(COMMANDS, HIDDEN);
  if (ASCII.test(clean)) return Array.from(clean, (each) => ({ text: each, width: 1 }));
  const glyphs: { text: string; width: 1 | 2 }[] = [];
  for (const character of clean) {
    const before = glyphs.at(-1);
    if (ZERO_WIDTH.test(character)) {
      if (before !== undefined) before.text += character;
    } else glyphs.push({ text: character, width: eastAsianWidth(character.codePointAt(0)!) });
  }
  return glyphs;
}

export function widthOf(text: string): number {
  if (ASCII.test(text)) return text.length;
  return glyphsOf(text).reduce((width, glyph) => width + glyph.width, 0);
}

/** As much of it as fits; what was cut ends with `…`. */
export function clip(text: string, width: number): string {
  if (width <= 0) return "";
  if (widthOf(text) <= width) return text;
  let kept = "";
  let used = 0;
  for (const glyph of glyphsOf(text)) {
    if (used + glyph.width > width - 1) break;
    kept += glyph.text;
    used += glyph.width;
  }
  return `${kept}…`;
}

export function padEnd(text: string, width: number): string {
  const clipped = clip(text, width);
  return clipped + " ".repeat(Math.max(width - widthOf(clipped), 0));
}

export function padStart(text: string, width: number): string {
  const clipped = clip(text, width);
  return " ".repeat(Math.max(width - widthOf(clipped), 0)) + clipped;
}

/** Lines of at most that width, broken at spaces where there are any. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split("\n")) {
    let line = "";
    for (const word of paragraph.split(" ")) {
      const longer = line === "" ? word : `${line} ${word}`;
      if (widthOf(longer) <= width) {
        line = longer;
        continue;
      }
      if (line !== "") lines.push(line);
      line = word;
      // A word that is too long, or a sentence of a script without spaces.
      while (widthOf(line) > width) {
        const glyphs = glyphsOf(line);
        let taken = 0;
        for (let used = 0; taken < glyphs.length && used + glyphs[taken]!.width <= width; taken++)
          used += glyphs[taken]!.width;
        taken = Math.max(taken, 1);
        lines.push(joined(glyphs.slice(0, taken)));
        line = joined(glyphs.slice(taken));
      }
    }
    lines.push(line);
  }
  return lines;
}

function joined(glyphs: readonly Glyph[]): string {
  return glyphs.map(({ text }) => text).join("");
}
