/** A keyboard and a pointer for the machine: /dev/input/event0 and event1. */
import { EVDEV_MINOR_BASE, INPUT_MAJOR, S_IFCHR } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { devtmpfsOf } from "../fs/devtmpfs/devtmpfs.ts";
import { makeDevice } from "../vfs/device-registry.ts";
import type { InputDevice } from "./input-device.ts";
import { InputFile } from "./input-file.ts";
import type { InputDevices, InputKernel } from "./input-kernel.ts";
import { Keyboard } from "./keyboard.ts";
import { Tablet } from "./tablet.ts";

/** What the kernel has of them; their driver is registered anew wherever the machine goes on. */
class AttachedInput implements InputDevices {
  readonly kernel: InputKernel;
  readonly keyboard: Keyboard;
  readonly tablet: Tablet;

  constructor(kernel: InputKernel) {
    this.kernel = kernel;
    this.keyboard = new Keyboard(kernel);
    this.tablet = new Tablet(kernel);
  }

  get all(): readonly InputDevice[] {
    return [this.keyboard, this.tablet];
  }

  /** Tells the vfs who opens their nodes. */
  register(): void {
    for (const [index, device] of this.all.entries())
      this.kernel.vfs.devices.registerCharacter(INPUT_MAJOR, EVDEV_MINOR_BASE + index, {
        name: "input",
        open: (_task, inode, flags, path) => new InputFile(device, flags, inode, path),
      });
  }

  static {
    stateClass("AttachedInput", this, null, { loaded: (it) => it.register() });
  }
}

/** Before the first program starts: /sys tells of them from the beginning. */
export function attachInput(kernel: InputKernel): InputDevices {
  const input = new AttachedInput(kernel);
  input.register();
  kernel.input = input;
  const nodes = devtmpfsOf(kernel);
  for (const [index, { name }] of input.all.entries()) {
    const rdev = makeDevice(INPUT_MAJOR, EVDEV_MINOR_BASE + index);
    nodes.addNode(`input/event${index}`, { mode: S_IFCHR | 0o660, gid: 0, rdev });
    kernel.log(`input: ${name} as /devices/virtual/input/input${index}`);
  }
  return input;
}
