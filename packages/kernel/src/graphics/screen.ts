/**
 * The machine's monitor with what draws on it: a picture of one of the card's framebuffers while a program has set one,
 * else the frame buffer device's. It is passive: whoever shows it (the host) looks at it when it likes.
 */
import { DRM_FORMAT_RGB565, PAGE_SIZE } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { MemoryAccount } from "../frames/memory-account.ts";
import { type DisplayMode, modesOf, REFRESH_HZ } from "./display-modes.ts";
import { BYTES_PER_PIXEL, type DumbBuffer, type Framebuffer } from "./framebuffer.ts";
import { PixelMemory } from "./pixel-memory.ts";

const OPAQUE = 0xff000000;
const FRAME_NS = 1e9 / REFRESH_HZ;
/** Largest picture of the pointer, in pixels each way. */
export const CURSOR_SIZE = 64;
/** Bytes of a pixel of the frame buffer device. */
const CONSOLE_PIXEL = 4;

/** What the card sends to the monitor: `struct drm_crtc`. */
export interface Scanout {
  readonly framebuffer: Framebuffer;
  readonly mode: DisplayMode;
  /** Where in the framebuffer the screen's corner lies. */
  readonly x: number;
  readonly y: number;
}

interface ScreenCursor {
  readonly buffer: DumbBuffer;
  readonly width: number;
  readonly height: number;
}

/** Text consoles, which draw into the frame buffer device's memory. */
export interface TextLayer {
  /** Another number when it would look different. */
  readonly changes: number;
  /** Something was written on the one that is shown. */
  readonly isUsed: boolean;
  draw(): void;
}

export class Screen {
  /** Pixels: its own resolution, and the largest. */
  readonly width: number;
  readonly height: number;
  readonly modes: readonly DisplayMode[];
  scanout: Scanout | null = null;
  cursor: ScreenCursor | null = null;
  cursorX = 0;
  cursorY = 0;
  /** DPMS, or FBIOBLANK: 0 is on. */
  power = 0;
  /** Of /dev/fb0. */
  readonly consoleMemory: PixelMemory;
  /** A program has used the frame buffer device. */
  isConsoleUsed = false;
  /** Null: the screen has no text consoles. */
  text: TextLayer | null = null;
  readonly startNs: number;

  constructor(account: MemoryAccount, { width, height }: { width: number; height: number }, nowNs: number) {
    this.width = width;
    this.height = height;
    this.modes = modesOf(width, height);
    this.consoleMemory = new PixelMemory(account, 0, Math.ceil((height * this.consolePitch) / PAGE_SIZE) * PAGE_SIZE);
    this.startNs = nowNs;
  }

  /** Bytes of a line of the frame buffer device. */
  get consolePitch(): number {
    return this.width * CONSOLE_PIXEL;
  }

  /** A program has drawn something, or may have. */
  get isUsed(): boolean {
    return this.scanout !== null || this.isConsoleUsed || this.text?.isUsed === true;
  }

  /** How many frames have been sent, by the time. */
  sequenceAt(nowNs: number): number {
    return Math.floor((nowNs - this.startNs) / FRAME_NS);
  }

  /** When a frame begins. */
  timeOf(sequence: number): number {
    return this.startNs + Math.ceil(sequence * FRAME_NS);
  }

  /** What it shows, as 0xAARRGGBB. Work: its pixels. @param into  `width` × `height` pixels */
  picture(into: Uint32Array): void {
    into.fill(OPAQUE);
    if (this.power !== 0) return;
    const { scanout, width, height } = this;
    if (scanout === null) {
      if (this.isConsoleUsed || this.text !== null) this.#drawConsole(into);
      return;
    }
    const { framebuffer, mode } = scanout;
    const left = Math.floor((width - mode.width) / 2);
    const top = Math.floor((height - mode.height) / 2);
    const row = new Uint8Array(mode.width * 4);
    for (let line = 0; line < mode.height; line++)
      drawRow(framebuffer, scanout.x, scanout.y + line, row, into, (top + line) * width + left, mode.width);
    if (this.cursor !== null) this.#drawCursor(into, this.cursor, left, top, mode);
  }

  #drawConsole(into: Uint32Array): void {
    this.text?.draw();
    const bytes = new Uint8Array(into.buffer, into.byteOffset, into.byteLength);
    this.consoleMemory.read(0, bytes, 0, bytes.length);
    for (let at = 0; at < into.length; at++) into[at]! |= OPAQUE;
  }

  /** Its pixels are multiplied by their alpha already. */
  #drawCursor(into: Uint32Array, cursor: ScreenCursor, left: number, top: number, mode: DisplayMode): void {
    const row = new Uint8Array(cursor.width * 4);
    const pixels = new Uint32Array(row.buffer);
    for (let line = 0; line < cursor.height; line++) {
      const y = this.cursorY + line;
      if (y < 0 || y >= mode.height) continue;
      cursor.buffer.memory.read(line * cursor.width * 4, row, 0, row.length);
      for (let column = 0; column < cursor.width; column++) {
        const x = this.cursorX + column;
        if (x < 0 || x >= mode.width) continue;
        const at = (top + y) * this.width + left + x;
        into[at] = blend(pixels[column]!, into[at]!);
      }
    }
  }

  static {
    stateClass("Screen", this);
  }
}

function drawRow(
  { buffer, pitch, offset, format, width, height }: Framebuffer,
  x: number,
  y: number,
  row: Uint8Array,
  into: Uint32Array,
  to: number,
  count: number,
): void {
  const size = BYTES_PER_PIXEL.get(format)!;
  const seen = Math.min(count, width - x);
  if (y >= height || seen <= 0) return;
  buffer.memory.read(offset + y * pitch + x * size, row, 0, seen * size);
  if (format === DRM_FORMAT_RGB565)
    for (let column = 0; column < seen; column++)
      into[to + column] = rgb565(row[2 * column]! | (row[2 * column + 1]! << 8));
  else {
    const pixels = new Uint32Array(row.buffer, 0, seen);
    for (let column = 0; column < seen; column++) into[to + column] = pixels[column]! | OPAQUE;
  }
}

function rgb565(pixel: number): number {
  const red = (pixel >>> 11) & 31,
    green = (pixel >>> 5) & 63,
    blue = pixel & 31;
  return (
    OPAQUE | (((red << 3) | (red >>> 2)) << 16) | (((green << 2) | (green >>> 4)) << 8) | (blue << 3) | (blue >>> 2)
  );
}

function blend(over: number, under: number): number {
  const rest = 255 - (over >>> 24);
  let pixel = OPAQUE;
  for (const shift of [0, 8, 16]) {
    const value = ((over >>> shift) & 255) + Math.round((((under >>> shift) & 255) * rest) / 255);
    pixel |= Math.min(255, value) << shift;
  }
  return pixel;
}
