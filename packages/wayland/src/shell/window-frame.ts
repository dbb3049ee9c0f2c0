/** The frame that we draw around windows of programs that expect one: a title, a button that closes, edges to pull. */
import { Damage, type Rectangle } from "../geometry/rectangle.ts";
import { enums } from "../protocol/protocol.ts";
import type { Content } from "../surface/surface.ts";
import { drawText, textWidth, TEXT_HEIGHT } from "./glyphs.ts";

export const TITLE_PIXELS = 24;
/** How far beside the window its edges can be taken. */
const EDGE_PIXELS = 6;
/** Pixels at a corner of which both edges move. */
const CORNER_PIXELS = 16;
const TEXT_MARGIN = 8;
/** 0xAARRGGBB. */
const ACTIVE = 0xff4c566a,
  INACTIVE = 0xff3b4252,
  INK = 0xffeceff4;

const { left, right, top, bottom } = enums.xdg_toplevel.resize_edge;

/** What a press there does. @see xdg_toplevel.resize_edge */
export type FramePart = { readonly kind: "close" } | { readonly kind: "drag"; readonly edges: number };

export class WindowFrame {
  readonly scale = 1;
  readonly transform = 0;
  readonly height = TITLE_PIXELS;
  readonly damage = new Damage();
  /** What it lies around. */
  #body = { width: 0, height: 0 };
  #title = "";
  #isActive = false;
  #content: Content = { width: 0, height: TITLE_PIXELS, pixels: new Uint32Array(0) };

  get content(): Content {
    return this.#content;
  }

  get width(): number {
    return this.#content.width;
  }

  get source(): Rectangle {
    return { x: 0, y: 0, width: this.width, height: this.height };
  }

  /** Draws it anew where something is different. @param body  size of the window */
  update(body: { readonly width: number; readonly height: number }, title: string, isActive: boolean): void {
    const isSame = body.width === this.#body.width && title === this.#title && isActive === this.#isActive;
    this.#body = body;
    if (isSame) return;
    this.#title = title;
    this.#isActive = isActive;
    const { width } = body;
    const pixels = new Uint32Array(width * TITLE_PIXELS).fill(isActive ? ACTIVE : INACTIVE);
    this.#content = { width, height: TITLE_PIXELS, pixels };
    const room = width - TITLE_PIXELS - 2 * TEXT_MARGIN;
    let shown = title;
    while (shown !== "" && textWidth(shown) > room) shown = shown.slice(0, -1);
    drawText(this.#content, shown, { x: TEXT_MARGIN, y: (TITLE_PIXELS - TEXT_HEIGHT) >> 1, pixel: INK });
    this.#drawCross(width - TITLE_PIXELS);
    this.damage.add(this.source);
  }

  #drawCross(from: number): void {
    const FIRST = 8,
      LAST = TITLE_PIXELS - 9;
    if (from < 0) return;
    for (let step = FIRST; step <= LAST; step++)
      for (const thick of [0, 1]) {
        const column = Math.min(LAST, step + thick);
        this.#content.pixels[step * this.width + from + column] = INK;
        this.#content.pixels[step * this.width + from + TITLE_PIXELS - 1 - column] = INK;
      }
  }

  takesInput(x: number, y: number): boolean {
    return this.partAt(x, y) !== null;
  }

  /** @param x  from the frame's left upper corner; null: it is not of the frame */
  partAt(x: number, y: number): FramePart | null {
    const { width, height } = this.#body;
    const whole = height + TITLE_PIXELS;
    if (x < -EDGE_PIXELS || y < -EDGE_PIXELS || x >= width + EDGE_PIXELS || y >= whole + EDGE_PIXELS) return null;
    if (x >= 0 && x < width && y >= 0 && y < whole) {
      if (y >= TITLE_PIXELS) return null;
      return x >= width - TITLE_PIXELS ? { kind: "close" } : { kind: "drag", edges: 0 };
    }
    const isBeside = x < 0 || x >= width,
      isOver = y < 0 || y >= whole;
    const near = (at: number, length: number, before: number, after: number, reaches: boolean): number => {
      const margin = reaches ? CORNER_PIXELS : 0;
      return at < margin ? before : at >= length - margin ? after : 0;
    };
    return { kind: "drag", edges: near(x, width, left, right, isOver) | near(y, whole, top, bottom, isBeside) };
  }
}

/** Of cursor-shape-v1: how the pointer looks over a part. */
export function shapeOf(part: FramePart): number {
  const { shape } = enums.wp_cursor_shape_device_v1;
  const byEdges: Readonly<Record<number, number>> = {
    [left]: shape.w_resize,
    [right]: shape.e_resize,
    [top]: shape.n_resize,
    [bottom]: shape.s_resize,
    [top | left]: shape.nw_resize,
    [top | right]: shape.ne_resize,
    [bottom | left]: shape.sw_resize,
    [bottom | right]: shape.se_resize,
  };
  return part.kind === "close" ? shape.default : (byEdges[part.edges] ?? shape.default);
}
