/** A card with its screen for the machine: /dev/dri/card0, and /dev/fb0 as Linux makes it of the same card. */
import { DRM_MAJOR, FB_MAJOR, S_IFCHR } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { devtmpfsOf } from "../fs/devtmpfs/devtmpfs.ts";
import { makeDevice } from "../vfs/device-registry.ts";
import { DrmCard } from "./drm-card.ts";
import { DrmFile } from "./drm-file.ts";
import { FramebufferFile } from "./framebuffer-file.ts";
import type { GraphicsKernel } from "./graphics-kernel.ts";
import { Screen } from "./screen.ts";

/** Group "video" of Debian. */
const VIDEO_GID = 44;

/** What the kernel has of its screen; its drivers are registered anew wherever the machine goes on. */
class AttachedScreen {
  readonly kernel: GraphicsKernel;
  readonly card: DrmCard;

  constructor(kernel: GraphicsKernel, card: DrmCard) {
    this.kernel = kernel;
    this.card = card;
  }

  /** Tells the vfs who opens its nodes. */
  register(): void {
    const { card, kernel } = this;
    const { devices } = kernel.vfs;
    devices.registerCharacter(DRM_MAJOR, 0, {
      name: "drm",
      open: (_task, inode, flags, path) => new DrmFile(card, flags, inode, path),
    });
    devices.registerCharacter(FB_MAJOR, 0, {
      name: "fb",
      open: (_task, inode, flags, path) => new FramebufferFile(kernel, card.screen, flags, inode, path),
    });
  }

  static {
    stateClass("AttachedScreen", this, null, { loaded: (it) => it.register() });
  }
}

/**
 * Before the first program starts: /sys tells of it from the beginning.
 *
 * @param size  in pixels
 */
export function attachCard(kernel: GraphicsKernel, size: { readonly width: number; readonly height: number }): DrmCard {
  const screen = new Screen(kernel.memory, size, kernel.now());
  const attached = new AttachedScreen(kernel, new DrmCard(kernel, screen));
  attached.register();
  kernel.graphics = attached;
  const nodes = devtmpfsOf(kernel);
  const node = { mode: S_IFCHR | 0o660, gid: VIDEO_GID };
  nodes.addNode("dri/card0", { ...node, rdev: makeDevice(DRM_MAJOR, 0) });
  nodes.addNode("fb0", { ...node, rdev: makeDevice(FB_MAJOR, 0) });
  kernel.log(`[drm] Initialized stratos 1.0.0 for stratos-screen on minor 0 (${size.width}x${size.height})`);
  return attached.card;
}
