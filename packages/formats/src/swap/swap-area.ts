/** The header that mkswap writes. Source: Linux include/linux/swap.h, `union swap_header`. */
import { viewOf, type Disk } from "../disk/disk.ts";
import { uuidBytes } from "../gpt/guid.ts";

const PAGE = 4096;
const LABEL_MAX = 15;

export function writeSwap(disk: Disk, { uuid, label }: { readonly uuid: string; readonly label: string }): void {
  const page = new Uint8Array(PAGE),
    view = viewOf(page);
  view.setUint32(1024, 1, true);
  view.setUint32(1028, Math.floor(disk.size / PAGE) - 1, true);
  page.set(uuidBytes(uuid), 1036);
  for (let index = 0; index < Math.min(LABEL_MAX, label.length); index++)
    page[1052 + index] = label.charCodeAt(index) & 0x7f;
  "SWAPSPACE2".split("").forEach((letter, index) => (page[PAGE - 10 + index] = letter.charCodeAt(0)));
  disk.write(0, page);
}
