import {
  EFBIG,
  EINVAL,
  ENOSPC,
  ENOTTY,
  FBIOBLANK,
  FBIOGET_FSCREENINFO,
  FBIOGET_VSCREENINFO,
  FBIOGETCMAP,
  FBIOPAN_DISPLAY,
  FBIOPUTCMAP,
  FBIOPUT_VSCREENINFO,
  FBIO_WAITFORVSYNC,
  FB_BLANK_POWERDOWN,
  FB_TYPE_PACKED_PIXELS,
  FB_VISUAL_TRUECOLOR,
  FbBitfield,
  FbFixScreeninfo,
  FbVarScreeninfo,
  PAGE_SIZE,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { PageCache } from "../frames/page-cache.ts";
import type { IoCursor } from "../ground/io-cursor.ts";
import { BLOCKED } from "../ground/wait-queue.ts";
import { put64, putFields } from "../ground/words.ts";
import type { Inode } from "../vfs/inode.ts";
import { OpenFile } from "../vfs/open-file.ts";
import type { Path } from "../vfs/path.ts";
import { seekTarget } from "../vfs/seek-target.ts";
import { timingsOf } from "./display-modes.ts";
import type { GraphicsCaller, GraphicsKernel } from "./graphics-kernel.ts";
import type { Screen } from "./screen.ts";
import { writeText } from "./write-text.ts";

const BITS = 32;
const page = new Uint8Array(PAGE_SIZE);

/** An open /dev/fb0: pixels of the screen as a file. Source: drivers/video/fbdev/core/fb_chrdev.c. */
export class FramebufferFile extends OpenFile {
  readonly kernel: GraphicsKernel;
  readonly screen: Screen;

  constructor(kernel: GraphicsKernel, screen: Screen, flags: number, inode: Inode, path: Path) {
    super(flags, inode, path);
    this.kernel = kernel;
    this.screen = screen;
  }

  get #sizeBytes(): number {
    return this.screen.consolePitch * this.screen.height;
  }

  override read(_task: GraphicsCaller, to: IoCursor, offset: number): number {
    this.screen.text?.draw();
    let at = offset < 0 ? this.position : offset;
    const end = Math.min(at + to.remaining, this.#sizeBytes);
    let done = 0;
    while (at < end) {
      const part = Math.min(end - at, page.length);
      this.screen.consoleMemory.read(at, page, 0, part);
      const moved = to.put(page, 0, part);
      if (moved < 0) return done > 0 ? done : moved;
      done += moved;
      at += moved;
      if (moved < part) break;
    }
    if (offset < 0) this.position += done;
    return done;
  }

  /** −EFBIG behind the end; what doesn't fit is left, and −ENOSPC when nothing does. */
  override write(_task: GraphicsCaller, from: IoCursor, offset: number): number {
    const size = this.#sizeBytes;
    let at = offset < 0 ? this.position : offset;
    if (at > size) return -EFBIG;
    if (from.remaining > 0 && at === size) return -ENOSPC;
    const { pages } = this.screen.consoleMemory;
    const end = Math.min(at + from.remaining, size);
    let done = 0;
    // What was written before lies below.
    this.screen.text?.draw();
    this.screen.isConsoleUsed = true;
    while (at < end) {
      const index = Math.floor(at / PAGE_SIZE);
      const inPage = at % PAGE_SIZE;
      const frame = pages.frameForWrite(index);
      if (frame < 0) return done > 0 ? done : frame;
      const part = Math.min(end - at, PAGE_SIZE - inPage);
      const moved = from.take(pages.frames.physical.u8, frame * PAGE_SIZE + inPage, part);
      if (moved < 0) return done > 0 ? done : moved;
      pages.markDirty(index);
      done += moved;
      at += moved;
      if (moved < part) break;
    }
    if (offset < 0) this.position += done;
    return done;
  }

  override seek(offset: number, whence: number): number {
    const target = seekTarget({ position: this.position, size: this.#sizeBytes }, offset, whence);
    if (target >= 0) this.position = target;
    return target;
  }

  /** What is mapped is memory of the card. */
  override get contentInode(): null {
    return null;
  }

  override mapping(offset = 0, length = 0): PageCache | number {
    this.screen.text?.draw();
    const { consoleMemory } = this.screen;
    if (offset + length > consoleMemory.sizeBytes) return -EINVAL;
    this.screen.isConsoleUsed = true;
    return consoleMemory.pages;
  }

  override ioctl(task: GraphicsCaller, command: number, argument: number): number {
    switch (command) {
      case FBIOGET_FSCREENINFO:
        return task.space.copyOut(argument, this.#fixed(), 0, FbFixScreeninfo.size);
      case FBIOGET_VSCREENINFO:
        return task.space.copyOut(argument, this.#variable(), 0, FbVarScreeninfo.size);
      case FBIOPUT_VSCREENINFO:
      case FBIOPAN_DISPLAY:
        return this.#setVariable(task, argument);
      case FBIOBLANK:
        if (argument < 0 || argument > FB_BLANK_POWERDOWN) return -EINVAL;
        this.screen.power = argument;
        return 0;
      case FBIO_WAITFORVSYNC:
        return this.#waitForFrame(task);
      // There is no table of colours.
      case FBIOGETCMAP:
      case FBIOPUTCMAP:
        return -EINVAL;
      default:
        return -ENOTTY;
    }
  }

  #waitForFrame(task: GraphicsCaller): number {
    const { screen, kernel } = this;
    const now = kernel.now();
    const state = task.syscallState;
    const deadlineNs =
      state !== null && state.kind === "deadline" ? state.deadlineNs : screen.timeOf(screen.sequenceAt(now) + 1);
    if (now >= deadlineNs) return 0;
    task.syscallState = { kind: "deadline", deadlineNs };
    task.waitUntil(deadlineNs);
    return BLOCKED;
  }

  #fixed(): Uint8Array {
    const bytes = new Uint8Array(FbFixScreeninfo.size);
    const view = new DataView(bytes.buffer);
    writeText(view, 0, "stratosdrmfb", FbFixScreeninfo.offset.smem_start);
    putFields(view, FbFixScreeninfo, {
      smem_len: this.#sizeBytes,
      type: FB_TYPE_PACKED_PIXELS,
      visual: FB_VISUAL_TRUECOLOR,
      line_length: this.screen.consolePitch,
    });
    put64(view, FbFixScreeninfo.offset.smem_start, 0);
    return bytes;
  }

  #variable(): Uint8Array {
    const { width, height } = this.screen;
    const bytes = new Uint8Array(FbVarScreeninfo.size);
    const view = new DataView(bytes.buffer);
    const { offset } = FbVarScreeninfo;
    const { clock, hsyncStart, hsyncEnd, htotal, vsyncStart, vsyncEnd, vtotal } = timingsOf(this.screen);
    putFields(view, FbVarScreeninfo, {
      ...{ xres: width, yres: height, xres_virtual: width, yres_virtual: height, bits_per_pixel: BITS },
      // Picoseconds of a pixel.
      pixclock: Math.round(1e9 / clock),
      ...{ left_margin: htotal - hsyncEnd, right_margin: hsyncStart - width, hsync_len: hsyncEnd - hsyncStart },
      ...{ upper_margin: vtotal - vsyncEnd, lower_margin: vsyncStart - height, vsync_len: vsyncEnd - vsyncStart },
    });
    // Millimetres; −1: unknown.
    view.setInt32(offset.width, -1, true);
    view.setInt32(offset.height, -1, true);
    for (const [at, shift, length] of [
      [offset.red, 16, 8],
      [offset.green, 8, 8],
      [offset.blue, 0, 8],
      [offset.transp, 0, 0],
    ] as const)
      putFields(view, FbBitfield, { offset: shift, length }, at);
    return bytes;
  }

  /** What it is already. −EINVAL: anything else, as the emulation of a card's driver has it (drm_fb_helper.c). */
  #setVariable(task: GraphicsCaller, argument: number): number {
    const bytes = new Uint8Array(FbVarScreeninfo.size);
    const failed = task.space.copyIn(argument, bytes, 0, bytes.length);
    if (failed < 0) return failed;
    const view = new DataView(bytes.buffer);
    const { offset } = FbVarScreeninfo;
    const field = (at: number): number => view.getUint32(at, true);
    const { width, height } = this.screen;
    if (field(offset.xres) > width || field(offset.yres) > height) return -EINVAL;
    if (field(offset.xres_virtual) > width || field(offset.yres_virtual) > height) return -EINVAL;
    if (field(offset.bits_per_pixel) > BITS || field(offset.xoffset) !== 0 || field(offset.yoffset) !== 0)
      return -EINVAL;
    return task.space.copyOut(argument, this.#variable(), 0, bytes.length);
  }

  static {
    stateClass("FramebufferFile", this);
  }
}
