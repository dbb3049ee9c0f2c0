import type { FsCaller, FsKernel } from "../fs/fs-kernel.ts";
import type { SocketKernel } from "../socket/socket-kernel.ts";
import type { UnixCaller } from "../socket/unix/unix-socket.ts";

/** Who serves programs of the guest from outside: init, by whose rights and names the host goes. */
export interface HostServiceCaller extends FsCaller, UnixCaller {
  readonly kernel: FsKernel & SocketKernel;
}
