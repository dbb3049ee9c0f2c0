/**
 * A screen, a keyboard and a pointer for a machine, with what udevd would note of them: without those notes libudev's
 * users (X servers, libinput) take the devices for such that are still being looked at.
 */
import { PAGE_SIZE, S_IFDIR, S_IFREG } from "@stratos/abi";
import { byteStringOf } from "@stratos/base";
import { directoryAt, type Inode, type Kernel } from "@stratos/kernel";
import { attachInput, attachScreen } from "@stratos/kernel/devices";

/** /run/udev/data, by device number, and what udev's rules 60-input-id and 71-seat say of such devices. */
const NOTES: Readonly<Record<string, readonly string[]>> = {
  "c13:64": ["E:ID_INPUT=1", "E:ID_INPUT_KEY=1", "E:ID_INPUT_KEYBOARD=1", "G:seat", "G:power-switch"],
  "c13:65": ["E:ID_INPUT=1", "E:ID_INPUT_MOUSE=1", "G:seat"],
  "c226:0": ["G:seat", "G:master-of-seat"],
  "c29:0": ["G:seat"],
};

/** Before the first program starts. @param screen  in pixels */
export function attachDevices(kernel: Kernel, screen: { readonly width: number; readonly height: number }): void {
  attachScreen(kernel, screen);
  attachInput(kernel);
  const run = directoryAt(kernel, "/run");
  if (typeof run === "number") return;
  const owner = { uid: 0, gid: 0, rdev: 0, now: kernel.vfs.now() };
  let folder = run.dentry.inode!;
  for (const name of ["udev", "data"]) {
    folder.mkdir(name, { ...owner, mode: S_IFDIR | 0o755 });
    folder = folder.lookup(name) as Inode;
  }
  for (const [name, lines] of Object.entries(NOTES)) {
    const file = folder.create(name, { ...owner, mode: S_IFREG | 0o644 });
    if (typeof file === "number") continue;
    const bytes = byteStringOf(["I:1", ...lines, "V:1", ""].join("\n"));
    const frame = file.pages!.frameForOverwrite(0);
    if (frame < 0) continue;
    kernel.physical.u8.fill(0, frame * PAGE_SIZE, (frame + 1) * PAGE_SIZE);
    kernel.physical.u8.set(bytes, frame * PAGE_SIZE);
    file.size = bytes.length;
  }
}
