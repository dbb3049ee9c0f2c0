/** A screen for the machine, with the text consoles on it: /dev/tty2 … beside the card's own nodes. */
import { S_IFCHR, TTY_MAJOR } from "@stratos/abi";
import { devtmpfsOf } from "../fs/devtmpfs/devtmpfs.ts";
import { attachCard } from "../graphics/attach-card.ts";
import type { GraphicsKernel } from "../graphics/graphics-kernel.ts";
import type { Screen } from "../graphics/screen.ts";
import { CONSOLE_NUMBER } from "../tty/tty-state.ts";
import { makeDevice } from "../vfs/device-registry.ts";
import { LAST_TERMINAL, VirtualTerminals } from "./virtual-terminals.ts";

/** Group "tty" of every distribution. */
const TTY_GID = 5;

/**
 * Before the first program starts: /sys tells of it from the beginning.
 *
 * @param size  in pixels
 */
export function attachScreen(
  kernel: GraphicsKernel,
  size: { readonly width: number; readonly height: number },
): Screen {
  const card = attachCard(kernel, size);
  const terminals = new VirtualTerminals(kernel, card);
  kernel.tty.virtual = terminals;
  card.screen.text = terminals;
  const nodes = devtmpfsOf(kernel);
  for (let number = CONSOLE_NUMBER + 1; number <= LAST_TERMINAL; number++)
    nodes.addNode(`tty${number}`, { mode: S_IFCHR | 0o620, gid: TTY_GID, rdev: makeDevice(TTY_MAJOR, number) });
  return card.screen;
}
