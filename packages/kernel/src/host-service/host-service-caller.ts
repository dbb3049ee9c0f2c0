import type { FsCaller, FsKernel } from "../fs/fs-kernel.ts";
import type { SocketCaller, SocketKernel } from "../socket/socket-kernel.ts";

/** Who serves programs of the guest from outside: init, by whose rights and names the host goes. */
export interface HostServiceCaller extends FsCaller, SocketCaller {
  readonly kernel: FsKernel & SocketKernel;
}
