/** A keyboard and a pointer for the machine: /dev/input/event0 and event1. */
import { ENODEV, EVDEV_MINOR_BASE, INPUT_MAJOR, S_IFCHR } from "@stratos/abi";
import { devtmpfsOf } from "../fs/devtmpfs/devtmpfs.ts";
import { makeDevice, minorOf } from "../vfs/device-registry.ts";
import type { Inode } from "../vfs/inode.ts";
import type { Path } from "../vfs/path.ts";
import { InputFile } from "./input-file.ts";
import type { InputCaller, InputDevices, InputKernel } from "./input-kernel.ts";
import { Keyboard } from "./keyboard.ts";
import { Tablet } from "./tablet.ts";

/** Tells the vfs who opens them; −ENODEV: there is no such device. */
export function registerInputDevices(kernel: InputKernel): void {
  kernel.vfs.devices.registerCharacter(INPUT_MAJOR, -1, {
    name: "input",
    open: (task: InputCaller, inode: Inode, flags: number, path: Path) => {
      const { input } = task.kernel;
      const device = input === null ? undefined : Object.values(input)[minorOf(inode.rdev) - EVDEV_MINOR_BASE];
      return device === undefined ? -ENODEV : new InputFile(device, flags, inode, path);
    },
  });
}

/** Before the first program starts: /sys tells of them from the beginning. */
export function attachInput(kernel: InputKernel): InputDevices {
  const input: InputDevices = { keyboard: new Keyboard(kernel), tablet: new Tablet(kernel) };
  kernel.input = input;
  const nodes = devtmpfsOf(kernel);
  for (const [index, { name }] of Object.values(input).entries()) {
    const rdev = makeDevice(INPUT_MAJOR, EVDEV_MINOR_BASE + index);
    nodes.addNode(`input/event${index}`, { mode: S_IFCHR | 0o660, gid: 0, rdev });
    kernel.log(`input: ${name} as /devices/virtual/input/input${index}`);
  }
  return input;
}
