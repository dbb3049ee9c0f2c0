/** /dev/net/tun; what opens it (tun-file.ts) pages load when somebody does. */
import { MISC_MAJOR, TUN_MINOR } from "@stratos/abi";
import type { DeviceDrivers } from "../../vfs/vfs-state.ts";
import type { SocketCaller } from "../socket-kernel.ts";
import { openTun } from "./tun-file.ts";

/** Tells the vfs who opens it. */
export function registerTun(devices: DeviceDrivers): void {
  devices.registerCharacter(MISC_MAJOR, TUN_MINOR, {
    name: "misc",
    open: (task: SocketCaller, inode, flags, path) => openTun(task, flags, inode, path),
  });
}
